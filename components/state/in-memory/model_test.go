package main

import (
	"context"
	"errors"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// model says what the store must do in the plainest way: a list of items in the
// order of their writes, searched from end to end.
type model struct {
	items []modelItem
	swept int64
}

type modelItem struct {
	key, value, tag string
	expire          int64
}

func (m *model) find(key string) int {
	return slices.IndexFunc(m.items, func(it modelItem) bool { return it.key == key })
}

func (m *model) sweep(now int64) {
	if !slices.ContainsFunc(m.items, func(it modelItem) bool { return it.expire != 0 }) || now-m.swept < 1000 {
		return
	}
	m.swept = now
	m.items = slices.DeleteFunc(m.items, func(it modelItem) bool { return it.expire != 0 && it.expire < now })
}

// refuses reports whether the etag or first-write keeps a write from being done.
func (m *model) refuses(key string, tag *state.Etag, o *state.Options) bool {
	i := m.find(key)
	if tag == nil || tag.Value == "" {
		return i >= 0 && o != nil && o.Concurrency == state.FirstWrite
	}
	return i < 0 || m.items[i].tag != tag.Value
}

func (m *model) remove(key string) {
	if i := m.find(key); i >= 0 {
		m.items = slices.Delete(m.items, i, i+1)
	}
}

func (m *model) put(r *state.SetRequest, now int64) {
	m.remove(r.Key)
	it := modelItem{key: r.Key, value: string(r.Value)}
	if n, _ := strconv.ParseInt(r.Metadata["ttlInSeconds"], 10, 64); n > 0 {
		it.expire = now + n*1000
	}
	m.items = append(m.items, it)
}

// TestModel does random operations to a store and to a model of it, and
// compares all that can be seen.
func TestModel(t *testing.T) {
	for seed := range int64(200) {
		t.Run(strconv.FormatInt(seed, 10), func(t *testing.T) {
			t.Parallel()
			runModel(t, rand.New(rand.NewSource(seed)))
		})
	}
}

func runModel(t *testing.T, r *rand.Rand) {
	ctx := context.Background()
	s, c := newStore(t)
	m := &model{}
	key := func() string {
		return "p" + strconv.Itoa(r.Intn(3)) + "||" + []string{"a", "b", "c", "c||d"}[r.Intn(4)]
	}
	tag := func(k string) *state.Etag {
		i := m.find(k)
		switch n := r.Intn(6); {
		case n == 0:
			return &state.Etag{}
		case n == 1:
			return &state.Etag{Value: "bad-etag"}
		case n == 2 && i >= 0:
			return &state.Etag{Value: m.items[i].tag}
		}
		return nil
	}
	options := func() *state.Options {
		if r.Intn(4) == 0 {
			return &state.Options{Concurrency: state.FirstWrite}
		}
		return nil
	}
	setRequest := func() *state.SetRequest {
		k := key()
		req := &state.SetRequest{Key: k, Value: []byte(strconv.Itoa(r.Int())), Etag: tag(k), Options: options()}
		if r.Intn(2) == 0 {
			req.Metadata = map[string]string{"ttlInSeconds": strconv.Itoa(r.Intn(6) - 1)}
		}
		return req
	}
	deleteRequest := func() *state.DeleteRequest {
		k := key()
		return &state.DeleteRequest{Key: k, Etag: tag(k), Options: options()}
	}
	// learn takes over the etags that the store made, which the model cannot know, and checks that they are new.
	seen := map[string]bool{}
	learn := func(keys ...string) {
		for _, k := range keys {
			if i := m.find(k); i >= 0 {
				it := s.items.get(k)
				if it == nil {
					t.Fatalf("%s was written and is not there", k)
				}
				if m.items[i].tag = it.etag.Value; seen[m.items[i].tag] {
					t.Fatalf("etag %s came twice", m.items[i].tag)
				}
				seen[m.items[i].tag] = true
			}
		}
	}
	check := func(what string, err error, refused bool) {
		t.Helper()
		var e *berth.Error
		if refused != (err != nil) || err != nil && (!errors.As(err, &e) || e.Status != berth.ETagMismatch) {
			t.Fatalf("%s: got %v, want refused = %v", what, err, refused)
		}
	}

	for range 400 {
		if r.Intn(3) == 0 {
			c.ms += int64(r.Intn(1500))
		}
		m.sweep(c.ms)
		switch r.Intn(8) {
		case 0, 1, 2:
			req := setRequest()
			refused := m.refuses(req.Key, req.Etag, req.Options)
			check("set", s.Set(ctx, req), refused)
			if !refused {
				m.put(req, c.ms)
				learn(req.Key)
			}
		case 3:
			req := deleteRequest()
			refused := m.refuses(req.Key, req.Etag, req.Options)
			check("delete", s.Delete(ctx, req), refused)
			if !refused {
				m.remove(req.Key)
			}
		case 4:
			req := &state.TransactRequest{}
			refused := false
			var written []string
			for range r.Intn(4) {
				if r.Intn(3) == 0 {
					d := deleteRequest()
					refused = refused || m.refuses(d.Key, d.Etag, d.Options)
					req.Operations = append(req.Operations, state.Operation{Delete: d})
				} else {
					w := setRequest()
					refused = refused || m.refuses(w.Key, w.Etag, w.Options)
					req.Operations = append(req.Operations, state.Operation{Set: w})
					if !slices.Contains(written, w.Key) {
						written = append(written, w.Key)
					}
				}
			}
			check("transact", s.Transact(ctx, req), refused)
			if !refused {
				for _, op := range req.Operations {
					if op.Set != nil {
						m.put(op.Set, c.ms)
					} else {
						m.remove(op.Delete.Key)
					}
				}
				learn(written...)
			}
		case 5:
			prefix := "p" + strconv.Itoa(r.Intn(3))
			n, err := s.DeleteWithPrefix(ctx, prefix)
			before := len(m.items)
			m.items = slices.DeleteFunc(m.items, func(it modelItem) bool {
				return strings.HasPrefix(it.key, prefix+"||") && strings.Count(it.key, "||") == 1
			})
			if err != nil || n != int64(before-len(m.items)) {
				t.Fatalf("delete with prefix: got %d, %v, want %d", n, err, before-len(m.items))
			}
		case 6:
			k := key()
			resp, err := s.Get(ctx, &state.GetRequest{Key: k})
			if err != nil {
				t.Fatal(err)
			}
			i := m.find(k)
			if i >= 0 && m.items[i].expire != 0 && m.items[i].expire < c.ms {
				m.remove(k)
				i = -1
			}
			if (resp != nil) != (i >= 0) {
				t.Fatalf("get %s: got %v, want it to be there = %v", k, resp, i >= 0)
			}
			if i >= 0 && (string(resp.Data) != m.items[i].value || resp.Etag.Value != m.items[i].tag || (resp.Metadata != nil) != (m.items[i].expire != 0)) {
				t.Fatalf("get %s: got %v, want %v", k, resp, m.items[i])
			}
		case 7:
			var want []string
			for _, it := range m.items {
				want = append(want, it.key)
			}
			if got := allKeys(t, s, "%", uint32(r.Intn(4))); !slices.Equal(got, want) {
				t.Fatalf("keys: got %q, want %q", got, want)
			}
		}
		checkIndex(t, &s.items)
	}
}

// checkIndex checks that the three structures of an index hold the same items, in order.
func checkIndex(t *testing.T, x *index) {
	t.Helper()
	var last uint64
	listed, expiring, bytes := 0, 0, int64(0)
	x.each(func(it *item) bool {
		listed++
		bytes += cost(it.key, it.value)
		if x.byKey[it.key] != it || it.next.prev != it || it.prev.next != it || it.position <= last {
			t.Fatalf("the list is broken at %s", it.key)
		}
		last = it.position
		if it.expire != 0 {
			expiring++
			if x.heap[it.heapAt] != it {
				t.Fatalf("%s is not where the heap should have it", it.key)
			}
		}
		return true
	})
	if listed != len(x.byKey) || expiring != len(x.heap) {
		t.Fatalf("got %d items in the list and %d of %d in the heap, want %d by key", listed, len(x.heap), expiring, len(x.byKey))
	}
	if bytes != x.bytes {
		t.Fatalf("got %d bytes, want %d", x.bytes, bytes)
	}
	for i := range x.heap {
		if i > 0 && x.heap[(i-1)/2].expire > x.heap[i].expire {
			t.Fatalf("the heap is out of order at %d", i)
		}
	}
}

// TestIndexGivesMemoryBack fills an index and empties it, several times.
func TestIndexGivesMemoryBack(t *testing.T) {
	s, c := newStore(t)
	for range 3 {
		for i := range 20_000 {
			set(t, s, strconv.Itoa(i), "v", ttl("1"))
		}
		checkIndex(t, &s.items)
		c.ms += 2000
		s.sweep()
		if s.items.len() != 0 || s.items.newest != nil || s.items.peak >= 1024 || cap(s.items.heap) >= 1024 {
			t.Fatalf("got %d items, a map made for %d and room for %d in the heap, want next to nothing", s.items.len(), s.items.peak, cap(s.items.heap))
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := &store{now: func() int64 { return 0 }}
	for i := range 1000 {
		if err := s.Set(context.Background(), &state.SetRequest{Key: "app||key" + strconv.Itoa(i), Value: make([]byte, 128)}); err != nil {
			b.Fatal(err)
		}
	}
	req := &state.GetRequest{Key: "app||key500"}
	for b.Loop() {
		if resp, err := s.Get(context.Background(), req); err != nil || len(resp.Data) != 128 {
			b.Fatal(resp, err)
		}
	}
}
