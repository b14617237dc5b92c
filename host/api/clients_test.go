package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	commonv1 "github.com/dapr/dapr/pkg/proto/common/v1"
	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// client is a store as an application sees it, over one of the two APIs. The
// cases below hold for both.
type client interface {
	get(t *testing.T, key string) (got, error)
	save(t *testing.T, items ...write) error
	del(t *testing.T, key string, w write) error
	bulk(t *testing.T, keys ...string) ([]got, error)
	transact(t *testing.T, ops ...op) error
	query(t *testing.T, q string) ([]got, error)
}

type got struct {
	key, data, etag, ttl, err string
	found                     bool
}

type write struct {
	key, value               string // value is JSON
	etag                     *string
	concurrency, consistency string
	metadata                 map[string]string
}

type op struct {
	kind string
	write
}

// failure is an error of either API, as far as both say the same.
type failure struct {
	http    int
	code    string // errorCode; gRPC does not show it
	grpc    codes.Code
	message string
	reason  string // of the details
}

func (f *failure) Error() string {
	return fmt.Sprintf("%d %s %s %q %s", f.http, f.code, f.grpc, f.message, f.reason)
}

// httpClient speaks HTTP.
type httpClient struct {
	sc    *sidecar
	store string
}

func (c httpClient) failed(t *testing.T, a answer) error {
	t.Helper()
	if a.status < 300 {
		return nil
	}
	var body struct {
		ErrorCode, Message string
		Details            []map[string]any
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("error body %q: %v", a.body, err)
	}
	f := &failure{http: a.status, code: body.ErrorCode, message: body.Message}
	for _, d := range body.Details {
		if r, ok := d["reason"].(string); ok {
			f.reason = r
		}
	}
	return f
}

func (c httpClient) item(w write) map[string]any {
	m := map[string]any{"key": w.key}
	if w.value != "" {
		m["value"] = json.RawMessage(w.value)
	}
	if w.etag != nil {
		m["etag"] = *w.etag
	}
	if w.metadata != nil {
		m["metadata"] = w.metadata
	}
	if w.concurrency+w.consistency != "" {
		m["options"] = map[string]string{"concurrency": w.concurrency, "consistency": w.consistency}
	}
	return m
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // values are to arrive as they are written here
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (c httpClient) path(parts ...string) string {
	p := "/v1.0/state/" + c.store
	for _, s := range parts {
		p += "/" + strings.NewReplacer("%", "%25", "/", "%2F", "+", "%2B", " ", "+", "|", "%7C", "?", "%3F", "#", "%23", ".", "%2E").Replace(s)
	}
	return p
}

func (c httpClient) get(t *testing.T, key string) (got, error) {
	t.Helper()
	a := c.sc.call(t, "GET", c.path(key), "")
	g := got{key: key, data: a.body, etag: a.header.Get("ETag"), ttl: a.header.Get("metadata.ttlExpireTime"), found: a.status == http.StatusOK}
	if g.found && a.header.Get("Content-Type") != "application/json" {
		t.Errorf("got content type %q", a.header.Get("Content-Type"))
	}
	return g, c.failed(t, a)
}

func (c httpClient) save(t *testing.T, items ...write) error {
	t.Helper()
	list := make([]map[string]any, len(items))
	for i, w := range items {
		list[i] = c.item(w)
	}
	a := c.sc.call(t, "POST", c.path(), marshal(t, list))
	if a.status < 300 && a.status != http.StatusNoContent {
		t.Errorf("got status %d, want 204", a.status)
	}
	return c.failed(t, a)
}

func (c httpClient) del(t *testing.T, key string, w write) error {
	t.Helper()
	var headers []string
	if w.etag != nil {
		headers = []string{"If-Match", *w.etag}
	}
	path := c.path(key) + "?concurrency=" + w.concurrency + "&consistency=" + w.consistency
	for k, v := range w.metadata {
		path += "&metadata." + k + "=" + v
	}
	return c.failed(t, c.sc.call(t, "DELETE", path, "", headers...))
}

func (c httpClient) bulk(t *testing.T, keys ...string) ([]got, error) {
	t.Helper()
	if keys == nil {
		keys = []string{}
	}
	a := c.sc.call(t, "POST", c.path("bulk"), marshal(t, map[string]any{"keys": keys, "parallelism": 4}))
	if err := c.failed(t, a); err != nil {
		return nil, err
	}
	return items(t, a.body), nil
}

func items(t *testing.T, list string) (out []got) {
	t.Helper()
	var body []struct {
		Key, Error string
		Data       json.RawMessage
		ETag       string
		Metadata   map[string]string
	}
	if err := json.Unmarshal([]byte(list), &body); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	for _, it := range body {
		out = append(out, got{key: it.Key, data: string(it.Data), etag: it.ETag, ttl: it.Metadata["ttlExpireTime"], err: it.Error, found: it.Data != nil})
	}
	return out
}

func (c httpClient) transact(t *testing.T, ops ...op) error {
	t.Helper()
	list := make([]map[string]any, len(ops))
	for i, o := range ops {
		list[i] = map[string]any{"operation": o.kind, "request": c.item(o.write)}
	}
	return c.failed(t, c.sc.call(t, "POST", c.path("transaction"), marshal(t, map[string]any{"operations": list})))
}

func (c httpClient) query(t *testing.T, q string) ([]got, error) {
	t.Helper()
	a := c.sc.call(t, "POST", "/v1.0-alpha1/state/"+c.store+"/query", q)
	if err := c.failed(t, a); err != nil || a.status == http.StatusNoContent {
		return nil, err
	}
	var body struct{ Results json.RawMessage }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return items(t, string(body.Results)), nil
}

// grpcClient speaks gRPC.
type grpcClient struct {
	sc    *sidecar
	store string
}

func (c grpcClient) failed(err error) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	f := &failure{grpc: st.Code(), message: st.Message()}
	for _, d := range st.Details() {
		if r, ok := d.(interface{ GetReason() string }); ok {
			f.reason = r.GetReason()
		}
	}
	return f
}

func (c grpcClient) get(t *testing.T, key string) (got, error) {
	t.Helper()
	r, err := c.sc.dapr.GetState(t.Context(), &runtimev1.GetStateRequest{StoreName: c.store, Key: key})
	return got{key: key, data: string(r.GetData()), etag: r.GetEtag(), ttl: r.GetMetadata()["ttlExpireTime"], found: len(r.GetData()) > 0}, c.failed(err)
}

func (c grpcClient) item(w write) *commonv1.StateItem {
	it := &commonv1.StateItem{Key: w.key, Value: []byte(w.value), Metadata: w.metadata, Options: c.options(w)}
	if w.etag != nil {
		it.Etag = &commonv1.Etag{Value: *w.etag}
	}
	return it
}

func (c grpcClient) options(w write) *commonv1.StateOptions {
	if w.concurrency+w.consistency == "" {
		return nil
	}
	o := &commonv1.StateOptions{}
	switch w.concurrency {
	case "first-write":
		o.Concurrency = commonv1.StateOptions_CONCURRENCY_FIRST_WRITE
	case "last-write":
		o.Concurrency = commonv1.StateOptions_CONCURRENCY_LAST_WRITE
	case "":
	default:
		o.Concurrency = 9
	}
	if w.consistency == "strong" {
		o.Consistency = commonv1.StateOptions_CONSISTENCY_STRONG
	}
	return o
}

func (c grpcClient) save(t *testing.T, items ...write) error {
	t.Helper()
	req := &runtimev1.SaveStateRequest{StoreName: c.store}
	for _, w := range items {
		req.States = append(req.States, c.item(w))
	}
	_, err := c.sc.dapr.SaveState(t.Context(), req)
	return c.failed(err)
}

func (c grpcClient) del(t *testing.T, key string, w write) error {
	t.Helper()
	w.key = key
	it := c.item(w)
	_, err := c.sc.dapr.DeleteState(t.Context(), &runtimev1.DeleteStateRequest{StoreName: c.store, Key: key, Etag: it.Etag, Options: it.Options, Metadata: it.Metadata})
	return c.failed(err)
}

func (c grpcClient) bulk(t *testing.T, keys ...string) (out []got, _ error) {
	t.Helper()
	r, err := c.sc.dapr.GetBulkState(t.Context(), &runtimev1.GetBulkStateRequest{StoreName: c.store, Keys: keys, Parallelism: 4})
	for _, it := range r.GetItems() {
		out = append(out, got{key: it.Key, data: string(it.Data), etag: it.Etag, ttl: it.Metadata["ttlExpireTime"], err: it.Error, found: len(it.Data) > 0})
	}
	return out, c.failed(err)
}

func (c grpcClient) transact(t *testing.T, ops ...op) error {
	t.Helper()
	req := &runtimev1.ExecuteStateTransactionRequest{StoreName: c.store}
	for _, o := range ops {
		req.Operations = append(req.Operations, &runtimev1.TransactionalStateOperation{OperationType: o.kind, Request: c.item(o.write)})
	}
	_, err := c.sc.dapr.ExecuteStateTransaction(t.Context(), req)
	return c.failed(err)
}

func (c grpcClient) query(t *testing.T, q string) (out []got, _ error) {
	t.Helper()
	r, err := c.sc.dapr.QueryStateAlpha1(t.Context(), &runtimev1.QueryStateRequest{StoreName: c.store, Query: q})
	for _, it := range r.GetResults() {
		out = append(out, got{key: it.Key, data: string(it.Data), etag: it.Etag, err: it.Error, found: len(it.Data) > 0})
	}
	return out, c.failed(err)
}
