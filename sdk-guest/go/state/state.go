// Package state is for components that are state stores.
//
// A store implements Store and calls Register from an init function. What it
// can do beyond the four basic operations it says by implementing one of the
// optional interfaces and by naming the feature in its manifest: Transactor
// (TRANSACTIONAL), Querier (QUERY_API), PrefixDeleter (DELETE_WITH_PREFIX),
// KeysLiker (KEYS_LIKE). Bulk operations are done item by item for a store
// that does not implement them.
//
// Keys arrive as they are stored, with the prefix that the sidecar adds.
package state

import (
	"context"
	"strconv"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/internal/guest"
	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// The messages of the state operations; see the fields' comments.
type (
	GetRequest       = wire.GetRequest
	GetResponse      = wire.GetResponse
	SetRequest       = wire.SetRequest
	DeleteRequest    = wire.DeleteRequest
	Options          = wire.StateOptions
	Etag             = wire.Etag
	BulkItem         = wire.BulkStateItem
	Operation        = wire.TransactOperation
	TransactRequest  = wire.TransactRequest
	QueryRequest     = wire.QueryRequest
	QueryItem        = wire.QueryItem
	QueryResponse    = wire.QueryResponse
	KeysLikeRequest  = wire.KeysLikeRequest
	KeysLikeResponse = wire.KeysLikeResponse
	Concurrency      = wire.Concurrency
	Consistency      = wire.Consistency
)

// Values of Options.
const (
	FirstWrite = wire.ConcurrencyFirstWrite
	LastWrite  = wire.ConcurrencyLastWrite
	Eventual   = wire.ConsistencyEventual
	Strong     = wire.ConsistencyStrong
)

// Features that a state store may have.
const (
	FeatureETag             = "ETAG"
	FeatureTransactional    = "TRANSACTIONAL"
	FeatureQuery            = "QUERY_API"
	FeatureTTL              = "TTL"
	FeatureDeleteWithPrefix = "DELETE_WITH_PREFIX"
	FeaturePartitionKey     = "PARTITION_KEY"
	FeatureKeysLike         = "KEYS_LIKE"
)

// Store is a state store.
type Store interface {
	berth.Component
	// Get returns the item, or a response without data and etag when there is
	// none. The request is valid during the call only; its strings may be kept.
	Get(ctx context.Context, req *GetRequest) (*GetResponse, error)
	// Set writes an item. The request may be kept.
	Set(ctx context.Context, req *SetRequest) error
	// Delete removes an item. A missing one is no error, unless an etag was given.
	Delete(ctx context.Context, req *DeleteRequest) error
}

// Borrower is a store that keeps nothing of a request: it copies what it stores.
// Its requests are not copied out of the call's buffer first, so that their
// strings and bytes are valid during the call only. KeepsNothing does nothing.
type Borrower interface{ KeepsNothing() }

// EncodedGetter is a store that holds its items ready to be sent. GetEncoded is
// called instead of Get and returns what EncodeGet made, or nil when there is
// no item; it is sent from where it lies and must not change until the next call.
type EncodedGetter interface {
	GetEncoded(ctx context.Context, req *GetRequest) ([]byte, error)
}

// EncodeGet makes the answer to a get for an EncodedGetter, and returns it
// together with the data in it, which are a part of it.
func EncodeGet(r *GetResponse) (answer, data []byte) {
	answer = r.Marshal()
	if n := len(r.Data); n > 0 {
		head := 1 // the tag of data, which comes first (ABI-051); then their length
		for l := n; l > 0; l >>= 7 {
			head++
		}
		data = answer[head : head+n : head+n]
	}
	return answer, data
}

// BulkGetter reads many items at once. Missing ones are in the answer with their key only.
type BulkGetter interface {
	BulkGet(ctx context.Context, items []GetRequest) ([]BulkItem, error)
}

// BulkSetter writes many items at once, without a transaction. The errors are
// those of the items, in their order; nil is an item that was written. A nil
// slice means that all were.
type BulkSetter interface {
	BulkSet(ctx context.Context, items []SetRequest) ([]error, error)
}

// BulkDeleter deletes many items at once; see BulkSetter.
type BulkDeleter interface {
	BulkDelete(ctx context.Context, items []DeleteRequest) ([]error, error)
}

// Transactor does several operations in their order, all or none.
type Transactor interface {
	Transact(ctx context.Context, req *TransactRequest) error
}

// MaxSizer bounds how many operations a transaction may have; 0 = no bound.
type MaxSizer interface {
	MultiMaxSize() int
}

// Querier answers queries of Dapr's query API.
type Querier interface {
	Query(ctx context.Context, req *QueryRequest) (*QueryResponse, error)
}

// PrefixDeleter deletes the items whose keys are prefix and a last part
// without "||", and returns how many there were.
type PrefixDeleter interface {
	DeleteWithPrefix(ctx context.Context, prefix string) (int64, error)
}

// KeysLiker lists the keys that match a SQL LIKE pattern.
type KeysLiker interface {
	KeysLike(ctx context.Context, req *KeysLikeRequest) (*KeysLikeResponse, error)
}

// Register makes s the module's state store. It is called from an init function.
func Register(s Store) { guest.Register(kind, prefix, s, newHandler(s)) }

// RegisterIn is Register for a module in a test; see package statetest.
func RegisterIn(m *guest.Module, s Store) { m.Register(kind, prefix, s, newHandler(s)) }

const (
	kind   = 1
	prefix = "state."
)

type handler struct {
	store   Store
	encoded EncodedGetter // the store, when it is one
	borrows bool          // it is a Borrower
	get     GetRequest
	set     SetRequest
}

func newHandler(s Store) *handler {
	h := &handler{store: s}
	h.encoded, _ = s.(EncodedGetter)
	_, h.borrows = s.(Borrower)
	return h
}

// decode reads a request, from the call's buffer when the store keeps nothing of
// it. It takes the message's two methods, and is inlined to a call of either: a
// parameter of an interface would keep every method of every message in the
// module (+130 KB).
func (h *handler) decode(copied, view func([]byte) error, req []byte) error {
	if h.borrows {
		return view(req)
	}
	return copied(req)
}

const (
	get = iota + 1
	set
	del
	bulkGet
	bulkSet
	bulkDelete
	transact
	multiMaxSize
	query
	deleteWithPrefix
	keysLike
)

// Call answers one operation.
func (h *handler) Call(ctx context.Context, method uint32, req []byte) (guest.Message, error) {
	switch method {
	case get:
		m := &h.get // one call at a time: saves the hottest operation an allocation
		if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
			return nil, guest.BadRequest(err)
		}
		if h.encoded != nil {
			answer, err := h.encoded.GetEncoded(ctx, m)
			if err != nil || answer == nil {
				return nil, err
			}
			return guest.Raw(answer), nil
		}
		resp, err := h.store.Get(ctx, m)
		if err != nil || resp == nil {
			return nil, err
		}
		return resp, nil
	case set:
		m := &h.set
		if !h.borrows { // the store may keep it
			m = new(SetRequest)
		}
		if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
			return nil, guest.BadRequest(err)
		}
		return nil, h.store.Set(ctx, m)
	case del:
		var m DeleteRequest
		if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
			return nil, guest.BadRequest(err)
		}
		return nil, h.store.Delete(ctx, &m)
	case bulkGet, bulkSet, bulkDelete:
		return h.bulk(ctx, method, req)
	}
	return h.optional(ctx, method, req)
}

// optional answers the operations that a store may not have.
func (h *handler) optional(ctx context.Context, method uint32, req []byte) (guest.Message, error) {
	switch method {
	case transact:
		if s, ok := h.store.(Transactor); ok {
			m := new(TransactRequest)
			if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
				return nil, guest.BadRequest(err)
			}
			for i := range m.Operations {
				if op := &m.Operations[i]; (op.Set == nil) == (op.Delete == nil) {
					return nil, berth.NewError(berth.InvalidArgument, "an operation of a transaction is either a set or a delete")
				}
			}
			return nil, s.Transact(ctx, m)
		}
	case multiMaxSize:
		if s, ok := h.store.(MaxSizer); ok {
			return &wire.MultiMaxSizeResponse{MaxSize: int64(s.MultiMaxSize())}, nil
		}
	case query:
		if s, ok := h.store.(Querier); ok {
			var m QueryRequest
			if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
				return nil, guest.BadRequest(err)
			}
			resp, err := s.Query(ctx, &m)
			if err != nil || resp == nil {
				return nil, err
			}
			return resp, checkItems(len(resp.Items))
		}
	case deleteWithPrefix:
		if s, ok := h.store.(PrefixDeleter); ok {
			var m wire.DeleteWithPrefixRequest
			if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
				return nil, guest.BadRequest(err)
			}
			n, err := s.DeleteWithPrefix(ctx, m.Prefix)
			if err != nil {
				return nil, err
			}
			return &wire.DeleteWithPrefixResponse{Count: n}, nil
		}
	case keysLike:
		if s, ok := h.store.(KeysLiker); ok {
			var m KeysLikeRequest
			if err := h.decode(m.Unmarshal, m.UnmarshalView, req); err != nil {
				return nil, guest.BadRequest(err)
			}
			resp, err := s.KeysLike(ctx, &m)
			if err != nil || resp == nil {
				return nil, err
			}
			return resp, checkItems(len(resp.Keys))
		}
	}
	return nil, guest.ErrUnimplemented()
}

// MaxItems is how many elements an answer may have: keys, items, results
// (ABI-053). An answer of more becomes an error.
const MaxItems = wire.MaxItems

func checkItems(n int) error {
	if n > MaxItems {
		return berth.NewError(berth.ResourceExhausted, "the answer has over "+strconv.Itoa(MaxItems)+" elements: ask for pages")
	}
	return nil
}
