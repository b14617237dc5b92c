package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
	"github.com/berth-run/berth/host/state"
)

// metadataPrefix marks the component's request metadata in a query string and
// its response metadata among the headers.
const metadataPrefix = "metadata."

// query reads the query string; nil when there is none.
func query(u *url.URL) url.Values {
	if u.RawQuery == "" {
		return nil
	}
	return u.Query()
}

// metadata takes the request metadata out of a query. Of a name that is there
// more than once the first value counts. It returns nil when there is none.
func metadata(q url.Values) map[string]string {
	var md map[string]string
	for k, v := range q {
		if name, ok := strings.CutPrefix(k, metadataPrefix); ok {
			if md == nil {
				md = make(map[string]string)
			}
			md[name] = v[0]
		}
	}
	return md
}

// merge puts the metadata of the URL over that of the body.
func merge(body, fromURL map[string]string) map[string]string {
	switch {
	case fromURL == nil:
		return body
	case body == nil:
		return fromURL
	}
	maps.Copy(body, fromURL)
	return body
}

func (h *handler) getState(w http.ResponseWriter, r *http.Request, p params) {
	st, err := h.State.Lookup(p[0], h.AppID)
	if err != nil {
		h.fail(w, err)
		return
	}
	req := &proto.GetRequest{Key: p[1]}
	if q := query(r.URL); q != nil {
		req.Metadata = metadata(q)
		// An unknown consistency is no error in a read, as in Dapr.
		if opts, err := state.ParseOptions("", q.Get("consistency")); err == nil && opts != nil {
			req.Consistency = opts.Consistency
		}
	}
	resp, err := st.Get(r.Context(), req)
	if err != nil {
		h.fail(w, err)
		return
	}
	if !state.Found(resp) {
		empty(w)
		return
	}
	header := w.Header()
	if resp.Etag != nil {
		header["Etag"] = []string{resp.Etag.Value}
	}
	for k, v := range resp.Metadata {
		header.Add(metadataPrefix+k, v)
	}
	data(w, resp.Data)
}

func (h *handler) saveState(w http.ResponseWriter, r *http.Request, p params) {
	st, err := h.State.Lookup(p[0], h.AppID)
	if err != nil {
		h.fail(w, err)
		return
	}
	b := buffers.Get().(*buffer)
	defer b.release()
	body, err := h.read(b, r)
	if err != nil {
		h.fail(w, err)
		return
	}
	items, err := parseSave(b.items, body)
	if err != nil {
		var bad optionsError
		if errors.As(err, &bad) {
			err = st.SaveError(bad.error)
		} else {
			err = apierrors.New(apierrors.MalformedRequest, err)
		}
		h.fail(w, err)
		return
	}
	b.items = items
	md := metadata(query(r.URL))
	for i := range items {
		if items[i].Key == "" {
			h.fail(w, apierrors.New(apierrors.StateKeyRequired))
			return
		}
		items[i].Metadata = merge(items[i].Metadata, md)
	}
	if err := st.Set(r.Context(), items); err != nil {
		h.fail(w, err)
		return
	}
	empty(w)
}

func (h *handler) deleteState(w http.ResponseWriter, r *http.Request, p params) {
	st, err := h.State.Lookup(p[0], h.AppID)
	if err != nil {
		h.fail(w, err)
		return
	}
	req := &proto.DeleteRequest{Key: p[1]}
	if q := query(r.URL); q != nil {
		req.Metadata = metadata(q)
		if req.Options, err = state.ParseOptions(q.Get("concurrency"), q.Get("consistency")); err != nil {
			h.fail(w, st.DeleteError(p[1], err))
			return
		}
	}
	if v, ok := r.Header["If-Match"]; ok && len(v) > 0 {
		req.Etag = &proto.Etag{Value: v[0]}
	}
	if err := st.Delete(r.Context(), req); err != nil {
		h.fail(w, err)
		return
	}
	empty(w)
}

// decode reads a body that is one JSON value.
func (h *handler) decode(r *http.Request, v any) error {
	b := buffers.Get().(*buffer)
	defer b.release()
	body, err := h.read(b, r)
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(v); err != nil {
		return apierrors.New(apierrors.MalformedBody, err)
	}
	return nil
}

func (h *handler) getBulkState(w http.ResponseWriter, r *http.Request, p params) {
	st, err := h.State.Lookup(p[0], h.AppID)
	if err != nil {
		h.fail(w, err)
		return
	}
	var req struct {
		Keys        []string          `json:"keys"`
		Parallelism int               `json:"parallelism"`
		Metadata    map[string]string `json:"metadata"`
	}
	if err := h.decode(r, &req); err != nil {
		h.fail(w, err)
		return
	}
	items, err := st.BulkGet(r.Context(), req.Keys, req.Parallelism, merge(req.Metadata, metadata(query(r.URL))))
	if err != nil {
		h.fail(w, err)
		return
	}
	data(w, appendBulk(nil, items))
}

// notJSON is the error of an item that was not saved as JSON, which only the
// gRPC API allows: an answer that holds many values cannot show it.
const notJSON = "the value is not JSON: get it by itself or over gRPC"

func appendBulk(b []byte, items []proto.BulkStateItem) []byte {
	b = append(b, '[')
	for i := range items {
		it := &items[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"key":`...)
		b = quote(b, it.Key)
		if len(it.Data) > 0 && !json.Valid(it.Data) {
			it.Data, it.Error = nil, notJSON
		}
		if len(it.Data) > 0 {
			b = append(b, `,"data":`...)
			b = append(b, it.Data...)
		}
		if it.Etag != nil {
			b = append(b, `,"etag":`...)
			b = quote(b, it.Etag.Value)
		}
		if len(it.Metadata) > 0 {
			b = append(b, `,"metadata":`...)
			b = appendMap(b, it.Metadata)
		}
		if it.Error != "" {
			b = append(b, `,"error":`...)
			b = quote(b, it.Error)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendMap(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	first := true
	for k, v := range m {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(quote(b, k), ':')
		b = quote(b, v)
	}
	return append(b, '}')
}

func (h *handler) transactState(w http.ResponseWriter, r *http.Request, p params) {
	st, err := h.State.Lookup(p[0], h.AppID)
	if err != nil {
		h.fail(w, err)
		return
	}
	var body struct {
		Operations []struct {
			Operation string `json:"operation"`
			Request   item   `json:"request"`
		} `json:"operations"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := h.decode(r, &body); err != nil {
		h.fail(w, err)
		return
	}
	md := metadata(query(r.URL))
	req := &proto.TransactRequest{Metadata: merge(body.Metadata, md), Operations: make([]proto.TransactOperation, len(body.Operations))}
	for i := range body.Operations {
		op, set := &body.Operations[i], new(proto.SetRequest)
		if err := op.Request.set(set); err != nil {
			h.fail(w, apierrors.New(apierrors.StateTransaction, err))
			return
		}
		set.Metadata = merge(set.Metadata, md)
		switch op.Operation {
		case "upsert":
			req.Operations[i].Set = set
		case "delete":
			req.Operations[i].Delete = &proto.DeleteRequest{Key: set.Key, Etag: set.Etag, Metadata: set.Metadata, Options: set.Options}
		default:
			h.fail(w, apierrors.New(apierrors.StateOperationUnsupported, op.Operation))
			return
		}
	}
	if err := st.Transact(r.Context(), req); err != nil {
		h.fail(w, err)
		return
	}
	empty(w)
}

func (h *handler) queryState(w http.ResponseWriter, r *http.Request, p params) {
	st, err := h.State.Lookup(p[0], h.AppID)
	if err != nil {
		h.fail(w, err)
		return
	}
	b := buffers.Get().(*buffer)
	defer b.release()
	body, err := h.read(b, r)
	if err != nil {
		h.fail(w, err)
		return
	}
	resp, err := st.Query(r.Context(), &proto.QueryRequest{QueryJSON: body, Metadata: metadata(query(r.URL))})
	if err != nil {
		h.fail(w, err)
		return
	}
	if len(resp.Items) == 0 {
		empty(w)
		return
	}
	data(w, appendQuery(nil, resp))
}

func appendQuery(b []byte, resp *proto.QueryResponse) []byte {
	b = append(b, `{"results":[`...)
	for i := range resp.Items {
		it := &resp.Items[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"key":`...)
		b = quote(b, it.Key)
		b = append(b, `,"data":`...)
		switch {
		case len(it.Data) == 0:
			b = append(b, "null"...)
		case !json.Valid(it.Data):
			b = append(b, "null"...)
			it.Error = notJSON
		default:
			b = append(b, it.Data...)
		}
		if it.Etag != nil && it.Etag.Value != "" {
			b = append(b, `,"etag":`...)
			b = quote(b, it.Etag.Value)
		}
		if it.Error != "" {
			b = append(b, `,"error":`...)
			b = quote(b, it.Error)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	if resp.Token != "" {
		b = append(b, `,"token":`...)
		b = quote(b, resp.Token)
	}
	if len(resp.Metadata) > 0 {
		b = append(b, `,"metadata":`...)
		b = appendMap(b, resp.Metadata)
	}
	return append(b, '}')
}
