package api_test

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/state"
)

const encryptionKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// must ends the test when a step that a case needs has failed.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustGet reads an item that must be there.
func mustGet(t *testing.T, c client, key string) got {
	t.Helper()
	g, err := c.get(t, key)
	must(t, err)
	if !g.found {
		t.Fatalf("key %s: not found", key)
	}
	return g
}

// expect compares an error with what each API is to say; over HTTP the
// gRPC code, over gRPC the HTTP status and errorCode do not show.
func expect(t *testing.T, c client, err error, want failure) {
	t.Helper()
	if _, ok := c.(httpClient); ok {
		want.grpc = 0
	} else {
		want.http, want.code = 0, ""
	}
	f, ok := err.(*failure)
	if !ok {
		t.Fatalf("got %v, want %v", err, &want)
	}
	if rest, ok := strings.CutSuffix(want.message, "…"); ok { // the rest is the component's own
		if !strings.HasPrefix(f.message, rest) {
			t.Errorf("got message %q, want %q", f.message, want.message)
		}
		want.message = f.message
	}
	if *f != want {
		t.Errorf("got  %v\nwant %v", f, &want)
	}
}

func etag(s string) *string { return &s }

// cases hold for both APIs. Keys are the case's own.
var cases = []struct {
	name string
	run  func(t *testing.T, c client)
}{
	{"a value comes back as it was sent", func(t *testing.T, c client) {
		for i, v := range []string{`{"b":1,"a":[1, 2]}`, `"text"`, `""`, `"{\"looks\":\"like JSON\"}"`, `12345678901234567890.10`, `true`, `null`, `[]`, `"<&>é"`} {
			key := fmt.Sprintf("k%d", i)
			must(t, c.save(t, write{key: key, value: v}))
			g := mustGet(t, c, key)
			if compact(t, g.data) != compact(t, v) {
				t.Errorf("got %s, want %s", g.data, v)
			}
			if g.etag == "" {
				t.Error("no ETag")
			}
		}
	}},
	{"a missing key is no error", func(t *testing.T, c client) {
		g, err := c.get(t, "missing")
		must(t, err)
		if g.found || g.data != "" || g.etag != "" {
			t.Errorf("got %+v", g)
		}
		must(t, c.del(t, "missing", write{}))
	}},
	{"keys with other characters", func(t *testing.T, c client) {
		for _, key := range []string{"a b", "a+b", "a/b", "a%b", "ü", "a|b", "a?b#c", "bulk", "..", "a.b"} {
			must(t, c.save(t, write{key: key, value: `"` + key + `"`}))
			if g := mustGet(t, c, key); g.data != `"`+key+`"` {
				t.Errorf("key %q: got %s", key, g.data)
			}
			must(t, c.del(t, key, write{}))
			if g, err := c.get(t, key); err != nil || g.found {
				t.Errorf("key %q after delete: got %+v, %v", key, g, err)
			}
		}
	}},
	{"an ETag guards a write", func(t *testing.T, c client) {
		must(t, c.save(t, write{key: "k", value: `1`}))
		first := mustGet(t, c, "k").etag
		must(t, c.save(t, write{key: "k", value: `2`, etag: &first}))
		if g := mustGet(t, c, "k"); g.data != `2` || g.etag == first {
			t.Errorf("got %+v after ETag %s", g, first)
		}
		expect(t, c, c.save(t, write{key: "k", value: `3`, etag: &first}), failure{
			http: 409, code: "ERR_STATE_SAVE", grpc: codes.Aborted, message: "failed saving state in state store statestore: possible etag mismatch. error from state store…"})
		expect(t, c, c.save(t, write{key: "absent", value: `3`, etag: etag("bad-etag")}), failure{
			http: 409, code: "ERR_STATE_SAVE", grpc: codes.Aborted, message: "failed saving state in state store statestore: possible etag mismatch. error from state store…"})
		if g := mustGet(t, c, "k"); g.data != `2` {
			t.Errorf("got %s after a refused write", g.data)
		}
		must(t, c.save(t, write{key: "k", value: `4`, etag: etag("")})) // empty is none
	}},
	{"an ETag guards a delete", func(t *testing.T, c client) {
		must(t, c.save(t, write{key: "k", value: `1`}))
		expect(t, c, c.del(t, "k", write{etag: etag("bad-etag")}), failure{
			http: 409, code: "ERR_STATE_DELETE", grpc: codes.Aborted, message: "failed deleting state with key k: possible etag mismatch. error from state store…"})
		must(t, c.del(t, "k", write{etag: etag(mustGet(t, c, "k").etag)}))
		must(t, c.save(t, write{key: "k", value: `1`}))
		must(t, c.del(t, "k", write{etag: etag("")}))
		if g, err := c.get(t, "k"); err != nil || g.found {
			t.Errorf("got %+v, %v", g, err)
		}
	}},
	{"first write wins", func(t *testing.T, c client) {
		must(t, c.save(t, write{key: "k", value: `1`, concurrency: "first-write", consistency: "strong"}))
		expect(t, c, c.save(t, write{key: "k", value: `2`, concurrency: "first-write"}), failure{
			http: 409, code: "ERR_STATE_SAVE", grpc: codes.Aborted, message: "failed saving state in state store statestore: possible etag mismatch. error from state store…"})
		must(t, c.save(t, write{key: "k", value: `3`, concurrency: "last-write"}))
		must(t, c.save(t, write{key: "k", value: `4`, concurrency: "first-write", etag: etag(mustGet(t, c, "k").etag)}))
		expect(t, c, c.del(t, "k", write{concurrency: "first-write"}), failure{
			http: 409, code: "ERR_STATE_DELETE", grpc: codes.Aborted, message: "failed deleting state with key k: possible etag mismatch. error from state store…"})
	}},
	{"unknown concurrency", func(t *testing.T, c client) {
		expect(t, c, c.save(t, write{key: "k", value: `1`, concurrency: "nonsense"}), failure{
			http: 500, code: "ERR_STATE_SAVE", grpc: codes.Internal, message: "failed saving state in state store statestore: unrecognized concurrency model '…"})
		expect(t, c, c.del(t, "k", write{concurrency: "nonsense"}), failure{
			http: 500, code: "ERR_STATE_DELETE", grpc: codes.Internal, message: "failed deleting state with key k: unrecognized concurrency model '…"})
	}},
	{"an item expires", func(t *testing.T, c client) {
		must(t, c.save(t, write{key: "k", value: `1`, metadata: map[string]string{"ttlInSeconds": "3600"}}))
		at, err := time.Parse(time.RFC3339, mustGet(t, c, "k").ttl)
		must(t, err)
		if d := time.Until(at); d < 50*time.Minute || d > 70*time.Minute {
			t.Errorf("expires in %v, want an hour", d)
		}
		must(t, c.save(t, write{key: "k", value: `2`}))
		if g := mustGet(t, c, "k"); g.ttl != "" {
			t.Errorf("got expiry %q after a save without", g.ttl)
		}
		expect(t, c, c.save(t, write{key: "k", value: `1`, metadata: map[string]string{"ttlInSeconds": "soon"}}), failure{
			http: 500, code: "ERR_STATE_SAVE", grpc: codes.Internal, message: "failed saving state in state store statestore: …"})
	}},
	{"many items", func(t *testing.T, c client) {
		must(t, c.save(t))
		must(t, c.save(t, write{key: "a", value: `1`}, write{key: "b", value: `{"x":2}`}, write{key: "c", value: `3`, metadata: map[string]string{"ttlInSeconds": "60"}}))
		list, err := c.bulk(t, "a", "missing", "b", "c")
		must(t, err)
		sort.Slice(list, func(i, j int) bool { return list[i].key < list[j].key })
		var brief []got
		for _, g := range list {
			if g.found != (g.etag != "") || (g.key == "c") != (g.ttl != "") {
				t.Errorf("got %+v", g)
			}
			brief = append(brief, got{key: g.key, data: g.data, found: g.found, err: g.err})
		}
		want := []got{{key: "a", data: `1`, found: true}, {key: "b", data: `{"x":2}`, found: true}, {key: "c", data: `3`, found: true}, {key: "missing"}}
		if diff := cmp.Diff(want, brief, cmp.AllowUnexported(got{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if list, err := c.bulk(t); err != nil || len(list) != 0 {
			t.Errorf("no keys: got %v, %v", list, err)
		}
	}},
	{"one bad item of many", func(t *testing.T, c client) {
		must(t, c.save(t, write{key: "a", value: `1`}))
		expect(t, c, c.save(t, write{key: "a", value: `2`, etag: etag("bad-etag")}, write{key: "b", value: `2`}), failure{
			http: 409, code: "ERR_STATE_SAVE", grpc: codes.Aborted, message: "failed saving state in state store statestore: a: possible etag mismatch. error from state store…"})
		if g := mustGet(t, c, "b"); g.data != `2` {
			t.Errorf("the good item: got %s", g.data)
		}
		if g := mustGet(t, c, "a"); g.data != `1` {
			t.Errorf("the bad item: got %s", g.data)
		}
	}},
	{"a transaction", func(t *testing.T, c client) {
		must(t, c.transact(t))
		must(t, c.save(t, write{key: "gone", value: `1`}))
		must(t, c.transact(t, op{"upsert", write{key: "a", value: `{"x":1}`}}, op{"delete", write{key: "gone"}}, op{"upsert", write{key: "a", value: `{"x":2}`}}, op{"delete", write{key: "never there"}}))
		if g := mustGet(t, c, "a"); g.data != `{"x":2}` {
			t.Errorf("got %s", g.data)
		}
		if g, err := c.get(t, "gone"); err != nil || g.found {
			t.Errorf("got %+v, %v", g, err)
		}
		expect(t, c, c.transact(t, op{"upsert", write{key: "b", value: `1`}}, op{"upsert", write{key: "a", value: `3`, etag: etag("bad-etag")}}), failure{
			http: 500, code: "ERR_STATE_TRANSACTION", grpc: codes.Internal, message: "error while executing state transaction: possible etag mismatch. error from state store…"})
		if g, err := c.get(t, "b"); err != nil || g.found {
			t.Errorf("half a transaction was done: got %+v, %v", g, err)
		}
	}},
	{"an operation that there is not", func(t *testing.T, c client) {
		expect(t, c, c.transact(t, op{"append", write{key: "a", value: `1`}}), failure{
			http: 400, code: "ERR_NOT_SUPPORTED_STATE_OPERATION", grpc: codes.Unimplemented, message: "operation type append not supported"})
	}},
	{"bars in a key", func(t *testing.T, c client) {
		want := failure{http: 400, code: "ERR_MALFORMED_REQUEST", grpc: codes.InvalidArgument, reason: "DAPR_STATE_ILLEGAL_KEY",
			message: "input key/keyPrefix 'a||b' can't contain '||'"}
		_, err := c.get(t, "a||b")
		expect(t, c, err, want)
		expect(t, c, c.save(t, write{key: "ok", value: `1`}, write{key: "a||b", value: `1`}), want)
		expect(t, c, c.del(t, "a||b", write{}), want)
		_, err = c.bulk(t, "ok", "a||b")
		expect(t, c, err, want)
		expect(t, c, c.transact(t, op{"delete", write{key: "a||b"}}), want)
		if g, err := c.get(t, "ok"); err != nil || g.found {
			t.Errorf("a refused save wrote: got %+v, %v", g, err)
		}
	}},
	{"a query", func(t *testing.T, c client) {
		// A query searches the whole store, also what other applications keep there.
		value := fmt.Sprintf(`{"person":{"org":"%T"},"state":"WA"}`, c)
		must(t, c.save(t, write{key: "q1", value: `{"person":{"org":"A"},"state":"CA"}`}, write{key: "q2", value: value}))
		list, err := c.query(t, fmt.Sprintf(`{"filter":{"EQ":{"person.org":"%T"}}}`, c))
		must(t, err)
		if len(list) != 1 || list[0].key != "q2" || list[0].data != value {
			t.Errorf("got %+v", list)
		}
		if list, err := c.query(t, `{"filter":{"EQ":{"person.org":"none"}}}`); err != nil || len(list) != 0 {
			t.Errorf("no results: got %v, %v", list, err)
		}
		_, err = c.query(t, `{"filter":`)
		expect(t, c, err, failure{http: 500, code: "ERR_STATE_QUERY", grpc: codes.Internal, reason: "DAPR_STATE_QUERY_FAILED",
			message: "state store statestore query failed: failed to parse JSON query body: unexpected end of JSON input"})
	}},
}

func compact(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	for _, r := range s {
		if r != ' ' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// TestState runs the cases over both APIs, against the sandboxed component,
// each with a store of its own.
func TestState(t *testing.T) {
	comp := inMemory(t, "statestore")
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for _, over := range []string{"HTTP", "gRPC"} {
				t.Run(over, func(t *testing.T) {
					sc := start(t, []*state.Store{store(t, comp, state.Config{Name: "statestore", AppID: fmt.Sprintf("%s-%d", over, i)})}, settings{})
					if over == "HTTP" {
						tc.run(t, httpClient{sc, "statestore"})
					} else {
						tc.run(t, grpcClient{sc, "statestore"})
					}
				})
			}
		})
	}
}

// TestStateErrors: stores that are not there or cannot.
func TestStateErrors(t *testing.T) {
	comp := inMemory(t, "statestore")
	none := start(t, nil, settings{})
	some := start(t, []*state.Store{
		store(t, comp, state.Config{Name: "statestore"}),
		store(t, lacking{comp, []string{state.FeatureTransactional, state.FeatureQuery}}, state.Config{Name: "simple"}),
		store(t, comp, state.Config{Name: "secret", Metadata: map[string]string{"primaryEncryptionKey": encryptionKey}, Secrets: map[string]string{"primaryEncryptionKey": "keys"}}),
	}, settings{})
	everyCall := func(t *testing.T, c client) map[string]error {
		_, get := c.get(t, "k")
		_, bulk := c.bulk(t, "k")
		_, query := c.query(t, `{}`)
		return map[string]error{
			"get": get, "save": c.save(t, write{key: "k", value: `1`}), "delete": c.del(t, "k", write{}), "bulk": bulk,
			"transact": c.transact(t, op{"delete", write{key: "k"}}), "query": query,
		}
	}
	for _, api := range []struct {
		name string
		on   func(sc *sidecar, store string) client
	}{
		{"HTTP", func(sc *sidecar, s string) client { return httpClient{sc, s} }},
		{"gRPC", func(sc *sidecar, s string) client { return grpcClient{sc, s} }},
	} {
		t.Run(api.name, func(t *testing.T) {
			c := api.on(none, "statestore")
			for call, err := range everyCall(t, c) {
				t.Run("no stores, "+call, func(t *testing.T) {
					expect(t, c, err, failure{http: 500, code: "ERR_STATE_STORE_NOT_CONFIGURED", grpc: codes.FailedPrecondition,
						reason: "DAPR_STATE_NOT_CONFIGURED", message: "state store statestore is not configured"})
				})
			}
			c = api.on(some, "other")
			for call, err := range everyCall(t, c) {
				t.Run("unknown store, "+call, func(t *testing.T) {
					expect(t, c, err, failure{http: 400, code: "ERR_STATE_STORE_NOT_FOUND", grpc: codes.InvalidArgument,
						reason: "DAPR_STATE_NOT_FOUND", message: "state store other is not found"})
				})
			}
			c = api.on(some, "simple")
			for _, ops := range [][]op{nil, {{"delete", write{key: "k"}}}} {
				expect(t, c, c.transact(t, ops...), failure{http: 500, code: "ERR_STATE_STORE_NOT_SUPPORTED", grpc: codes.Unimplemented,
					reason: "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED", message: "state store simple doesn't support transactions"})
			}
			_, err := c.query(t, `{}`)
			expect(t, c, err, failure{http: 500, code: "ERR_STATE_STORE_NOT_SUPPORTED", grpc: codes.Internal,
				reason: "DAPR_STATE_QUERYING_NOT_SUPPORTED", message: "state store does not support querying"})

			c = api.on(some, "secret")
			_, err = c.query(t, `{}`)
			expect(t, c, err, failure{http: 500, code: "ERR_STATE_QUERY", grpc: codes.Internal, reason: "DAPR_STATE_QUERY_FAILED",
				message: "state store secret query failed: cannot query encrypted store"})
		})
	}
}

// TestStateShared: what one API writes the other reads, under the key that
// the strategy says, and encrypted when the component says so.
func TestStateShared(t *testing.T) {
	comp := inMemory(t, "statestore")
	raw := store(t, comp, state.Config{Name: "raw", Metadata: map[string]string{"keyPrefix": "none"}})
	sc := start(t, []*state.Store{
		raw,
		store(t, comp, state.Config{Name: "byname", Metadata: map[string]string{"keyPrefix": "name"}}),
		store(t, comp, state.Config{Name: "byspace", Namespace: "prod", Metadata: map[string]string{"keyPrefix": "namespace"}}),
		store(t, comp, state.Config{Name: "secret", Metadata: map[string]string{"primaryEncryptionKey": encryptionKey, "keyPrefix": "crypt"},
			Secrets: map[string]string{"primaryEncryptionKey": "keys"}}),
	}, settings{})
	for store, prefix := range map[string]string{"byname": "byname||", "byspace": "prod.orders||", "secret": "crypt||", "raw": ""} {
		t.Run(store, func(t *testing.T) {
			h, g := httpClient{sc, store}, grpcClient{sc, store}
			must(t, h.save(t, write{key: "h", value: `{"a": 1}`}))
			must(t, g.save(t, write{key: "g", value: `{"b": 2}`}))
			must(t, h.transact(t, op{"upsert", write{key: "t", value: `"x"`}}))
			for _, c := range []client{h, g} {
				for key, want := range map[string]string{"h": `{"a":1}`, "g": `{"b": 2}`, "t": `"x"`} {
					if got := mustGet(t, c, key); got.data != want {
						t.Errorf("%T, key %s: got %s, want %s", c, key, got.data, want)
					}
				}
				list, err := c.bulk(t, "h", "g")
				must(t, err)
				if len(list) != 2 || list[0].data != `{"a":1}` || list[1].key != "g" || list[1].err != "" {
					t.Errorf("%T: got %+v", c, list)
				}
			}
			keys, err := raw.KeysLike(context.Background(), keysLike(prefix+"%"))
			must(t, err)
			found := strings.Join(keys.Keys, " ")
			for _, k := range []string{"h", "g", "t"} {
				if !strings.Contains(found, prefix+k) {
					t.Errorf("stored keys %q, want %s among them", found, prefix+k)
				}
			}
		})
	}
	stored := mustGet(t, grpcClient{sc, "raw"}, "h")
	if stored.data != `{"a":1}` {
		t.Errorf("got %s", stored.data)
	}
}

// TestEncryptedAtRest looks at what the component holds.
func TestEncryptedAtRest(t *testing.T) {
	comp := inMemory(t, "statestore")
	s := store(t, comp, state.Config{Name: "secret", Metadata: map[string]string{"primaryEncryptionKey": encryptionKey}, Secrets: map[string]string{"primaryEncryptionKey": "keys"}})
	sc := start(t, []*state.Store{s}, settings{})
	must(t, httpClient{sc, "secret"}.save(t, write{key: "a", value: `"plain text"`}, write{key: "b", value: `"plain text"`}))
	must(t, grpcClient{sc, "secret"}.transact(t, op{"upsert", write{key: "c", value: `"plain text"`}}))
	for _, key := range []string{"a", "b", "c"} {
		resp, err := comp.Get(context.Background(), &proto.GetRequest{Key: "orders||" + key})
		must(t, err)
		if data := string(resp.Data); !strings.HasSuffix(data, "||keys") || strings.Contains(data, "plain") {
			t.Errorf("key %s is stored as %q", key, data)
		}
		if g := mustGet(t, httpClient{sc, "secret"}, key); g.data != `"plain text"` {
			t.Errorf("key %s: got %s back", key, g.data)
		}
	}
}
