package query

import (
	"math"
	"strconv"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/json"
)

// Query is a query that was read.
type Query struct {
	filter *filter // nil = all
	sort   []sorting
	limit  int // 0 = none
	skip   int
}

type sorting struct {
	key        string
	descending bool
}

// Parse reads a query. What is wrong with it the error says with its place, and
// has the status InvalidArgument.
func Parse(text []byte) (*Query, error) {
	doc, err := json.Parse(text)
	if err != nil {
		return nil, bad("is not JSON: " + err.Error())
	}
	if doc.Kind() != json.Object {
		return nil, bad("is " + doc.Kind().String() + ", not an object")
	}
	q := &Query{}
	if f, ok := doc.Get("filter"); ok && f.Kind() != json.Null && !(f.Kind() == json.Object && f.Len() == 0) {
		if q.filter, err = parseFilter(f, "filter"); err != nil {
			return nil, err
		}
	}
	if s, ok := doc.Get("sort"); ok && s.Kind() != json.Null {
		if q.sort, err = parseSort(s); err != nil {
			return nil, err
		}
	}
	if p, ok := doc.Get("page"); ok && p.Kind() != json.Null {
		if err := q.parsePage(p); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func bad(text string) error { return berth.NewError(berth.InvalidArgument, "query "+text) }

func parseSort(v json.Value) ([]sorting, error) {
	if v.Kind() != json.Array {
		return nil, bad("sort is " + v.Kind().String() + ", not an array")
	}
	out := make([]sorting, v.Len())
	for i, e := range v.Elements() {
		at := "sort[" + strconv.Itoa(i) + "]"
		key, _ := e.Get("key")
		if key.Kind() != json.String || key.Text() == "" {
			return nil, bad(at + " is not an object with a key, which is a string")
		}
		out[i].key = key.Text()
		order, _ := e.Get("order")
		switch {
		case order.Kind() == json.Missing, order.Kind() == json.Null, order.Kind() == json.String && (order.Text() == "" || order.Text() == "ASC"):
		case order.Kind() == json.String && order.Text() == "DESC":
			out[i].descending = true
		default:
			return nil, bad(at + " has an order other than ASC and DESC")
		}
	}
	return out, nil
}

func (q *Query) parsePage(v json.Value) error {
	if v.Kind() != json.Object {
		return bad("page is " + v.Kind().String() + ", not an object")
	}
	if limit, ok := v.Get("limit"); ok && limit.Kind() != json.Null {
		n, ok := limit.Int()
		if !ok || n < 0 {
			return bad("page.limit is not a whole number from 0 on")
		}
		q.limit = int(min(n, math.MaxInt32))
	}
	if token, ok := v.Get("token"); ok && token.Kind() != json.Null && token.Text() != "" {
		n, err := strconv.ParseUint(token.Text(), 10, 31)
		if token.Kind() != json.String || err != nil {
			return bad("page.token is not one that a query returned")
		}
		q.skip = int(n)
	}
	return nil
}
