package query

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/json"
)

// people are the documents that the tests ask for, by their place.
var people = []string{
	0: `{"person":{"org":"A","id":1036},"city":"Seattle","state":"WA","active":true}`,
	1: `{"person":{"org":"B","id":1028},"city":"Portland","state":"OR"}`,
	2: `{"person":{"org":"A","id":1071.5},"city":"Sacramento","state":"CA","tags":["x","y"]}`,
	3: `{"person":{"org":"C","id":"1036"},"city":"Los Angeles","state":"CA","active":null}`,
	4: `{"person":"nobody","n":9007199254740993}`,
	5: `[1,2]`,
	6: `"text"`,
	7: `{"city":"Zürich","person.org":"D","active":false,"n":9007199254740992}`,
}

func run(t testing.TB, text string, docs []string) (ids []int, token string) {
	t.Helper()
	q, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	sel := q.Select()
	for i, d := range docs {
		doc, err := json.ParseString(d)
		if err != nil {
			t.Fatal(err)
		}
		if !sel.Add(i, doc) {
			break
		}
	}
	return sel.Page()
}

func TestFilter(t *testing.T) {
	for _, tc := range []struct {
		filter string
		want   []int
	}{
		{`{"EQ":{"person.org":"A"}}`, []int{0, 2}},
		{`{"EQ":{"person.org":"D"}}`, []int{7}},
		{`{"EQ":{"person.id":1036}}`, []int{0}},
		{`{"EQ":{"person.id":1.036e3}}`, []int{0}},
		{`{"EQ":{"person.id":"1036"}}`, []int{3}},
		{`{"EQ":{"active":null}}`, []int{3}},
		{`{"EQ":{"active":false}}`, []int{7}},
		{`{"EQ":{"tags":["x","y"]}}`, []int{2}},
		{`{"EQ":{"person":{"id":1028,"org":"B"}}}`, []int{1}},
		{`{"EQ":{"n":9007199254740993}}`, []int{4}},
		{`{"NEQ":{"person.org":"A"}}`, []int{1, 3, 7}},
		{`{"NEQ":{"active":true}}`, []int{3, 7}},
		{`{"NEQ":{"nowhere":1}}`, []int{}},
		{`{"GT":{"person.id":1036}}`, []int{2}},
		{`{"GTE":{"person.id":1036}}`, []int{0, 2}},
		{`{"LT":{"person.id":1036}}`, []int{1}},
		{`{"LTE":{"person.id":1036.0}}`, []int{0, 1}},
		{`{"GT":{"n":9007199254740992}}`, []int{4}},
		{`{"GT":{"city":"Portland"}}`, []int{0, 2, 7}},
		{`{"LTE":{"city":"Portland"}}`, []int{1, 3}},
		{`{"IN":{"state":["CA","WA"]}}`, []int{0, 2, 3}},
		{`{"IN":{"person.id":["1036",1028]}}`, []int{1, 3}},
		{`{"IN":{"state":[]}}`, []int{}},
		{`{"AND":[{"EQ":{"person.org":"A"}},{"IN":{"state":["CA","OR"]}}]}`, []int{2}},
		{`{"OR":[{"EQ":{"person.org":"C"}},{"AND":[{"EQ":{"person.org":"A"}},{"EQ":{"state":"WA"}},{"GT":{"person.id":0}}]}]}`, []int{0, 3}},
		{`{}`, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{`null`, []int{0, 1, 2, 3, 4, 5, 6, 7}},
	} {
		if got, token := run(t, `{"filter":`+tc.filter+`}`, people); !slices.Equal(got, tc.want) || token != "" {
			t.Errorf("%s: got %v with token %q, want %v and none", tc.filter, got, token, tc.want)
		}
	}
}

func TestSort(t *testing.T) {
	for _, tc := range []struct {
		sort string
		want []int
	}{
		{`[{"key":"city"}]`, []int{3, 1, 2, 0, 7, 4, 5, 6}},
		{`[{"key":"city","order":"DESC"}]`, []int{4, 5, 6, 7, 0, 2, 1, 3}},
		{`[{"key":"person.id","order":"ASC"}]`, []int{1, 0, 2, 3, 4, 5, 6, 7}},
		{`[{"key":"state"},{"key":"person.id","order":"DESC"}]`, []int{3, 2, 1, 0, 4, 5, 6, 7}},
		{`[{"key":"active","order":""}]`, []int{7, 0, 1, 2, 3, 4, 5, 6}},
		{`[{"key":"n","order":null}]`, []int{7, 4, 0, 1, 2, 3, 5, 6}},
		{`[]`, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{`null`, []int{0, 1, 2, 3, 4, 5, 6, 7}},
	} {
		if got, _ := run(t, `{"sort":`+tc.sort+`}`, people); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.sort, got, tc.want)
		}
	}
}

func TestPages(t *testing.T) {
	for _, sort := range []string{"", `,"sort":[{"key":"city"}]`} {
		all, _ := run(t, `{"page":{}`+sort+`}`, people)
		for limit := 1; limit < 10; limit++ {
			token, got := "", []int{}
			for {
				page, next := run(t, fmt.Sprintf(`{"page":{"limit":%d,"token":%q}%s}`, limit, token, sort), people)
				got = append(got, page...)
				if want := fmt.Sprint(len(got)); next != want {
					t.Fatalf("limit %d: got token %q after %v, want %q", limit, next, got, want)
				}
				if token = next; len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, all) {
				t.Errorf("limit %d%s: got %v, want %v", limit, sort, got, all)
			}
		}
	}
	for _, tc := range []struct {
		page, token string
		want        []int
	}{
		{`{"token":"6"}`, "", []int{6, 7}},
		{`{"limit":0,"token":"7"}`, "", []int{7}},
		{`{"limit":3,"token":"100"}`, "100", []int{}},
		{`{"limit":9223372036854775807}`, "8", []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{`{"limit":null,"token":null}`, "", []int{0, 1, 2, 3, 4, 5, 6, 7}},
	} {
		if got, token := run(t, `{"page":`+tc.page+`}`, people); !slices.Equal(got, tc.want) || token != tc.token {
			t.Errorf("%s: got %v and %q, want %v and %q", tc.page, got, token, tc.want, tc.token)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{``, "query is not JSON: offset 0: a value is missing"},
		{`{"filter":}`, "query is not JSON: offset 10: a value cannot start here"},
		{`[]`, "query is an array, not an object"},
		{`{"filter":[]}`, "query filter is not an object with exactly one operator"},
		{`{"filter":{"EQ":{"a":1},"IN":{"a":[1]}}}`, "query filter is not an object with exactly one operator"},
		{`{"filter":{"eq":{"a":1}}}`, "query filter.eq is not an operator: EQ, NEQ, GT, GTE, LT, LTE, IN, AND or OR"},
		{`{"filter":{"EQ":1}}`, "query filter.EQ is not an object with exactly one key and its value"},
		{`{"filter":{"EQ":{}}}`, "query filter.EQ is not an object with exactly one key and its value"},
		{`{"filter":{"EQ":{"a":1,"b":2}}}`, "query filter.EQ is not an object with exactly one key and its value"},
		{`{"filter":{"EQ":{"":1}}}`, "query filter.EQ has an empty key"},
		{`{"filter":{"IN":{"a":1}}}`, "query filter.IN compares with a number, not with an array of values"},
		{`{"filter":{"GT":{"a":true}}}`, "query filter.GT compares with a boolean, not with a number or a string"},
		{`{"filter":{"LTE":{"a":null}}}`, "query filter.LTE compares with null, not with a number or a string"},
		{`{"filter":{"AND":{"EQ":{"a":1}}}}`, "query filter.AND is not an array of at least two filters"},
		{`{"filter":{"OR":[{"EQ":{"a":1}}]}}`, "query filter.OR is not an array of at least two filters"},
		{`{"filter":{"AND":[{"EQ":{"a":1}},{"OR":[{"EQ":{"a":1}},{"XX":1}]}]}}`, "query filter.AND[1].OR[1].XX is not an operator: EQ, NEQ, GT, GTE, LT, LTE, IN, AND or OR"},
		{`{"sort":{}}`, "query sort is an object, not an array"},
		{`{"sort":[{"key":"a"},{"order":"ASC"}]}`, "query sort[1] is not an object with a key, which is a string"},
		{`{"sort":["a"]}`, "query sort[0] is not an object with a key, which is a string"},
		{`{"sort":[{"key":"a","order":"asc"}]}`, "query sort[0] has an order other than ASC and DESC"},
		{`{"page":[]}`, "query page is an array, not an object"},
		{`{"page":{"limit":-1}}`, "query page.limit is not a whole number from 0 on"},
		{`{"page":{"limit":1.5}}`, "query page.limit is not a whole number from 0 on"},
		{`{"page":{"limit":"1"}}`, "query page.limit is not a whole number from 0 on"},
		{`{"page":{"token":5}}`, "query page.token is not one that a query returned"},
		{`{"page":{"token":"x"}}`, "query page.token is not one that a query returned"},
		{`{"page":{"token":"9999999999"}}`, "query page.token is not one that a query returned"},
	} {
		_, err := Parse([]byte(tc.text))
		var e *berth.Error
		if !errors.As(err, &e) || e.Status != berth.InvalidArgument || e.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", tc.text, err, tc.want)
		}
	}
	if _, err := Parse([]byte(`{"filters":1}`)); err != nil {
		t.Errorf("an unknown key: got %v; Dapr passes over it", err)
	}
}

// TestFilterModel holds random filters against a second reading of the rules
// that works on encoding/json's maps.
func TestFilterModel(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	scalar := func() any { return []any{0.0, 1.0, 2.5, "a", "b", true, false, nil}[r.Intn(8)] }
	var docs []string
	var maps []map[string]any
	for range 40 {
		m := map[string]any{}
		for _, k := range []string{"a", "b"} {
			if r.Intn(4) > 0 {
				m[k] = scalar()
			}
		}
		if r.Intn(2) == 0 {
			m["o"] = map[string]any{"a": scalar()}
		}
		text, err := stdjson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		docs, maps = append(docs, string(text)), append(maps, m)
	}
	lookup := func(m map[string]any, key string) (any, bool) {
		if rest, ok := strings.CutPrefix(key, "o."); ok {
			m, _ = m["o"].(map[string]any)
			key = rest
		}
		v, ok := m[key]
		return v, ok
	}
	ordered := func(v, w any, yes func(int) bool) bool {
		switch v := v.(type) {
		case float64:
			w, ok := w.(float64)
			return ok && (v < w && yes(-1) || v == w && yes(0) || v > w && yes(1))
		case string:
			w, ok := w.(string)
			return ok && yes(strings.Compare(v, w))
		}
		return false
	}
	var make func(depth int) (any, func(map[string]any) bool)
	make = func(depth int) (any, func(map[string]any) bool) {
		key := []string{"a", "b", "o.a", "none"}[r.Intn(4)]
		on := func(yes func(any) bool) func(map[string]any) bool {
			return func(m map[string]any) bool { v, ok := lookup(m, key); return ok && yes(v) }
		}
		n := r.Intn(9)
		if depth == 0 {
			n = r.Intn(7)
		}
		op := operators[n]
		switch op {
		case "EQ", "NEQ":
			w := scalar()
			return map[string]any{op: map[string]any{key: w}}, on(func(v any) bool { return (v == w) == (op == "EQ") })
		case "GT", "GTE", "LT", "LTE":
			w := []any{0.0, 1.0, 2.0, "a", "b"}[r.Intn(5)]
			yes := map[string]func(int) bool{
				"GT": func(c int) bool { return c > 0 }, "GTE": func(c int) bool { return c >= 0 },
				"LT": func(c int) bool { return c < 0 }, "LTE": func(c int) bool { return c <= 0 },
			}[op]
			return map[string]any{op: map[string]any{key: w}}, on(func(v any) bool { return ordered(v, w, yes) })
		case "IN":
			list := []any{scalar(), scalar(), scalar()}[:r.Intn(4)]
			return map[string]any{op: map[string]any{key: list}}, on(func(v any) bool { return slices.Contains(list, v) })
		}
		f1, m1 := make(depth - 1)
		f2, m2 := make(depth - 1)
		if op == "AND" {
			return map[string]any{op: []any{f1, f2}}, func(m map[string]any) bool { return m1(m) && m2(m) }
		}
		return map[string]any{op: []any{f1, f2}}, func(m map[string]any) bool { return m1(m) || m2(m) }
	}
	hits := 0
	for range 5000 {
		f, matches := make(3)
		text, err := stdjson.Marshal(map[string]any{"filter": f})
		if err != nil {
			t.Fatal(err)
		}
		want := []int{}
		for i, m := range maps {
			if matches(m) {
				want = append(want, i)
			}
		}
		if got, _ := run(t, string(text), docs); !slices.Equal(got, want) {
			t.Fatalf("%s: got %v, want %v of %q", text, got, want, docs)
		}
		hits += len(want)
	}
	if hits < 5000 {
		t.Errorf("only %d matches: too few to tell", hits)
	}
}

func FuzzQuery(f *testing.F) {
	f.Add(`{"filter":{"OR":[{"EQ":{"a.b":1}},{"IN":{"c":["x",null]}}]},"sort":[{"key":"a","order":"DESC"}],"page":{"limit":2,"token":"1"}}`, `{"a":{"b":1.0},"c":"x"}`)
	f.Add(`{"filter":{"GT":{"a":1e999}}}`, `{"a":-1e-999}`)
	f.Fuzz(func(t *testing.T, text, doc string) {
		q, err := Parse([]byte(text))
		if err != nil {
			return
		}
		d, err := json.ParseString(doc)
		if err != nil {
			return
		}
		sel := q.Select()
		shown := 0
		for i := range 4 {
			shown++
			if !sel.Add(i, d) {
				break
			}
		}
		ids, token := sel.Page()
		if len(ids) > shown || !slices.IsSorted(ids) {
			t.Fatalf("%s: got %v of %d equal documents, want them in their order", text, ids, shown)
		}
		if token != "" {
			if next, err := Parse([]byte(`{"page":{"token":"` + token + `"}}`)); err != nil || next.skip < len(ids) {
				t.Fatalf("token %q is not taken back: %v", token, err)
			}
		}
	})
}
