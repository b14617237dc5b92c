package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// clock is a store's time, in Unix milliseconds, moved by the test.
type clock struct{ ms int64 }

func newStore(t *testing.T) (*store, *clock) {
	t.Helper()
	c := &clock{1_700_000_000_000}
	s := &store{now: func() int64 { return c.ms }}
	if err := s.Init(context.Background(), &berth.Init{}); err != nil {
		t.Fatal(err)
	}
	return s, c
}

func set(t *testing.T, s *store, key, value string, opts ...func(*state.SetRequest)) {
	t.Helper()
	req := &state.SetRequest{Key: key, Value: []byte(value)}
	for _, o := range opts {
		o(req)
	}
	if err := s.Set(context.Background(), req); err != nil {
		t.Fatalf("Set %s: %v", key, err)
	}
}

func ttl(text string) func(*state.SetRequest) {
	return func(r *state.SetRequest) { r.Metadata = map[string]string{"ttlInSeconds": text} }
}

// get returns the value and etag of a key, "" and "" when there is none.
func get(t *testing.T, s *store, key string) (value, tag string) {
	t.Helper()
	resp, err := s.Get(context.Background(), &state.GetRequest{Key: key})
	if err != nil {
		t.Fatalf("Get %s: %v", key, err)
	}
	if resp == nil {
		return "", ""
	}
	return string(resp.Data), resp.Etag.Value
}

// wantError checks an error's status, and its text when one is given.
func wantError(t *testing.T, err error, status berth.Status, text string) {
	t.Helper()
	var e *berth.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want one with status %d", err, status)
	}
	if e.Status != status || text != "" && e.Error() != text {
		t.Errorf("got status %d %q, want %d %q", e.Status, e.Error(), status, text)
	}
}

func TestSetGetDelete(t *testing.T) {
	s, _ := newStore(t)
	if v, tag := get(t, s, "k"); v != "" || tag != "" {
		t.Errorf("missing key: got %q %q, want nothing", v, tag)
	}
	for _, v := range []string{"v1", "", `{"a":1}`, "\x00\xff"} {
		set(t, s, "k", v)
		if got, tag := get(t, s, "k"); got != v || len(tag) != 36 {
			t.Errorf("got %q with etag %q, want %q with a UUID", got, tag, v)
		}
	}
	for range 2 { // a missing key is no error
		if err := s.Delete(context.Background(), &state.DeleteRequest{Key: "k"}); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, tag := get(t, s, "k"); tag != "" {
		t.Error("the key is still there after Delete")
	}
	set(t, s, "k", "v")
	if err := s.Close(context.Background()); err != nil || s.items.len() != 0 {
		t.Errorf("Close: got %v and %d items, want none", err, s.items.len())
	}
}

func TestETags(t *testing.T) {
	ctx := context.Background()
	firstWrite := &state.Options{Concurrency: state.FirstWrite}
	for _, tc := range []struct {
		name    string
		stored  bool
		etag    string // "" none, "current", "empty", or what to send
		options *state.Options
		want    string // the error's text, "" = goes through; CURRENT is replaced
	}{
		{name: "no etag, nothing stored"},
		{name: "no etag, overwrites", stored: true},
		{name: "empty etag is none", stored: true, etag: "empty"},
		{name: "current etag", stored: true, etag: "current"},
		{name: "current etag, first-write", stored: true, etag: "current", options: firstWrite},
		{name: "first-write, nothing stored", options: firstWrite},
		{name: "first-write, stored", stored: true, options: firstWrite, want: "item already exists and no etag was passed"},
		{name: "first-write with empty etag, stored", stored: true, etag: "empty", options: firstWrite, want: "item already exists and no etag was passed"},
		{name: "etag, nothing stored", etag: "bad-etag", want: "state not exist or expired for key=k"},
		{name: "other etag", stored: true, etag: "bad-etag", want: "state etag not match for key=k: current=CURRENT, expect=bad-etag"},
		{name: "etag in capitals is another", stored: true, etag: "CAPITALS", want: "state etag not match for key=k: current=CURRENT, expect=CAPITALS"},
	} {
		for _, op := range []string{"set", "delete", "transact set", "transact delete"} {
			t.Run(tc.name+"/"+op, func(t *testing.T) {
				s, _ := newStore(t)
				var current string
				if tc.stored {
					set(t, s, "k", "old")
					_, current = get(t, s, "k")
				}
				var given *state.Etag
				expect := strings.ReplaceAll(tc.want, "CURRENT", current)
				switch tc.etag {
				case "":
				case "current":
					given = &state.Etag{Value: current}
				case "empty":
					given = &state.Etag{}
				case "CAPITALS":
					given = &state.Etag{Value: strings.ToUpper(current)}
					expect = strings.ReplaceAll(expect, "CAPITALS", given.Value)
				default:
					given = &state.Etag{Value: tc.etag}
				}
				sr := &state.SetRequest{Key: "k", Value: []byte("new"), Etag: given, Options: tc.options}
				dr := &state.DeleteRequest{Key: "k", Etag: given, Options: tc.options}
				var err error
				switch op {
				case "set":
					err = s.Set(ctx, sr)
				case "delete":
					err = s.Delete(ctx, dr)
				case "transact set":
					err = s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{{Set: sr}}})
				case "transact delete":
					err = s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{{Delete: dr}}})
				}
				value, tag := get(t, s, "k")
				if tc.want != "" {
					wantError(t, err, berth.ETagMismatch, expect)
					if tag != current {
						t.Errorf("the item changed although the write failed: etag %q, want %q", tag, current)
					}
					return
				}
				if err != nil {
					t.Fatalf("got %v, want no error", err)
				}
				if strings.HasSuffix(op, "delete") {
					if tag != "" {
						t.Error("the item is still there")
					}
				} else if value != "new" || tag == "" || tag == current {
					t.Errorf("got %q with etag %q (before: %q), want the new value and another etag", value, tag, current)
				}
			})
		}
	}
}

func TestETagIsAVersion4UUID(t *testing.T) {
	var source etagSource
	seen := map[string]bool{}
	for range 1000 {
		text := source.next()
		if len(text) != 36 || text[14] != '4' || !strings.ContainsRune("89ab", rune(text[19])) || strings.Count(text, "-") != 4 ||
			strings.Trim(text, "0123456789abcdef-") != "" {
			t.Fatalf("%q is not a version 4 UUID", text)
		}
		if seen[text] {
			t.Fatalf("%s came twice", text)
		}
		seen[text] = true
	}
}

func TestRefusedRequests(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name     string
		metadata map[string]string
		options  *state.Options
		want     string
	}{
		{"ttl is a word", map[string]string{"ttlInSeconds": "foo"}, nil, `incorrect value for metadata 'ttlInSeconds': 'foo' is not a whole number`},
		{"ttl is a fraction", map[string]string{"ttlInSeconds": "1.5"}, nil, `incorrect value for metadata 'ttlInSeconds': '1.5' is not a whole number`},
		{"ttl over 64 bits", map[string]string{"ttlInSeconds": "9223372036854775808"}, nil, `incorrect value for metadata 'ttlInSeconds': '9223372036854775808' is not a whole number`},
		{"concurrency", nil, &state.Options{Concurrency: 7}, "unrecognized concurrency model '7'"},
		{"consistency", nil, &state.Options{Consistency: -1}, "unrecognized consistency model '-1'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := newStore(t)
			req := &state.SetRequest{Key: "k", Metadata: tc.metadata, Options: tc.options}
			wantError(t, s.Set(ctx, req), berth.InvalidArgument, tc.want)
			wantError(t, s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{{Set: &state.SetRequest{Key: "other"}}, {Set: req}}}), berth.InvalidArgument, tc.want)
			if tc.options != nil {
				wantError(t, s.Delete(ctx, &state.DeleteRequest{Key: "k", Options: tc.options}), berth.InvalidArgument, tc.want)
			}
			if n := s.items.len(); n != 0 {
				t.Errorf("got %d items after refused requests, want 0", n)
			}
		})
	}
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	s, _ := newStore(t)
	set(t, s, "a", "1")
	_, tag := get(t, s, "a")
	err := s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{
		{Set: &state.SetRequest{Key: "b", Value: []byte("2")}},
		{Delete: &state.DeleteRequest{Key: "a"}},
		{Set: &state.SetRequest{Key: "c", Etag: &state.Etag{Value: "none"}}},
	}})
	wantError(t, err, berth.ETagMismatch, "state not exist or expired for key=c")
	if v, now := get(t, s, "a"); v != "1" || now != tag || s.items.len() != 1 {
		t.Error("a failed transaction left something behind")
	}
	// Operations are done in their order; each is checked against the state before the first.
	err = s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{
		{Set: &state.SetRequest{Key: "a", Value: []byte("x"), Etag: &state.Etag{Value: tag}}},
		{Delete: &state.DeleteRequest{Key: "a", Etag: &state.Etag{Value: tag}}},
		{Delete: &state.DeleteRequest{Key: "missing"}},
		{Set: &state.SetRequest{Key: "a", Value: []byte("last")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := get(t, s, "a"); v != "last" {
		t.Errorf("got %q, want %q", v, "last")
	}
	if err := s.Transact(ctx, &state.TransactRequest{}); err != nil {
		t.Errorf("an empty transaction: got %v, want no error", err)
	}
}

func TestTimeToLive(t *testing.T) {
	ctx := context.Background()
	s, c := newStore(t)
	set(t, s, "k", "v", ttl("2"))
	resp, _ := s.Get(ctx, &state.GetRequest{Key: "k"})
	if got, want := resp.Metadata["ttlExpireTime"], "2023-11-14T22:13:22Z"; got != want {
		t.Errorf("got ttlExpireTime %q, want %q", got, want)
	}
	c.ms += 2000
	if v, _ := get(t, s, "k"); v != "v" {
		t.Error("gone at the very millisecond of its expiry; Dapr's store has it until then")
	}
	for _, text := range []string{"", "0", "-1", "-99999"} {
		set(t, s, "k", "v", ttl("5"))
		set(t, s, "k", "v", ttl(text))
		if resp, _ := s.Get(ctx, &state.GetRequest{Key: "k"}); resp.Metadata != nil {
			t.Errorf("ttl %q: got metadata %v, want none", text, resp.Metadata)
		}
	}
	set(t, s, "far", "v", ttl("9223372036854775807"))
	if resp, _ := s.Get(ctx, &state.GetRequest{Key: "far"}); resp.Metadata["ttlExpireTime"] != "9999-12-31T23:59:59Z" {
		t.Errorf("got %v, want the last time that can be written", resp.Metadata)
	}
}

// An item that expired and was not swept yet cannot be read, but is still there.
func TestExpiredUntilSwept(t *testing.T) {
	ctx := context.Background()
	prepare := func(t *testing.T) (*store, *clock) {
		s, c := newStore(t)
		set(t, s, "long", "v", ttl("100"))
		get(t, s, "long") // sweeps, so that the next sweep is a second from now
		c.ms += 500
		set(t, s, "k", "v", ttl("-1"))
		it := s.items.get("k")
		s.items.setExpire(it, c.ms)
		c.ms += 300
		return s, c
	}
	t.Run("first-write fails until the sweep", func(t *testing.T) {
		s, c := prepare(t)
		req := &state.SetRequest{Key: "k", Options: &state.Options{Concurrency: state.FirstWrite}}
		wantError(t, s.Set(ctx, req), berth.ETagMismatch, "")
		c.ms += 200
		if err := s.Set(ctx, req); err != nil {
			t.Errorf("after the sweep: got %v, want no error", err)
		}
	})
	t.Run("keys and prefix count it", func(t *testing.T) {
		s, c := prepare(t)
		keys := func() int {
			resp, err := s.KeysLike(ctx, &state.KeysLikeRequest{Pattern: "k"})
			if err != nil {
				t.Fatal(err)
			}
			return len(resp.Keys)
		}
		if got := keys(); got != 1 {
			t.Errorf("before the sweep: got %d keys, want 1", got)
		}
		c.ms += 200
		if got := keys(); got != 0 {
			t.Errorf("after the sweep: got %d keys, want 0", got)
		}
	})
	t.Run("get removes it, bulk get does not", func(t *testing.T) {
		s, _ := prepare(t)
		items, err := s.BulkGet(ctx, []state.GetRequest{{Key: "k"}})
		if err != nil || len(items) != 1 || items[0].Key != "k" || items[0].Etag != nil {
			t.Errorf("got %v, %v, want the key alone", items, err)
		}
		if s.items.get("k") == nil {
			t.Error("BulkGet removed the item")
		}
		if _, tag := get(t, s, "k"); tag != "" || s.items.get("k") != nil {
			t.Error("Get answered or left the item")
		}
	})
	t.Run("the clock is set back", func(t *testing.T) {
		s, c := prepare(t)
		c.ms -= 3600_000
		if v, _ := get(t, s, "k"); v != "v" {
			t.Error("an item is gone before its time")
		}
		set(t, s, "short", "v", ttl("1")) // and sweeping goes on, by the new time
		c.ms += 2000
		if resp, err := s.KeysLike(ctx, &state.KeysLikeRequest{Pattern: "short"}); err != nil || len(resp.Keys) != 0 {
			t.Errorf("got %v, %v, want the expired item swept", resp, err)
		}
	})
}

func TestBulkGetKeepsOrder(t *testing.T) {
	s, _ := newStore(t)
	set(t, s, "a", "1")
	set(t, s, "b", "2", ttl("10"))
	items, err := s.BulkGet(context.Background(), []state.GetRequest{{Key: "b"}, {Key: "none"}, {Key: "a"}, {Key: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		got = append(got, it.Key+"="+string(it.Data)+it.Metadata["ttlExpireTime"])
	}
	if want := []string{"b=22023-11-14T22:13:30Z", "none=", "a=1", "b=22023-11-14T22:13:30Z"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if items, err := s.BulkGet(context.Background(), nil); err != nil || len(items) != 0 {
		t.Errorf("empty request: got %v, %v, want nothing", items, err)
	}
}

func TestFullStoreRefusesWrites(t *testing.T) {
	ctx := context.Background()
	s, _ := newStore(t)
	s.capacity = 3 * cost("a", make([]byte, 1000))
	write := func(key string, n int) error { return s.Set(ctx, &state.SetRequest{Key: key, Value: make([]byte, n)}) }
	for _, key := range []string{"a", "b", "c"} {
		if err := write(key, 1000); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, write("d", 0), berth.ResourceExhausted, "the store is full: 3 items take 0 MiB of 0; wasm.memory gives it more")
	wantError(t, write("a", 1001), berth.ResourceExhausted, "")
	for _, n := range []int{1000, 0, 1000} { // as large, smaller, as large as it was
		if err := write("a", n); err != nil {
			t.Errorf("a write that needs no more room: %v", err)
		}
	}
	set := func(key string, n int) state.Operation {
		return state.Operation{Set: &state.SetRequest{Key: key, Value: make([]byte, n)}}
	}
	if err := write("c", 500); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{set("a", 1400), set("b", 1400)}}), berth.ResourceExhausted, "")
	if err := s.Transact(ctx, &state.TransactRequest{Operations: []state.Operation{set("a", 1400), set("b", 1100)}}); err != nil {
		t.Errorf("a transaction that fits: %v", err)
	}
	if err := s.Delete(ctx, &state.DeleteRequest{Key: "a"}); err != nil {
		t.Errorf("a full store has to let go: %v", err)
	}
	if err := write("d", 500); err != nil {
		t.Errorf("after a delete: %v", err)
	}
}
