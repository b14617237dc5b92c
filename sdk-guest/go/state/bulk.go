package state

import (
	"context"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/internal/guest"
	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

func (h *handler) bulk(ctx context.Context, method uint32, req []byte) (guest.Message, error) {
	switch method {
	case bulkGet:
		var m wire.BulkGetRequest
		if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
			return nil, guest.BadRequest(err)
		}
		return h.bulkGet(ctx, m.Items)
	case bulkSet:
		m := new(wire.BulkSetRequest)
		if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
			return nil, guest.BadRequest(err)
		}
		if s, ok := h.store.(BulkSetter); ok {
			errs, err := s.BulkSet(ctx, m.Items)
			return bulkResponse(errs, err, len(m.Items), func(i int) string { return m.Items[i].Key })
		}
		return each(len(m.Items), func(i int) (string, error) { return m.Items[i].Key, h.store.Set(ctx, &m.Items[i]) })
	default:
		m := new(wire.BulkDeleteRequest)
		if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
			return nil, guest.BadRequest(err)
		}
		if s, ok := h.store.(BulkDeleter); ok {
			errs, err := s.BulkDelete(ctx, m.Items)
			return bulkResponse(errs, err, len(m.Items), func(i int) string { return m.Items[i].Key })
		}
		return each(len(m.Items), func(i int) (string, error) { return m.Items[i].Key, h.store.Delete(ctx, &m.Items[i]) })
	}
}

func (h *handler) bulkGet(ctx context.Context, items []GetRequest) (guest.Message, error) {
	if s, ok := h.store.(BulkGetter); ok {
		out, err := s.BulkGet(ctx, items)
		if err != nil {
			return nil, err
		}
		return &wire.BulkGetResponse{Items: out}, nil
	}
	resp := &wire.BulkGetResponse{Items: make([]BulkItem, len(items))}
	for i := range items {
		item := &resp.Items[i]
		item.Key = items[i].Key
		got, err := h.store.Get(ctx, &items[i])
		switch {
		case err != nil:
			item.Error = err.Error()
		case got != nil:
			item.Data, item.Etag, item.Metadata, item.ContentType = got.Data, got.Etag, got.Metadata, got.ContentType
		}
	}
	return resp, nil
}

// each does one item after the other, also after one that failed, as Dapr does.
func each(n int, do func(i int) (key string, err error)) (guest.Message, error) {
	resp := &wire.BulkResponse{}
	for i := range n {
		if key, err := do(i); err != nil {
			resp.Items = append(resp.Items, guest.ItemError(key, err))
		}
	}
	return partial(resp)
}

func bulkResponse(errs []error, err error, n int, key func(int) string) (guest.Message, error) {
	if err != nil {
		return nil, err
	}
	if errs != nil && len(errs) != n {
		return nil, berth.NewError(berth.Internal, "the component answered for another number of items than it was asked")
	}
	resp := &wire.BulkResponse{}
	for i, e := range errs {
		if e != nil {
			resp.Items = append(resp.Items, guest.ItemError(key(i), e))
		}
	}
	return partial(resp)
}

func partial(resp *wire.BulkResponse) (guest.Message, error) {
	if len(resp.Items) > 0 {
		return resp, &guest.Error{Status: guest.Partial}
	}
	return nil, nil
}
