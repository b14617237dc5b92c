package guest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/guest"
)

// TestInMemoryModel does random operations to the in-memory store in its
// sandbox and to a map. The rules in full, time to live among them, are tested
// in the component's own module, without a sandbox.
func TestInMemoryModel(t *testing.T) {
	s := inMemory(t, nil)
	ctx := context.Background()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		prefix := fmt.Sprintf("run%d||", run)
		type item struct{ value, tag string }
		model := map[string]item{}
		var order []string // of the last writes
		keys := rapid.SampledFrom([]string{prefix + "a", prefix + "b", prefix + "é", prefix + "c||d"})
		values := rapid.OneOf(rapid.SampledFrom([]string{"", "{}", "\x00\xff"}), rapid.StringN(0, 300, 2000))
		written := func(key, value string) {
			order = append(slices.DeleteFunc(order, func(k string) bool { return k == key }), key)
			got, err := s.Get(ctx, &proto.GetRequest{Key: key})
			if err != nil || got.Etag == nil || string(got.Data) != value || got.Etag.Value == model[key].tag {
				t.Fatalf("%s: got %+v, %v, want %q with an etag other than %q", key, got, err, value, model[key].tag)
			}
			model[key] = item{value, got.Etag.Value}
		}
		removed := func(key string) {
			delete(model, key)
			order = slices.DeleteFunc(order, func(k string) bool { return k == key })
		}
		etag := func(key string) (e *proto.Etag, refused bool) {
			switch rapid.IntRange(0, 3).Draw(t, "etag") {
			case 0:
				return &proto.Etag{Value: "bad"}, true
			case 1:
				if it, ok := model[key]; ok {
					return &proto.Etag{Value: it.tag}, false
				}
			}
			return nil, false
		}
		outcome := func(what string, err error, refused bool) (done bool) {
			if refused && guest.StatusOf(err) != abi.ETagMismatch || !refused && err != nil {
				t.Fatalf("%s: got %v, want refused = %v", what, err, refused)
			}
			return !refused
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				key, value := keys.Draw(t, "key"), values.Draw(t, "value")
				e, refused := etag(key)
				if outcome("set", s.Set(ctx, &proto.SetRequest{Key: key, Value: []byte(value), Etag: e}), refused) {
					written(key, value)
				}
			},
			"delete": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				e, refused := etag(key)
				if outcome("delete", s.Delete(ctx, &proto.DeleteRequest{Key: key, Etag: e}), refused) {
					removed(key)
				}
			},
			"transact": func(t *rapid.T) {
				req := &proto.TransactRequest{}
				refused := false
				for range rapid.IntRange(0, 3).Draw(t, "operations") {
					key := keys.Draw(t, "key")
					e, bad := etag(key)
					refused = refused || bad
					if rapid.Bool().Draw(t, "delete") {
						req.Operations = append(req.Operations, proto.TransactOperation{Delete: &proto.DeleteRequest{Key: key, Etag: e}})
					} else {
						req.Operations = append(req.Operations, proto.TransactOperation{Set: &proto.SetRequest{Key: key, Value: []byte(values.Draw(t, "value")), Etag: e}})
					}
				}
				if !outcome("transact", s.Transact(ctx, req), refused) {
					return
				}
				last := map[string]*proto.SetRequest{}
				for _, op := range req.Operations {
					if op.Set != nil {
						last[op.Set.Key] = op.Set
						order = append(slices.DeleteFunc(order, func(k string) bool { return k == op.Set.Key }), op.Set.Key)
					} else {
						delete(last, op.Delete.Key)
						removed(op.Delete.Key)
					}
				}
				for _, key := range slices.Clone(order) {
					if w := last[key]; w != nil {
						written(key, string(w.Value))
					}
				}
			},
			"delete with prefix": func(t *rapid.T) {
				want := int64(0)
				for _, key := range []string{prefix + "a", prefix + "b", prefix + "é"} {
					if _, ok := model[key]; ok {
						removed(key)
						want++
					}
				}
				if n, err := s.DeleteWithPrefix(ctx, &proto.DeleteWithPrefixRequest{Prefix: prefix}); n != want || err != nil {
					t.Fatalf("delete with prefix: got %d, %v, want %d", n, err, want)
				}
			},
			"": func(t *rapid.T) {
				var got []string
				req := &proto.KeysLikeRequest{Pattern: prefix + "%", PageSize: uint32(rapid.IntRange(0, 3).Draw(t, "page"))}
				for {
					page, err := s.KeysLike(ctx, req)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, page.Keys...)
					if req.ContinueToken = page.ContinueToken; req.ContinueToken == "" {
						break
					}
				}
				if !slices.Equal(got, order) {
					t.Fatalf("keys: got %q, want %q", got, order)
				}
				items, err := s.BulkGet(ctx, &proto.BulkGetRequest{Items: []proto.GetRequest{{Key: prefix + "a"}, {Key: prefix + "c||d"}}})
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range items.Items {
					want, ok := model[it.Key]
					if ok != (it.Etag != nil) || string(it.Data) != want.value || ok && it.Etag.Value != want.tag {
						t.Fatalf("%s: got %q, %v, want %+v", it.Key, it.Data, it.Etag, want)
					}
				}
			},
		})
	})
}

// TestInMemoryFull fills the store. It refuses in time: a guest without memory
// would end, and all items with it.
func TestInMemoryFull(t *testing.T) {
	for _, size := range []int{100, 64 << 10, 3 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := inMemory(t, func(c *guest.Config) { c.Limits.Memory = 32 << 20 })
			ctx := context.Background()
			value := make([]byte, size)
			n := 0
			for ; ; n++ {
				err := s.Set(ctx, &proto.SetRequest{Key: fmt.Sprint("k", n), Value: value})
				if guest.StatusOf(err) == abi.ResourceExhausted {
					break
				}
				if err != nil || n*size > 32<<20 {
					t.Fatalf("after %d items: got %v, want them refused at some time", n, err)
				}
			}
			if n*(size+300) < 8<<20 {
				t.Errorf("full with %d items of %d bytes, want a quarter of the memory used", n, size)
			}
			for i := range 3 * n { // overwriting goes on, and the garbage it makes is collected
				if err := s.Set(ctx, &proto.SetRequest{Key: fmt.Sprint("k", i%n), Value: value}); err != nil {
					t.Fatalf("overwriting: %v", err)
				}
			}
			got, err := s.Get(ctx, &proto.GetRequest{Key: "k0"})
			if err != nil || len(got.Data) != size {
				t.Errorf("the first item: got %d bytes, %v, want %d", len(got.Data), err, size)
			}
			if _, err := s.Query(ctx, &proto.QueryRequest{QueryJSON: []byte(`{}`)}); err != nil {
				t.Errorf("a query over all of it: %v", err)
			}
		})
	}
}
