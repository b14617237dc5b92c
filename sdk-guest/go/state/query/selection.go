package query

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/berth-run/berth/sdk-guest/go/json"
)

// Selection collects the documents that a query wants. Of a document it keeps
// the values that it sorts by and no more.
type Selection struct {
	q       *Query
	seen    int // documents that matched, of an unsorted query
	matched []match
}

type match struct {
	id   int
	keys []json.Value // those of the query's sort, in its order
}

// Select starts a selection.
func (q *Query) Select() *Selection { return &Selection{q: q} }

// Add shows the selection a document; id is the caller's. It returns false when
// no further document can change the result.
func (s *Selection) Add(id int, doc json.Value) bool {
	if !s.q.filter.match(doc) {
		return true
	}
	if len(s.q.sort) > 0 {
		m := match{id, make([]json.Value, len(s.q.sort))}
		for i, by := range s.q.sort {
			if v, ok := doc.Path(by.key); ok {
				m.keys[i] = v.Clone() // the document itself may go
			}
		}
		s.matched = append(s.matched, m)
		return true
	}
	if s.seen++; s.seen > s.q.skip {
		s.matched = append(s.matched, match{id: id})
	}
	return s.q.limit == 0 || len(s.matched) < s.q.limit
}

// Page returns the ids of the documents on the page, in its order, and the
// token of the next page, which is empty when the query has no limit.
func (s *Selection) Page() (ids []int, token string) {
	page := s.matched
	if len(s.q.sort) > 0 {
		slices.SortStableFunc(page, s.compare)
		page = page[min(s.q.skip, len(page)):]
		if s.q.limit > 0 {
			page = page[:min(s.q.limit, len(page))]
		}
	}
	ids = make([]int, len(page))
	for i := range page {
		ids[i] = page[i].id
	}
	if s.q.limit > 0 {
		token = strconv.Itoa(s.q.skip + len(ids))
	}
	return ids, token
}

func (s *Selection) compare(a, b match) int {
	for i, by := range s.q.sort {
		order := compare(a.keys[i], b.keys[i])
		if by.descending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// compare orders any two values: by kind, then as json.Compare has it.
func compare(a, b json.Value) int {
	if order := cmp.Compare(rank(a), rank(b)); order != 0 {
		return order
	}
	order, _ := json.Compare(a, b)
	return order
}

func rank(v json.Value) int {
	switch v.Kind() {
	case json.Number:
		return 0
	case json.String:
		return 1
	case json.Bool:
		return 2
	case json.Array, json.Object:
		return 3
	default: // null, and a key that is not there
		return 4
	}
}
