package query

import (
	"strconv"

	"github.com/berth-run/berth/sdk-guest/go/json"
)

// filter is one operator: with a key and values, or with filters below it.
type filter struct {
	op     operator
	key    string
	values []json.Value // one, but for IN
	below  []*filter    // of AND and OR
}

type operator uint8

const (
	eq operator = iota
	neq
	gt
	gte
	lt
	lte
	in
	and
	or
)

var operators = [...]string{"EQ", "NEQ", "GT", "GTE", "LT", "LTE", "IN", "AND", "OR"}

func (op operator) takesOrder() bool { return op >= gt && op <= lte }

// parseFilter reads a filter, at being its place in the query. The depth is
// bounded by that of the JSON text.
func parseFilter(v json.Value, at string) (*filter, error) {
	name, arg, ok := only(v)
	if !ok {
		return nil, bad(at + " is not an object with exactly one operator")
	}
	at += "." + name
	f := &filter{}
	for i, n := range operators {
		if n == name {
			f.op = operator(i)
			if f.op >= and {
				return f, f.parseBelow(arg, at)
			}
			return f, f.parseComparison(arg, at)
		}
	}
	return nil, bad(at + " is not an operator: EQ, NEQ, GT, GTE, LT, LTE, IN, AND or OR")
}

// only returns the member of an object that has just one.
func only(v json.Value) (key string, value json.Value, ok bool) {
	for key, value = range v.Members() {
		if ok {
			return "", json.Value{}, false
		}
		ok = true
	}
	return key, value, ok
}

func (f *filter) parseBelow(arg json.Value, at string) error {
	if arg.Kind() != json.Array || arg.Len() < 2 {
		return bad(at + " is not an array of at least two filters")
	}
	f.below = make([]*filter, arg.Len())
	for i, e := range arg.Elements() {
		var err error
		if f.below[i], err = parseFilter(e, at+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

func (f *filter) parseComparison(arg json.Value, at string) error {
	key, value, ok := only(arg)
	if !ok {
		return bad(at + " is not an object with exactly one key and its value")
	}
	if f.key = key; key == "" {
		return bad(at + " has an empty key")
	}
	if f.op != in {
		if f.op.takesOrder() && value.Kind() != json.Number && value.Kind() != json.String {
			return bad(at + " compares with " + value.Kind().String() + ", not with a number or a string")
		}
		f.values = []json.Value{value}
		return nil
	}
	if value.Kind() != json.Array {
		return bad(at + " compares with " + value.Kind().String() + ", not with an array of values")
	}
	f.values = make([]json.Value, 0, value.Len())
	for _, v := range value.Elements() {
		f.values = append(f.values, v)
	}
	return nil
}

// match reports whether a document passes; f may be nil.
func (f *filter) match(doc json.Value) bool {
	if f == nil {
		return true
	}
	switch f.op {
	case and:
		for _, b := range f.below {
			if !b.match(doc) {
				return false
			}
		}
		return true
	case or:
		for _, b := range f.below {
			if b.match(doc) {
				return true
			}
		}
		return false
	}
	got, ok := doc.Path(f.key)
	return ok && f.compare(got)
}

func (f *filter) compare(got json.Value) bool {
	switch f.op {
	case neq:
		return !json.Equal(got, f.values[0])
	case eq, in:
		for _, v := range f.values {
			if json.Equal(got, v) {
				return true
			}
		}
		return false
	}
	order, ok := json.Compare(got, f.values[0])
	switch {
	case !ok:
		return false
	case f.op == gt:
		return order > 0
	case f.op == gte:
		return order >= 0
	case f.op == lt:
		return order < 0
	default:
		return order <= 0
	}
}
