package main

import (
	"context"

	"github.com/berth-run/berth/sdk-guest/go/json"
	"github.com/berth-run/berth/sdk-guest/go/state"
	"github.com/berth-run/berth/sdk-guest/go/state/query"
)

// Query looks at every item whose value is JSON, in the order of their last
// write; others are not documents and never in an answer. Dapr's in-memory
// store has no queries: the rules are those of package query.
func (s *store) Query(_ context.Context, req *state.QueryRequest) (*state.QueryResponse, error) {
	q, err := query.Parse(req.QueryJSON)
	if err != nil {
		return nil, err
	}
	s.sweep()
	var now int64
	if s.items.expiring() > 0 {
		now = s.now()
	}
	selection := q.Select()
	var shown []*item
	s.items.each(func(it *item) bool {
		if it.expire != 0 && it.expire < now {
			return true
		}
		doc, err := json.Parse(it.value)
		if err != nil {
			return true
		}
		shown = append(shown, it)
		return selection.Add(len(shown)-1, doc)
	})
	page, token := selection.Page()
	resp := &state.QueryResponse{Token: token, Items: make([]state.QueryItem, len(page))}
	for i, n := range page {
		it := shown[n]
		resp.Items[i] = state.QueryItem{Key: it.key, Data: it.value, Etag: &it.etag}
	}
	return resp, nil
}
