package main

import (
	"context"
	"slices"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

func TestQuery(t *testing.T) {
	ctx := context.Background()
	s, c := newStore(t)
	set(t, s, "1", `{"person":{"org":"Dev Ops","id":1036},"city":"Seattle","state":"WA"}`)
	set(t, s, "2", `{"person":{"org":"Hardware","id":1028},"city":"Portland","state":"OR"}`)
	set(t, s, "3", `{"person":{"org":"Finance","id":1071},"city":"Sacramento","state":"CA"}`)
	set(t, s, "4", `{"person":{"org":"Dev Ops","id":1042},"city":"Spokane","state":"WA"}`)
	set(t, s, "gone", `{"person":{"org":"Dev Ops","id":1},"state":"CA"}`, ttl("1"))
	set(t, s, "bytes", "\x01\x02")
	set(t, s, "half", `{"person":`)
	set(t, s, "2", `{"person":{"org":"Hardware","id":1028},"city":"Portland","state":"OR"}`) // the newest
	s.sweep()
	c.ms += 999
	s.items.setExpire(s.items.get("gone"), c.ms-1) // expired, and not swept before a second is over
	for _, tc := range []struct {
		name, query string
		want        []string
		token       string
	}{
		{"all, in the order of writes", `{}`, []string{"1", "3", "4", "2"}, ""},
		{"equal", `{"filter":{"EQ":{"state":"CA"}}}`, []string{"3"}, ""},
		{"in, sorted", `{"filter":{"IN":{"state":["CA","WA"]}},"sort":[{"key":"state","order":"DESC"},{"key":"person.id"}]}`, []string{"1", "4", "3"}, ""},
		{"or and and", `{"filter":{"OR":[{"EQ":{"person.org":"Hardware"}},{"AND":[{"EQ":{"person.org":"Dev Ops"}},{"LT":{"person.id":1040}}]}]}}`, []string{"1", "2"}, ""},
		{"first page", `{"sort":[{"key":"city"}],"page":{"limit":3}}`, []string{"2", "3", "1"}, "3"},
		{"second page", `{"sort":[{"key":"city"}],"page":{"limit":3,"token":"3"}}`, []string{"4"}, "4"},
		{"nothing", `{"filter":{"EQ":{"state":"NY"}}}`, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, err := s.Query(ctx, &state.QueryRequest{QueryJSON: []byte(tc.query)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range resp.Items {
				got = append(got, it.Key)
				if value, tag := get(t, s, it.Key); string(it.Data) != value || it.Etag.Value != tag {
					t.Errorf("%s: got %s with etag %s, want %s with %s", it.Key, it.Data, it.Etag.Value, value, tag)
				}
			}
			if !slices.Equal(got, tc.want) || resp.Token != tc.token {
				t.Errorf("got %q with token %q, want %q with %q", got, resp.Token, tc.want, tc.token)
			}
		})
	}
	_, err := s.Query(ctx, &state.QueryRequest{QueryJSON: []byte(`{"filter":{"EQ":1}}`)})
	wantError(t, err, berth.InvalidArgument, "query filter.EQ is not an object with exactly one key and its value")
}
