package guest

import (
	"context"
	"slices"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
)

// State is the client of a state store. It is safe for concurrent use. Errors
// are *Error, of bulk writes *BulkError.
type State struct{ c *Component }

// State returns the component's client when it is a state store.
func (c *Component) State() (State, bool) { return State{c}, c.kind == "state" }

// Features are those the component declared, such as "ETAG", "TRANSACTIONAL".
func (s State) Features() []string { return s.c.Features() }

// Has reports whether the component declared a feature.
func (s State) Has(feature string) bool { return slices.Contains(s.c.Features(), feature) }

// Get reads an item. A missing one is a response without data and etag.
func (s State) Get(ctx context.Context, req *proto.GetRequest) (*proto.GetResponse, error) {
	resp := new(proto.GetResponse)
	return resp, s.c.call(ctx, abi.OpStateGet, req, resp)
}

// Set writes an item.
func (s State) Set(ctx context.Context, req *proto.SetRequest) error {
	return s.c.call(ctx, abi.OpStateSet, req, nil)
}

// Delete removes an item.
func (s State) Delete(ctx context.Context, req *proto.DeleteRequest) error {
	return s.c.call(ctx, abi.OpStateDelete, req, nil)
}

// BulkGet reads items. The answer's order is the component's.
func (s State) BulkGet(ctx context.Context, req *proto.BulkGetRequest) (*proto.BulkGetResponse, error) {
	resp := new(proto.BulkGetResponse)
	return resp, s.c.call(ctx, abi.OpStateBulkGet, req, resp)
}

// BulkSet writes items, without a transaction.
func (s State) BulkSet(ctx context.Context, req *proto.BulkSetRequest) error {
	return s.bulk(ctx, abi.OpStateBulkSet, req)
}

// BulkDelete removes items, without a transaction.
func (s State) BulkDelete(ctx context.Context, req *proto.BulkDeleteRequest) error {
	return s.bulk(ctx, abi.OpStateBulkDelete, req)
}

func (s State) bulk(ctx context.Context, op abi.Op, req Message) error {
	resp := new(proto.BulkResponse)
	if err := s.c.call(ctx, op, req, resp); err != nil && StatusOf(err) != abi.Partial {
		return err
	}
	var failed []ItemError
	for i := range resp.Items {
		it := &resp.Items[i]
		if it.Status == 0 {
			continue
		}
		body := it.Error
		if body == nil {
			body = &proto.Error{}
		}
		failed = append(failed, ItemError{Key: it.Key, Err: s.c.reported(op, abi.Status(it.Status), body)})
	}
	if failed == nil {
		return nil
	}
	return &BulkError{Items: failed}
}

// Transact does the operations in their order, all or none.
func (s State) Transact(ctx context.Context, req *proto.TransactRequest) error {
	return s.c.call(ctx, abi.OpStateTransact, req, nil)
}

// MultiMaxSize is how many operations a transaction may have; 0 = no limit,
// also for a component that does not say.
func (s State) MultiMaxSize(ctx context.Context) (int, error) {
	resp := new(proto.MultiMaxSizeResponse)
	if err := s.c.call(ctx, abi.OpStateMultiMaxSize, nil, resp); err != nil {
		if StatusOf(err) == abi.Unimplemented {
			return 0, nil
		}
		return 0, err
	}
	return int(max(resp.MaxSize, 0)), nil
}

// Query answers a query of Dapr's query API.
func (s State) Query(ctx context.Context, req *proto.QueryRequest) (*proto.QueryResponse, error) {
	resp := new(proto.QueryResponse)
	return resp, s.c.call(ctx, abi.OpStateQuery, req, resp)
}

// DeleteWithPrefix deletes the items directly under a prefix and returns how many there were.
func (s State) DeleteWithPrefix(ctx context.Context, req *proto.DeleteWithPrefixRequest) (int64, error) {
	resp := new(proto.DeleteWithPrefixResponse)
	err := s.c.call(ctx, abi.OpStateDeleteWithPrefix, req, resp)
	return resp.Count, err
}

// KeysLike lists the keys that match a SQL LIKE pattern.
func (s State) KeysLike(ctx context.Context, req *proto.KeysLikeRequest) (*proto.KeysLikeResponse, error) {
	resp := new(proto.KeysLikeResponse)
	return resp, s.c.call(ctx, abi.OpStateKeysLike, req, resp)
}
