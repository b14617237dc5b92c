package state

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// Get reads an item. A missing one is a response for which Found is false.
func (s *Store) Get(ctx context.Context, req *proto.GetRequest) (*proto.GetResponse, error) {
	key := req.Key
	var err error
	if req.Key, err = s.stored(key); err != nil {
		return nil, err
	}
	if req.Consistency < 0 || req.Consistency > proto.ConsistencyStrong {
		req.Consistency = proto.ConsistencyUnspecified
	}
	resp, err := s.client.Get(ctx, req)
	if err == nil && s.crypt != nil && len(resp.Data) > 0 {
		resp.Data, err = s.crypt.open(resp.Data)
	}
	if err != nil {
		return nil, apierrors.New(apierrors.StateGet, key, s.name, s.text(err)).Wrap(err)
	}
	return resp, nil
}

// Found reports whether a response holds an item.
func Found(r *proto.GetResponse) bool { return len(r.Data) > 0 || r.Etag != nil }

// Set writes items: one by itself, more in bulk, without a transaction. With
// an error some may have been written.
func (s *Store) Set(ctx context.Context, items []proto.SetRequest) error {
	for i := range items {
		if err := s.prepareSet(&items[i]); err != nil {
			return s.saveError(err)
		}
	}
	var err error
	switch len(items) {
	case 0:
	case 1:
		err = s.client.Set(ctx, &items[0])
	default:
		err = s.bulkSet(ctx, items)
	}
	if err != nil {
		return s.saveError(err)
	}
	return nil
}

// SaveError makes the error of a save that failed before it reached the store.
func (s *Store) SaveError(err error) error { return s.saveError(err) }

func (s *Store) saveError(err error) error {
	return s.failed(err, apierrors.StateSave, apierrors.StateSaveETagMismatch, apierrors.StateSaveETagInvalid, s.name)
}

// Delete removes an item; a missing one is no error unless an ETag was given.
func (s *Store) Delete(ctx context.Context, req *proto.DeleteRequest) error {
	key := req.Key
	err := s.prepareDelete(req)
	if err == nil {
		err = s.client.Delete(ctx, req)
	}
	if err != nil {
		return s.DeleteError(key, err)
	}
	return nil
}

// DeleteError makes the error of a delete that failed.
func (s *Store) DeleteError(key string, err error) error {
	return s.failed(err, apierrors.StateDelete, apierrors.StateDeleteETagMismatch, apierrors.StateDeleteETagInvalid, key)
}

// BulkDelete removes items: one by itself, more in bulk, without a transaction.
func (s *Store) BulkDelete(ctx context.Context, items []proto.DeleteRequest) error {
	wrap := func(err error) error {
		return s.failed(err, apierrors.StateBulkDelete, apierrors.StateBulkDeleteETagMismatch, apierrors.StateBulkDeleteETagInvalid, s.name)
	}
	for i := range items {
		if err := s.prepareDelete(&items[i]); err != nil {
			return wrap(err)
		}
	}
	var err error
	switch len(items) {
	case 0:
	case 1:
		err = s.client.Delete(ctx, &items[0])
	default:
		err = s.bulkDelete(ctx, items)
	}
	if err != nil {
		return wrap(err)
	}
	return nil
}

// Transact does the operations in their order, all or none.
func (s *Store) Transact(ctx context.Context, req *proto.TransactRequest) error {
	if !s.transactional {
		return apierrors.New(apierrors.StateTransactionsUnsupported, s.name).WithResource(s.name)
	}
	if len(req.Operations) == 0 {
		return nil
	}
	fail := func(err error) error {
		var e *apierrors.Error
		if errors.As(err, &e) {
			return e
		}
		return apierrors.New(apierrors.StateTransaction, s.text(err)).Wrap(err)
	}
	limit, err := s.maxOperations(ctx)
	if err != nil {
		return fail(err)
	}
	if n := len(req.Operations); limit > 0 && n > limit {
		return apierrors.TooManyOperations(s.name, n, limit)
	}
	for i := range req.Operations {
		op := &req.Operations[i]
		if op.Set != nil {
			err = s.prepareSet(op.Set)
		} else {
			err = s.prepareDelete(op.Delete)
		}
		if err != nil {
			return fail(err)
		}
	}
	if err := s.client.Transact(ctx, req); err != nil {
		return fail(err)
	}
	return nil
}

// maxOperations asks the component once; it says the same for its whole life.
func (s *Store) maxOperations(ctx context.Context) (int, error) {
	if n := s.multiMaxSize.Load(); n != 0 {
		return int(max(n, 0)), nil
	}
	n, err := s.client.MultiMaxSize(ctx)
	if err != nil {
		return 0, err
	}
	if n <= 0 {
		n = -1
	}
	s.multiMaxSize.Store(int64(n))
	return max(n, 0), nil
}

// Query answers a query of Dapr's query API. Keys in the answer are the
// application's. The whole store is searched, as Dapr does.
func (s *Store) Query(ctx context.Context, req *proto.QueryRequest) (*proto.QueryResponse, error) {
	fail := func(text string, err error) error {
		return apierrors.New(apierrors.StateQuery, s.name, text).WithResource(s.name).Wrap(err)
	}
	if !s.queryable {
		return nil, apierrors.New(apierrors.StateQueryUnsupported).WithResource(s.name)
	}
	if s.crypt != nil {
		return nil, fail("cannot query encrypted store", nil)
	}
	var shape struct {
		Filter map[string]json.RawMessage
		Sort   []struct{ Key, Order string }
		Page   struct {
			Limit int
			Token string
		}
	}
	if err := json.Unmarshal(req.QueryJSON, &shape); err != nil {
		return nil, fail("failed to parse JSON query body: "+err.Error(), err)
	}
	resp, err := s.client.Query(ctx, req)
	if err != nil {
		return nil, fail(s.text(err), err)
	}
	for i := range resp.Items {
		resp.Items[i].Key = s.original(resp.Items[i].Key)
	}
	return resp, nil
}
