package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
	"github.com/berth-run/berth/host/guest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The block's clients must be guest.States in production; here they are
// guests that the real component is not: ones that lack operations, fail or lie.
var _ Client = guest.State{}

// noClient has no features and no operations.
type noClient struct{ Client }

func (noClient) Has(string) bool { return false }

func unimplemented(op abi.Op) error {
	return &guest.Error{Component: "statestore", Op: op, Status: abi.Unimplemented, Message: "no such operation"}
}

func status(st abi.Status, msg string) *guest.Error {
	return &guest.Error{Component: "statestore", Op: abi.OpStateSet, Status: st, Message: msg}
}

// plain is a guest with the four basic operations only, as the ABI allows.
type plain struct {
	noClient
	mu     sync.Mutex
	items  map[string]string
	calls  map[string]int
	failed map[string]*guest.Error // by stored key
	most   atomic.Int64            // calls at one time
	now    atomic.Int64
	wait   func()
}

func newPlain() *plain {
	return &plain{items: map[string]string{}, calls: map[string]int{}, failed: map[string]*guest.Error{}}
}

func (p *plain) enter(op, key string) (leave func(), err error) {
	n := p.now.Add(1)
	for m := p.most.Load(); n > m && !p.most.CompareAndSwap(m, n); m = p.most.Load() {
	}
	if p.wait != nil {
		p.wait()
	}
	p.mu.Lock()
	p.calls[op]++
	leave = func() { p.mu.Unlock(); p.now.Add(-1) }
	if e := p.failed[key]; e != nil {
		return leave, e
	}
	return leave, nil
}

func (p *plain) Get(_ context.Context, r *proto.GetRequest) (*proto.GetResponse, error) {
	leave, err := p.enter("get", r.Key)
	defer leave()
	if err != nil {
		return nil, err
	}
	v, ok := p.items[r.Key]
	if !ok {
		return &proto.GetResponse{}, nil
	}
	return &proto.GetResponse{Data: []byte(v), Etag: &proto.Etag{Value: "1"}}, nil
}

func (p *plain) Set(_ context.Context, r *proto.SetRequest) error {
	leave, err := p.enter("set", r.Key)
	defer leave()
	if err != nil {
		return err
	}
	p.items[r.Key] = string(r.Value)
	return nil
}

func (p *plain) Delete(_ context.Context, r *proto.DeleteRequest) error {
	leave, err := p.enter("delete", r.Key)
	defer leave()
	if err != nil {
		return err
	}
	delete(p.items, r.Key)
	return nil
}

func (p *plain) BulkGet(context.Context, *proto.BulkGetRequest) (*proto.BulkGetResponse, error) {
	leave, _ := p.enter("bulkGet", "")
	defer leave()
	return nil, unimplemented(abi.OpStateBulkGet)
}

func (p *plain) BulkSet(context.Context, *proto.BulkSetRequest) error {
	leave, _ := p.enter("bulkSet", "")
	defer leave()
	return unimplemented(abi.OpStateBulkSet)
}

func (p *plain) BulkDelete(context.Context, *proto.BulkDeleteRequest) error {
	leave, _ := p.enter("bulkDelete", "")
	defer leave()
	return unimplemented(abi.OpStateBulkDelete)
}

func open(t *testing.T, c Client, md map[string]string) *Store {
	t.Helper()
	s, err := New(c, Config{Name: "statestore", AppID: "orders", Metadata: md, Secrets: map[string]string{"primaryEncryptionKey": "keys"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBulkOfPlainGuest: the host does bulks item by item for a guest that cannot,
// and asks it only once whether it can.
func TestBulkOfPlainGuest(t *testing.T) {
	for name, md := range map[string]map[string]string{"as they come": nil, "encrypted": {"primaryEncryptionKey": key256}} {
		t.Run(name, func(t *testing.T) {
			p, ctx := newPlain(), context.Background()
			s := open(t, p, md)
			for range 2 {
				if err := s.Set(ctx, []proto.SetRequest{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}, {Key: "c", Value: []byte("3")}}); err != nil {
					t.Fatal(err)
				}
				items, err := s.BulkGet(ctx, []string{"c", "x", "a"}, 0, nil)
				if err != nil {
					t.Fatal(err)
				}
				want := []proto.BulkStateItem{
					{Key: "c", Data: []byte("3"), Etag: &proto.Etag{Value: "1"}}, {Key: "x"}, {Key: "a", Data: []byte("1"), Etag: &proto.Etag{Value: "1"}},
				}
				if diff := cmp.Diff(want, items); diff != "" {
					t.Errorf("bulk get (-want +got):\n%s", diff)
				}
				if err := s.BulkDelete(ctx, []proto.DeleteRequest{{Key: "a"}, {Key: "b"}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, left := p.items["orders||c"]; len(p.items) != 1 || !left {
				t.Errorf("got items %v left, want orders||c alone", p.items)
			}
			want := map[string]int{"bulkGet": 1, "bulkSet": 1, "bulkDelete": 1, "get": 6, "set": 6, "delete": 4}
			if diff := cmp.Diff(want, p.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBulkParallelism(t *testing.T) {
	for _, tc := range []struct{ parallelism, keys, want int }{{1, 20, 1}, {3, 20, 3}, {0, 20, 20}, {-1, 20, 20}, {0, 200, maxParallel}, {500, 200, maxParallel}} {
		t.Run(fmt.Sprintf("%d of %d", tc.parallelism, tc.keys), func(t *testing.T) {
			p := newPlain()
			s := open(t, p, nil)
			s.noBulk.Store(noBulkGet) // the first question would count as a call
			// Calls wait for each other until as many run as may.
			meet := make(chan struct{})
			var arrived atomic.Int64
			p.wait = func() {
				if arrived.Add(1) == int64(tc.want) {
					close(meet)
				}
				<-meet
			}
			keys := make([]string, tc.keys)
			for i := range keys {
				keys[i] = fmt.Sprint(i)
			}
			items, err := s.BulkGet(context.Background(), keys, tc.parallelism, nil)
			if err != nil || len(items) != tc.keys {
				t.Fatalf("got %d items, %v", len(items), err)
			}
			if got := int(p.most.Load()); got != tc.want {
				t.Errorf("got %d calls at one time, want %d", got, tc.want)
			}
		})
	}
}

func TestOneItemIsNoBulk(t *testing.T) {
	p, ctx := newPlain(), context.Background()
	s := open(t, p, nil)
	for _, err := range []error{
		s.Set(ctx, nil), s.Set(ctx, []proto.SetRequest{{Key: "a", Value: []byte("1")}}),
		s.BulkDelete(ctx, nil), s.BulkDelete(ctx, []proto.DeleteRequest{{Key: "a"}}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"set": 1, "delete": 1}, p.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestSaveErrors: what an application sees when some or all of a save failed.
func TestSaveErrors(t *testing.T) {
	mismatch, invalid, down := status(abi.ETagMismatch, "current=2, expect=1"), status(abi.ETagInvalid, "not a number"), status(abi.Unavailable, "connection refused")
	for _, tc := range []struct {
		name   string
		failed map[string]*guest.Error
		want   apierrors.Code
		text   string
	}{
		{"mismatch", map[string]*guest.Error{"a": mismatch}, apierrors.StateSaveETagMismatch, "a: possible etag mismatch. error from state store: current=2, expect=1"},
		{"invalid", map[string]*guest.Error{"b": invalid}, apierrors.StateSaveETagInvalid, "b: invalid etag value: not a number"},
		{"mismatch and invalid", map[string]*guest.Error{"a": mismatch, "b": invalid}, apierrors.StateSaveETagInvalid,
			"a: possible etag mismatch. error from state store: current=2, expect=1\nb: invalid etag value: not a number"},
		{"down", map[string]*guest.Error{"b": down}, apierrors.StateSave, "b: connection refused"},
		{"down and mismatch", map[string]*guest.Error{"a": down, "b": mismatch}, apierrors.StateSaveETagMismatch,
			"a: connection refused\nb: possible etag mismatch. error from state store: current=2, expect=1"},
		{"invalid and down", map[string]*guest.Error{"a": invalid, "b": down}, apierrors.StateSaveETagInvalid, "a: invalid etag value: not a number\nb: connection refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlain()
			for k, e := range tc.failed {
				p.failed["orders||"+k] = e
			}
			s := open(t, p, nil)
			err := s.Set(context.Background(), []proto.SetRequest{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}, {Key: "c", Value: []byte("3")}})
			var e *apierrors.Error
			if !errors.As(err, &e) {
				t.Fatalf("got error %v, want a public one", err)
			}
			if want := "failed saving state in state store statestore: " + tc.text; e.Code() != tc.want || e.Message() != want {
				t.Errorf("got %v %q\nwant %v %q", e.Code(), e.Message(), tc.want, want)
			}
			if p.items["orders||c"] != "3" {
				t.Error("the item without a fault was not written")
			}
			var ge *guest.Error
			if !errors.As(err, &ge) {
				t.Error("the component's error is not found below")
			}
		})
	}
}

// TestTexts: what of a component's error an application reads.
func TestTexts(t *testing.T) {
	s := open(t, noClient{}, nil)
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"message", status(abi.Internal, "disk full"), "disk full"},
		{"no message", status(abi.Unavailable, ""), "UNAVAILABLE"},
		{"mismatch without message", status(abi.ETagMismatch, ""), "possible etag mismatch. error from state store"},
		{"mismatch that says so itself", status(abi.ETagMismatch, "possible etag mismatch. error from state store: x"), "possible etag mismatch. error from state store: x"},
		{"invalid", status(abi.ETagInvalid, "x"), "invalid etag value: x"},
		{"wrapped", fmt.Errorf("call: %w", status(abi.Internal, "disk full")), "disk full"},
		{"deadline", context.DeadlineExceeded, "deadline exceeded"},
		{"any other", errors.New("no"), "no"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := s.text(tc.err); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// liar answers bulk reads with what nobody asked for.
type liar struct{ noClient }

func (liar) BulkGet(context.Context, *proto.BulkGetRequest) (*proto.BulkGetResponse, error) {
	return &proto.BulkGetResponse{Items: []proto.BulkStateItem{
		{Key: "orders||a", Data: []byte("x"), Error: "failed", Etag: &proto.Etag{Value: "1"}}, {Key: "no bars"}, {Key: "more"}, {Key: "than asked"},
	}}, nil
}

func TestBulkGetOfLiar(t *testing.T) {
	items, err := open(t, liar{}, nil).BulkGet(context.Background(), []string{"a", "b"}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]proto.BulkStateItem{{Key: "a", Error: "failed"}, {Key: "no bars"}}, items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBulkGetOfUnencryptedItem(t *testing.T) {
	p := newPlain()
	p.items["orders||a"] = `"never encrypted"`
	s := open(t, p, map[string]string{"primaryEncryptionKey": key256})
	items, err := s.BulkGet(context.Background(), []string{"a"}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(items) != 1 || items[0].Data != nil || !strings.Contains(items[0].Error, "could not decrypt") {
		t.Errorf("got %+v, want an error in place of the data", items)
	}
	if _, err := s.Get(context.Background(), &proto.GetRequest{Key: "a"}); apierrors.From(err).Code() != apierrors.StateGet {
		t.Errorf("get: got error %v, want StateGet", err)
	}
}

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		concurrency, consistency string
		want                     *proto.StateOptions
		wantErr                  string
	}{
		{"", "", nil, ""},
		{"first-write", "", &proto.StateOptions{Concurrency: proto.ConcurrencyFirstWrite}, ""},
		{"last-write", "strong", &proto.StateOptions{Concurrency: proto.ConcurrencyLastWrite, Consistency: proto.ConsistencyStrong}, ""},
		{"", "eventual", &proto.StateOptions{Consistency: proto.ConsistencyEventual}, ""},
		{"First-Write", "", nil, "unrecognized concurrency model 'First-Write'"},
		{"", "weak", nil, "unrecognized consistency model 'weak'"},
	} {
		t.Run(tc.concurrency+" "+tc.consistency, func(t *testing.T) {
			got, err := ParseOptions(tc.concurrency, tc.consistency)
			if tc.wantErr != "" {
				if err == nil || err.Error() != tc.wantErr {
					t.Errorf("got error %v, want %q", err, tc.wantErr)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	// Numbers from the wire that the ABI does not know do not reach a guest.
	p := newPlain()
	s := open(t, p, nil)
	for _, o := range []*proto.StateOptions{{Concurrency: 3}, {Concurrency: -1}, {Consistency: 3}, {Consistency: -1}} {
		err := s.Set(context.Background(), []proto.SetRequest{{Key: "a", Options: o}})
		if apierrors.From(err).Code() != apierrors.StateSave || !strings.Contains(err.Error(), "unrecognized") {
			t.Errorf("options %+v: got %v", *o, err)
		}
		err = s.Delete(context.Background(), &proto.DeleteRequest{Key: "a", Options: o})
		if apierrors.From(err).Code() != apierrors.StateDelete || !strings.Contains(err.Error(), "unrecognized") {
			t.Errorf("options %+v: got %v", *o, err)
		}
	}
	if len(p.calls) != 0 {
		t.Errorf("the component was called: %v", p.calls)
	}
}

func TestActorStore(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "TRUE": true, " yes ": true, "1": true, "on": true, "y": true, "t": true, "": false, "false": false, "no": false, "maybe": false} {
		if got := open(t, noClient{}, map[string]string{"ActorStateStore": value}).ActorStore(); got != want {
			t.Errorf("actorStateStore %q: got %t, want %t", value, got, want)
		}
	}
}
