// Package statetest drives a state store in a unit test as the host does: every
// request is encoded, dispatched and decoded, and a panic becomes an error. It
// runs on the machine of the developer, without a sandbox. After each operation
// the bytes of its request are overwritten, as the next one would: a
// state.Borrower that kept a part of it shows.
//
//	func TestStore(t *testing.T) {
//		s := statetest.New(t, &store{}, map[string]string{"prefix": "x"})
//		if err := s.Set(&state.SetRequest{Key: "k", Value: []byte("v")}); err != nil {
//			t.Fatal(err)
//		}
//	}
//
// What only the sandbox has, grants and limits, it does not show; for that a
// test loads the built plugin into a sidecar.
package statetest

import (
	"context"
	"errors"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/internal/guest"
	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// Store is a store under test. Its errors are *berth.Error, those of bulk
// operations also BulkError.
type Store struct {
	module guest.Module
	ctx    context.Context
}

// New initialises a store with that metadata. It ends the test when Init fails,
// and calls the store's Close when the test ends.
func New(tb testing.TB, s state.Store, metadata map[string]string) *Store {
	tb.Helper()
	t, err := Open(s, metadata)
	if err != nil {
		tb.Fatalf("Init: %v", err)
	}
	tb.Cleanup(func() {
		if err := t.call(opClose, nil, nil); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return t
}

// Open is New for a test that wants Init's error. It does not close the store.
func Open(s state.Store, metadata map[string]string) (*Store, error) {
	t := &Store{ctx: context.Background()}
	state.RegisterIn(&t.module, s)
	err := t.call(opInit, &wire.InitRequest{
		Metadata: &wire.MetadataRequest{Properties: metadata}, ComponentName: "store", ComponentType: "state.test", AppID: "app", ABI: 1 << 16,
	}, new(wire.InitResponse))
	return t, err
}

// WithContext returns the store with the context that its operations get.
func (s *Store) WithContext(ctx context.Context) *Store {
	return &Store{module: s.module, ctx: ctx}
}

// Operations, as the ABI numbers them.
const (
	opInit             = 1
	opPing             = 2
	opClose            = 3
	opGet              = 1<<16 | 1
	opSet              = 1<<16 | 2
	opDelete           = 1<<16 | 3
	opBulkGet          = 1<<16 | 4
	opBulkSet          = 1<<16 | 5
	opBulkDelete       = 1<<16 | 6
	opTransact         = 1<<16 | 7
	opMultiMaxSize     = 1<<16 | 8
	opQuery            = 1<<16 | 9
	opDeleteWithPrefix = 1<<16 | 10
	opKeysLike         = 1<<16 | 11
)

type request interface{ Marshal() []byte }

type response interface{ Unmarshal([]byte) error }

func (s *Store) call(op uint32, req request, resp response) error {
	var in []byte
	if req != nil {
		in = req.Marshal()
	}
	status, m := s.module.Answer(s.ctx, op, in)
	var out []byte
	if m != nil {
		out = make([]byte, m.Size())
		if n := m.MarshalTo(out); n != len(out) {
			panic("a message has another size than it says")
		}
	}
	for i := range in { // the next request comes into the same buffer
		in[i] = 0xff
	}
	if status != 0 && status != guest.Partial {
		e := &berth.Error{Status: status}
		if err := e.Body.Unmarshal(out); err != nil {
			return err
		}
		if e.Body.Message == "" {
			e.Body.Message = "no message"
		}
		if e.Body.Stack != "" {
			e.Body.Message += "\n" + e.Body.Stack
		}
		return e
	}
	if resp == nil {
		return nil
	}
	return resp.Unmarshal(out)
}

// Ping asks the store whether its backend answers.
func (s *Store) Ping() error { return s.call(opPing, nil, nil) }

// Get reads an item. A missing one is a response without data and etag.
func (s *Store) Get(req *state.GetRequest) (*state.GetResponse, error) {
	resp := new(state.GetResponse)
	return resp, s.call(opGet, req, resp)
}

// Set writes an item.
func (s *Store) Set(req *state.SetRequest) error { return s.call(opSet, req, nil) }

// Delete removes an item.
func (s *Store) Delete(req *state.DeleteRequest) error { return s.call(opDelete, req, nil) }

// BulkGet reads items.
func (s *Store) BulkGet(items ...state.GetRequest) ([]state.BulkItem, error) {
	resp := new(wire.BulkGetResponse)
	err := s.call(opBulkGet, &wire.BulkGetRequest{Items: items}, resp)
	return resp.Items, err
}

// BulkSet writes items. The error is a BulkError when some were not written.
func (s *Store) BulkSet(items ...state.SetRequest) error {
	return s.bulk(opBulkSet, &wire.BulkSetRequest{Items: items})
}

// BulkDelete removes items. The error is a BulkError when some were not removed.
func (s *Store) BulkDelete(items ...state.DeleteRequest) error {
	return s.bulk(opBulkDelete, &wire.BulkDeleteRequest{Items: items})
}

// BulkError is what became of the items of a bulk operation that failed, by key.
type BulkError map[string]*berth.Error

func (e BulkError) Error() string {
	text := "some items failed:"
	for key, err := range e {
		text += " " + key + ": " + err.Error() + ";"
	}
	return text
}

func (s *Store) bulk(op uint32, req request) error {
	resp := new(wire.BulkResponse)
	if err := s.call(op, req, resp); err != nil || len(resp.Items) == 0 {
		return err
	}
	failed := BulkError{}
	for _, it := range resp.Items {
		e := &berth.Error{Status: berth.Status(it.Status)}
		if it.Error != nil {
			e.Body = *it.Error
		}
		failed[it.Key] = e
	}
	return failed
}

// Transact does the operations in their order, all or none.
func (s *Store) Transact(ops ...state.Operation) error {
	return s.call(opTransact, &state.TransactRequest{Operations: ops}, nil)
}

// MultiMaxSize is how many operations a transaction may have; 0 = any number,
// also for a store that does not say.
func (s *Store) MultiMaxSize() (int, error) {
	resp := new(wire.MultiMaxSizeResponse)
	err := s.call(opMultiMaxSize, nil, resp)
	var e *berth.Error
	if errors.As(err, &e) && e.Status == berth.Unimplemented {
		return 0, nil
	}
	return int(resp.MaxSize), err
}

// Query answers a query of Dapr's query API, which is JSON.
func (s *Store) Query(query string) (*state.QueryResponse, error) {
	resp := new(state.QueryResponse)
	return resp, s.call(opQuery, &state.QueryRequest{QueryJSON: []byte(query)}, resp)
}

// DeleteWithPrefix deletes the items directly under prefix.
func (s *Store) DeleteWithPrefix(prefix string) (int64, error) {
	resp := new(wire.DeleteWithPrefixResponse)
	err := s.call(opDeleteWithPrefix, &wire.DeleteWithPrefixRequest{Prefix: prefix}, resp)
	return resp.Count, err
}

// KeysLike lists the keys that match a SQL LIKE pattern.
func (s *Store) KeysLike(req *state.KeysLikeRequest) (*state.KeysLikeResponse, error) {
	resp := new(state.KeysLikeResponse)
	return resp, s.call(opKeysLike, req, resp)
}
