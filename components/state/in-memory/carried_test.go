package main

import (
	"fmt"
	"slices"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
	"github.com/berth-run/berth/sdk-guest/go/state/statetest"
)

// TestCarried does every operation the way the host does, in one buffer that is
// overwritten between them: the store has to copy what it keeps.
func TestCarried(t *testing.T) {
	impl, clock := newStore(t)
	s := statetest.New(t, impl, nil)
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	want := func(key, value string) (tag string) {
		t.Helper()
		got, err := s.Get(&state.GetRequest{Key: key})
		check("Get "+key, err)
		if string(got.Data) != value {
			t.Fatalf("%s: got %q, want %q", key, got.Data, value)
		}
		if got.Etag == nil {
			return ""
		}
		return got.Etag.Value
	}
	check("Set", s.Set(&state.SetRequest{Key: "a||1", Value: []byte(`{"n":1}`)}))
	tag := want("a||1", `{"n":1}`)
	check("Set again", s.Set(&state.SetRequest{Key: "a||1", Value: []byte(`{"n":2}`), Etag: &state.Etag{Value: tag}}))
	if again := want("a||1", `{"n":2}`); again == tag || len(again) != 36 {
		t.Errorf("got etag %q after %q, want another", again, tag)
	}
	check("BulkSet", s.BulkSet(
		state.SetRequest{Key: "a||2", Value: []byte(`{"n":3}`), Metadata: map[string]string{"ttlInSeconds": "10"}},
		state.SetRequest{Key: "b", Value: []byte("not JSON")}))
	check("Transact", s.Transact(
		state.Operation{Set: &state.SetRequest{Key: "c", Value: []byte(`{"n":4}`)}},
		state.Operation{Delete: &state.DeleteRequest{Key: "b"}},
		state.Operation{Set: &state.SetRequest{Key: "b", Value: []byte(`{"n":5}`)}}))
	want("a||2", `{"n":3}`)
	want("b", `{"n":5}`)
	want("c", `{"n":4}`)
	items, err := s.BulkGet(state.GetRequest{Key: "c"}, state.GetRequest{Key: "none"}, state.GetRequest{Key: "a||2"})
	check("BulkGet", err)
	if got := fmt.Sprintf("%s=%s %s=%s %s=%s%s", items[0].Key, items[0].Data, items[1].Key, items[1].Data, items[2].Key, items[2].Data, items[2].Metadata["ttlExpireTime"]); got != `c={"n":4} none= a||2={"n":3}2023-11-14T22:13:30Z` {
		t.Errorf("BulkGet: got %s", got)
	}
	q, err := s.Query(`{"filter":{"GTE":{"n":3}},"sort":[{"key":"n","order":"DESC"}],"page":{"limit":2}}`)
	check("Query", err)
	if len(q.Items) != 2 || q.Items[0].Key != "b" || string(q.Items[1].Data) != `{"n":4}` || q.Token != "2" {
		t.Errorf("Query: got %+v", q)
	}
	keys, err := s.KeysLike(&state.KeysLikeRequest{Pattern: "%"})
	check("KeysLike", err)
	if want := []string{"a||1", "a||2", "c", "b"}; !slices.Equal(keys.Keys, want) {
		t.Errorf("KeysLike: got %q, want %q", keys.Keys, want)
	}
	if n, err := s.DeleteWithPrefix("a"); n != 2 || err != nil {
		t.Errorf("DeleteWithPrefix: got %d, %v, want 2", n, err)
	}
	check("BulkDelete", s.BulkDelete(state.DeleteRequest{Key: "b"}, state.DeleteRequest{Key: "none"}))
	want("b", "")
	check("Set", s.Set(&state.SetRequest{Key: "gone", Value: []byte("v"), Metadata: map[string]string{"ttlInSeconds": "1"}}))
	clock.ms += 5000
	want("gone", "")
	wantError(t, s.Set(&state.SetRequest{Key: "c", Etag: &state.Etag{Value: "bad"}}), berth.ETagMismatch, "")
	want("c", `{"n":4}`)
	checkIndex(t, &impl.items)
}
