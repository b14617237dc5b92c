package daprsdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const store = "statestore"

func code(err error) codes.Code {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if s, ok := status.FromError(e); ok {
			return s.Code()
		}
	}
	return codes.Unknown
}

func TestState(t *testing.T) {
	s := start(t, nil, map[string]string{"store.yaml": storeYAML})
	c := s.client(t)
	ctx := context.Background()

	t.Run("save and get", func(t *testing.T) {
		if err := c.SaveState(ctx, store, "k1", []byte("hello"), map[string]string{}); err != nil {
			t.Fatal(err)
		}
		item, err := c.GetState(ctx, store, "k1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(item.Value) != "hello" || item.Etag == "" {
			t.Errorf("got %q with etag %q, want hello and an etag", item.Value, item.Etag)
		}
	})
	t.Run("missing key", func(t *testing.T) {
		item, err := c.GetState(ctx, store, "nothing", nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(item.Value) != 0 || item.Etag != "" {
			t.Errorf("got %+v, want nothing", item)
		}
	})
	t.Run("bytes come back as they were", func(t *testing.T) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		if err := c.SaveState(ctx, store, "bytes", all, nil); err != nil {
			t.Fatal(err)
		}
		item, err := c.GetState(ctx, store, "bytes", nil)
		if err != nil || !slices.Equal(item.Value, all) {
			t.Errorf("got %x, %v", item.Value, err)
		}
	})
	t.Run("etags", func(t *testing.T) {
		if err := c.SaveState(ctx, store, "e", []byte("1"), nil); err != nil {
			t.Fatal(err)
		}
		item, err := c.GetState(ctx, store, "e", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SaveStateWithETag(ctx, store, "e", []byte("2"), "bad", nil); code(err) != codes.Aborted {
			t.Errorf("a wrong etag: got %v, want ABORTED", err)
		}
		if err := c.SaveStateWithETag(ctx, store, "e", []byte("2"), item.Etag, nil); err != nil {
			t.Errorf("the right etag: %v", err)
		}
		if err := c.SaveState(ctx, store, "e", []byte("3"), nil, dapr.WithConcurrency(dapr.StateConcurrencyFirstWrite)); code(err) != codes.Aborted {
			t.Errorf("first write on an existing key: got %v, want ABORTED", err)
		}
		if err := c.DeleteStateWithETag(ctx, store, "e", &dapr.ETag{Value: item.Etag}, nil, nil); code(err) != codes.Aborted {
			t.Errorf("delete with an old etag: got %v, want ABORTED", err)
		}
		if err := c.DeleteState(ctx, store, "e", nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("bulk", func(t *testing.T) {
		var items []*dapr.SetStateItem
		var keys []string
		for i := range 25 {
			k := fmt.Sprintf("b%d", i)
			keys = append(keys, k)
			items = append(items, &dapr.SetStateItem{Key: k, Value: []byte(k)})
		}
		if err := c.SaveBulkState(ctx, store, items...); err != nil {
			t.Fatal(err)
		}
		got, err := c.GetBulkState(ctx, store, append(keys, "absent"), nil, 10)
		if err != nil || len(got) != 26 {
			t.Fatalf("got %d items, %v; want 26", len(got), err)
		}
		for _, it := range got {
			want := it.Key
			if it.Key == "absent" {
				want = ""
			}
			if string(it.Value) != want || it.Error != "" {
				t.Errorf("%s: got %q, error %q", it.Key, it.Value, it.Error)
			}
		}
		if err := c.DeleteBulkState(ctx, store, keys[:20], nil); err != nil {
			t.Fatal(err)
		}
		for i, k := range keys {
			item, err := c.GetState(ctx, store, k, nil)
			if err != nil || (len(item.Value) == 0) != (i < 20) {
				t.Errorf("%s after the bulk delete: %q, %v", k, item.Value, err)
			}
		}
	})
	t.Run("transaction", func(t *testing.T) {
		if err := c.SaveState(ctx, store, "t-old", []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
		ops := []*dapr.StateOperation{
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: "t1", Value: []byte("1")}},
			{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: "t-old"}},
		}
		if err := c.ExecuteStateTransaction(ctx, store, nil, ops); err != nil {
			t.Fatal(err)
		}
		bad := []*dapr.StateOperation{
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: "t1", Value: []byte("2")}},
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: "t2", Value: []byte("2"), Etag: &dapr.ETag{Value: "bad"}}},
		}
		if err := c.ExecuteStateTransaction(ctx, store, nil, bad); err == nil {
			t.Error("a transaction with a wrong etag went well")
		}
		item, err := c.GetState(ctx, store, "t1", nil)
		if err != nil || string(item.Value) != "1" {
			t.Errorf("after a transaction that failed: got %q, %v; want 1", item.Value, err)
		}
		if item, _ := c.GetState(ctx, store, "t-old", nil); len(item.Value) != 0 {
			t.Errorf("got %q, want it deleted", item.Value)
		}
	})
	t.Run("ttl", func(t *testing.T) {
		if err := c.SaveState(ctx, store, "ttl", []byte("x"), map[string]string{"ttlInSeconds": "1"}); err != nil {
			t.Fatal(err)
		}
		item, err := c.GetState(ctx, store, "ttl", nil)
		if err != nil || len(item.Value) == 0 {
			t.Fatalf("got %+v, %v; want the item", item, err)
		}
		expires, err := time.Parse(time.RFC3339, item.Metadata["ttlExpireTime"])
		if err != nil || time.Until(expires) > 5*time.Second {
			t.Errorf("got expiry %q, want RFC 3339 within a second or so", item.Metadata["ttlExpireTime"])
		}
		deadline := time.Now().Add(10 * time.Second)
		for {
			item, err := c.GetState(ctx, store, "ttl", nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(item.Value) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the item did not expire")
			}
		}
		if err := c.SaveState(ctx, store, "ttl", []byte("x"), map[string]string{"ttlInSeconds": "foo"}); err == nil {
			t.Error("a TTL that is no number was taken")
		}
	})
	t.Run("query", func(t *testing.T) {
		meta := map[string]string{"contentType": "application/json"}
		for i := range 5 {
			doc := fmt.Sprintf(`{"person":{"org":"%s","id":%d}}`, []string{"A", "B"}[i%2], i)
			if err := c.SaveState(ctx, store, fmt.Sprintf("q%d", i), []byte(doc), meta); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.QueryStateAlpha1(ctx, store, `{"filter":{"EQ":{"person.org":"A"}},"sort":[{"key":"person.id","order":"DESC"}],"page":{"limit":2}}`, meta)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, r := range got.Results {
			keys = append(keys, r.Key)
		}
		if !slices.Equal(keys, []string{"q4", "q2"}) || got.Token == "" {
			t.Errorf("got %v with token %q, want [q4 q2] and a token", keys, got.Token)
		}
	})
	t.Run("unknown store", func(t *testing.T) {
		if _, err := c.GetState(ctx, "nostore", "k", nil); code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "nostore") {
			t.Errorf("got %v, want INVALID_ARGUMENT that names the store", err)
		}
	})
	t.Run("illegal key", func(t *testing.T) {
		if err := c.SaveState(ctx, store, "a||b", []byte("x"), nil); code(err) != codes.InvalidArgument {
			t.Errorf("got %v, want INVALID_ARGUMENT", err)
		}
	})
}

func TestMetadata(t *testing.T) {
	s := start(t, nil, map[string]string{"store.yaml": storeYAML})
	c := s.client(t)
	ctx := context.Background()
	if err := c.SetMetadata(ctx, "cliPID", "42"); err != nil {
		t.Fatal(err)
	}
	m, err := c.GetMetadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "sdk-app" || m.ExtendedMetadata["cliPID"] != "42" {
		t.Errorf("got id %q and metadata %v, want sdk-app and cliPID=42", m.ID, m.ExtendedMetadata)
	}
	if len(m.RegisteredComponents) != 1 || m.RegisteredComponents[0].Type != "state.in-memory" {
		t.Fatalf("got components %+v, want the state store", m.RegisteredComponents)
	}
	for _, want := range []string{"ETAG", "TRANSACTIONAL", "TTL"} {
		if !slices.Contains(m.RegisteredComponents[0].Capabilities, want) {
			t.Errorf("got capabilities %v, want %s in them", m.RegisteredComponents[0].Capabilities, want)
		}
	}
}

func TestToken(t *testing.T) {
	s := start(t, []string{"DAPR_API_TOKEN=secret"}, map[string]string{"store.yaml": storeYAML})
	ctx := context.Background()
	c := s.client(t)
	if err := c.SaveState(ctx, store, "k", []byte("x"), nil); code(err) != codes.Unauthenticated {
		t.Errorf("without the token: got %v, want UNAUTHENTICATED", err)
	}
	c.WithAuthToken("secret")
	if err := c.SaveState(ctx, store, "k", []byte("x"), nil); err != nil {
		t.Errorf("with the token: %v", err)
	}
}

func TestShutdown(t *testing.T) {
	s := start(t, nil, map[string]string{"store.yaml": storeYAML})
	if err := s.client(t).Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.done:
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("got exit code %d, want 0", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("berthd did not end")
	}
}
