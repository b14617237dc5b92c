package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/internal/guest"
	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
	"github.com/berth-run/berth/sdk-guest/go/state"
	"github.com/berth-run/berth/sdk-guest/go/state/statetest"
)

// small has the operations that every store has, and refuses keys with an x.
type small struct {
	values map[string]string
	closed bool
}

func (s *small) Init(_ context.Context, in *berth.Init) error {
	if in.Properties["refuse"] != "" {
		return berth.NewMetadataError("refuse", "is set")
	}
	s.values = map[string]string{}
	return nil
}

func (s *small) Close(context.Context) error { s.closed = true; return nil }

func (s *small) check(key string) error {
	if strings.Contains(key, "x") {
		return fmt.Errorf("key %s: %w", key, berth.NewError(berth.ETagMismatch, "has an x"))
	}
	return nil
}

func (s *small) Get(_ context.Context, req *state.GetRequest) (*state.GetResponse, error) {
	if v, ok := s.values[req.Key]; ok {
		return &state.GetResponse{Data: []byte(v), Etag: &state.Etag{Value: "1"}, Metadata: req.Metadata, ContentType: "text/plain"}, nil
	}
	return nil, s.check(req.Key)
}

func (s *small) Set(_ context.Context, req *state.SetRequest) error {
	if err := s.check(req.Key); err != nil {
		return err
	}
	s.values[req.Key] = string(req.Value)
	return nil
}

func (s *small) Delete(_ context.Context, req *state.DeleteRequest) error {
	delete(s.values, req.Key)
	return s.check(req.Key)
}

func wantStatus(t *testing.T, what string, err error, want berth.Status, text string) {
	t.Helper()
	var e *berth.Error
	if !errors.As(err, &e) || e.Status != want || e.Error() != text {
		t.Errorf("%s: got %v, want status %d: %s", what, err, want, text)
	}
}

func TestSmallStore(t *testing.T) {
	impl := &small{}
	t.Run("store", func(t *testing.T) {
		s := statetest.New(t, impl, nil)
		if err := s.Set(&state.SetRequest{Key: "a", Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(&state.GetRequest{Key: "a", Metadata: map[string]string{"m": "n"}})
		if err != nil || string(got.Data) != "1" || got.Etag.Value != "1" || got.Metadata["m"] != "n" || got.ContentType != "text/plain" {
			t.Errorf("got %+v, %v, want the item", got, err)
		}
		if got, err := s.Get(&state.GetRequest{Key: "none"}); err != nil || got.Etag != nil || got.Data != nil {
			t.Errorf("missing: got %+v, %v, want nothing", got, err)
		}
		wantStatus(t, "Set", s.Set(&state.SetRequest{Key: "x"}), berth.ETagMismatch, "key x: has an x")
		if err := s.Ping(); err != nil {
			t.Errorf("Ping: %v", err)
		}
		if n, err := s.MultiMaxSize(); n != 0 || err != nil {
			t.Errorf("MultiMaxSize: got %d, %v, want 0", n, err)
		}
		for what, call := range map[string]func() error{
			"Transact":         func() error { return s.Transact() },
			"Query":            func() error { _, err := s.Query("{}"); return err },
			"DeleteWithPrefix": func() error { _, err := s.DeleteWithPrefix("p"); return err },
			"KeysLike":         func() error { _, err := s.KeysLike(&state.KeysLikeRequest{Pattern: "%"}); return err },
		} {
			wantStatus(t, what, call(), berth.Unimplemented, "no message")
		}
	})
	if !impl.closed {
		t.Error("Close was not called")
	}
	_, err := statetest.Open(&small{}, map[string]string{"refuse": "1"})
	wantStatus(t, "Init", err, berth.InvalidMetadata, "is set")
	var e *berth.Error
	if errors.As(err, &e); e.Body.Field != "refuse" {
		t.Errorf("got field %q, want refuse", e.Body.Field)
	}
}

// TestBulkItemByItem is about a store that has no bulk operations of its own.
func TestBulkItemByItem(t *testing.T) {
	impl := &small{}
	s := statetest.New(t, impl, nil)
	err := s.BulkSet(state.SetRequest{Key: "a", Value: []byte("1")}, state.SetRequest{Key: "x"}, state.SetRequest{Key: "b", Value: []byte("2")}, state.SetRequest{Key: "x2"})
	var failed statetest.BulkError
	if !errors.As(err, &failed) || len(failed) != 2 || failed["x"].Status != berth.ETagMismatch || failed["x2"].Error() != "key x2: has an x" {
		t.Errorf("BulkSet: got %v, want errors for x and x2", err)
	}
	items, err := s.BulkGet(state.GetRequest{Key: "b"}, state.GetRequest{Key: "none"}, state.GetRequest{Key: "x"}, state.GetRequest{Key: "a"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		got = append(got, it.Key+"="+string(it.Data)+it.Error)
	}
	if want := []string{"b=2", "none=", "x=key x: has an x", "a=1"}; !slices.Equal(got, want) {
		t.Errorf("BulkGet: got %q, want %q", got, want)
	}
	if err := s.BulkDelete(state.DeleteRequest{Key: "a"}, state.DeleteRequest{Key: "none"}); err != nil || len(impl.values) != 1 {
		t.Errorf("BulkDelete: got %v and %v left", err, impl.values)
	}
	if err := s.BulkSet(); err != nil {
		t.Errorf("an empty BulkSet: %v", err)
	}
}

// large has all operations, and answers as its fields say.
type large struct {
	small
	errs  []error
	err   error
	keys  int
	items int
	ops   []string
}

func (s *large) BulkGet(_ context.Context, items []state.GetRequest) ([]state.BulkItem, error) {
	return make([]state.BulkItem, len(items)), s.err
}
func (s *large) BulkSet(context.Context, []state.SetRequest) ([]error, error) { return s.errs, s.err }
func (s *large) BulkDelete(context.Context, []state.DeleteRequest) ([]error, error) {
	return s.errs, s.err
}
func (s *large) Transact(_ context.Context, req *state.TransactRequest) error {
	for _, op := range req.Operations {
		if op.Set != nil {
			s.ops = append(s.ops, "set "+op.Set.Key)
		} else {
			s.ops = append(s.ops, "delete "+op.Delete.Key)
		}
	}
	return s.err
}
func (s *large) MultiMaxSize() int { return 25 }
func (s *large) Query(_ context.Context, req *state.QueryRequest) (*state.QueryResponse, error) {
	return &state.QueryResponse{Token: string(req.QueryJSON), Items: make([]state.QueryItem, s.items)}, s.err
}
func (s *large) DeleteWithPrefix(_ context.Context, prefix string) (int64, error) {
	return int64(len(prefix)), s.err
}
func (s *large) KeysLike(_ context.Context, req *state.KeysLikeRequest) (*state.KeysLikeResponse, error) {
	return &state.KeysLikeResponse{Keys: make([]string, s.keys), ContinueToken: fmt.Sprint(req.Pattern, req.PageSize, req.ContinueToken)}, s.err
}

func TestLargeStore(t *testing.T) {
	impl := &large{}
	s := statetest.New(t, impl, nil)
	if n, err := s.MultiMaxSize(); n != 25 || err != nil {
		t.Errorf("MultiMaxSize: got %d, %v, want 25", n, err)
	}
	if err := s.Transact(state.Operation{Set: &state.SetRequest{Key: "a"}}, state.Operation{Delete: &state.DeleteRequest{Key: "b"}}); err != nil || !slices.Equal(impl.ops, []string{"set a", "delete b"}) {
		t.Errorf("Transact: got %q, %v, want set a, delete b", impl.ops, err)
	}
	for _, op := range []state.Operation{{}, {Set: &state.SetRequest{}, Delete: &state.DeleteRequest{}}} {
		wantStatus(t, "Transact", s.Transact(op), berth.InvalidArgument, "an operation of a transaction is either a set or a delete")
	}
	if n, err := s.DeleteWithPrefix("abc"); n != 3 || err != nil {
		t.Errorf("DeleteWithPrefix: got %d, %v, want 3", n, err)
	}
	if r, err := s.Query(`{"q":1}`); err != nil || r.Token != `{"q":1}` {
		t.Errorf("Query: got %+v, %v", r, err)
	}
	impl.keys, impl.items = state.MaxItems, state.MaxItems
	if r, err := s.KeysLike(&state.KeysLikeRequest{Pattern: "p", PageSize: 7, ContinueToken: "t"}); err != nil || r.ContinueToken != "p7t" || len(r.Keys) != state.MaxItems {
		t.Errorf("KeysLike: got %d keys and %q, %v", len(r.Keys), r.ContinueToken, err)
	}
	impl.keys, impl.items = state.MaxItems+1, state.MaxItems+1
	const tooMany = "the answer has over 100000 elements: ask for pages"
	_, err := s.KeysLike(&state.KeysLikeRequest{Pattern: "p"})
	wantStatus(t, "KeysLike", err, berth.ResourceExhausted, tooMany)
	_, err = s.Query("{}")
	wantStatus(t, "Query", err, berth.ResourceExhausted, tooMany)

	impl.errs = []error{nil, errors.New("second")}
	err = s.BulkSet(state.SetRequest{Key: "a"}, state.SetRequest{Key: "b"})
	var failed statetest.BulkError
	if !errors.As(err, &failed) || len(failed) != 1 || failed["b"].Status != berth.Internal {
		t.Errorf("BulkSet: got %v, want an error for b", err)
	}
	wantStatus(t, "BulkDelete", s.BulkDelete(state.DeleteRequest{Key: "a"}), berth.Internal, "the component answered for another number of items than it was asked")
	impl.err = berth.NewError(berth.Unavailable, "away")
	wantStatus(t, "BulkSet", s.BulkSet(state.SetRequest{}), berth.Unavailable, "away")
	_, err = s.BulkGet(state.GetRequest{})
	wantStatus(t, "BulkGet", err, berth.Unavailable, "away")
	wantStatus(t, "Transact", s.Transact(), berth.Unavailable, "away")
}

func TestContextReachesTheStore(t *testing.T) {
	s := statetest.New(t, &ctxStore{}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantStatus(t, "Set", s.WithContext(ctx).Set(&state.SetRequest{}), 1, "context canceled")
}

type ctxStore struct{ small }

func (s *ctxStore) Set(ctx context.Context, _ *state.SetRequest) error { return ctx.Err() }

// TestHostileRequests gives every operation every prefix of a valid request,
// and requests that are none.
func TestHostileRequests(t *testing.T) {
	var m guest.Module
	state.RegisterIn(&m, &large{})
	init := (&wire.InitRequest{ComponentType: "state.x"}).Marshal()
	if status, _ := m.Answer(context.Background(), 1, init); status != 0 {
		t.Fatalf("Init: status %d", status)
	}
	set := (&wire.BulkSetRequest{Items: []wire.SetRequest{{Key: "k", Value: []byte("v"), Etag: &wire.Etag{Value: "e"}, Metadata: map[string]string{"a": "b"}, Options: &wire.StateOptions{Concurrency: 1}}}}).Marshal()
	requests := [][]byte{{0xff}, {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, {0x0b}, {0x0a, 0x02, 0xc3, 0x28}, []byte(strings.Repeat("\x0a\x00", 200_000))}
	for i := range set {
		requests = append(requests, set[:i])
	}
	for method := range uint32(20) {
		for _, req := range requests {
			if status, _ := m.Answer(context.Background(), 1<<16|method, req); status == guest.Panicked {
				t.Errorf("method %d panics for %.20x", method, req)
			}
		}
	}
	for method := uint32(1); method <= 11; method++ {
		if method == 8 { // MultiMaxSize has no request
			continue
		}
		if status, _ := m.Answer(context.Background(), 1<<16|method, []byte{0xff}); status != guest.InvalidArgument {
			t.Errorf("method %d: a request that cannot be decoded: got status %d, want INVALID_ARGUMENT", method, status)
		}
	}
}
