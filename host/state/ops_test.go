package state

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// transactor records transactions and says how large one may be.
type transactor struct {
	noClient
	limit, asked int
	limitErr     error
	last         *proto.TransactRequest
	err          error
}

func (x *transactor) Has(f string) bool { return f == FeatureTransactional }

func (x *transactor) MultiMaxSize(context.Context) (int, error) {
	x.asked++
	return x.limit, x.limitErr
}

func (x *transactor) Transact(_ context.Context, r *proto.TransactRequest) error {
	x.last = r
	return x.err
}

func TestTransact(t *testing.T) {
	ctx := context.Background()
	ops := func(keys ...string) *proto.TransactRequest {
		r := &proto.TransactRequest{}
		for _, k := range keys {
			r.Operations = append(r.Operations, proto.TransactOperation{Set: &proto.SetRequest{Key: k, Value: []byte("1"), Etag: &proto.Etag{}}})
		}
		return r
	}
	t.Run("without the feature", func(t *testing.T) {
		err := open(t, noClient{}, nil).Transact(ctx, ops())
		if apierrors.From(err).Code() != apierrors.StateTransactionsUnsupported {
			t.Errorf("got %v", err)
		}
	})
	t.Run("without operations", func(t *testing.T) {
		x := &transactor{limit: 1}
		if err := open(t, x, nil).Transact(ctx, ops()); err != nil || x.last != nil {
			t.Errorf("got %v, transaction %v", err, x.last)
		}
	})
	t.Run("keys and etags", func(t *testing.T) {
		x := &transactor{}
		r := ops("a")
		r.Operations = append(r.Operations, proto.TransactOperation{Delete: &proto.DeleteRequest{Key: "b", Etag: &proto.Etag{Value: "7"}}})
		if err := open(t, x, nil).Transact(ctx, r); err != nil {
			t.Fatal(err)
		}
		want := &proto.TransactRequest{Operations: []proto.TransactOperation{
			{Set: &proto.SetRequest{Key: "orders||a", Value: []byte("1")}}, {Delete: &proto.DeleteRequest{Key: "orders||b", Etag: &proto.Etag{Value: "7"}}},
		}}
		if diff := cmp.Diff(want, x.last); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("limit", func(t *testing.T) {
		x := &transactor{limit: 2}
		s := open(t, x, nil)
		if err := s.Transact(ctx, ops("a", "b")); err != nil {
			t.Error(err)
		}
		if err := s.Transact(ctx, ops("a", "b", "c")); apierrors.From(err).Code() != apierrors.StateTooManyOperations {
			t.Errorf("got %v", err)
		}
		if x.asked != 1 {
			t.Errorf("the component was asked %d times for its limit, want 1", x.asked)
		}
	})
	t.Run("no limit", func(t *testing.T) {
		x := &transactor{limit: -3}
		if err := open(t, x, nil).Transact(ctx, ops("a", "b", "c")); err != nil {
			t.Error(err)
		}
	})
	t.Run("limit cannot be had", func(t *testing.T) {
		x := &transactor{limitErr: status(abi.Unavailable, "down")}
		s := open(t, x, nil)
		if err := s.Transact(ctx, ops("a")); apierrors.From(err).Code() != apierrors.StateTransaction || x.last != nil {
			t.Errorf("got %v, transaction %v", err, x.last)
		}
		x.limitErr = nil
		if err := s.Transact(ctx, ops("a")); err != nil {
			t.Errorf("once it can: %v", err)
		}
	})
	t.Run("illegal key", func(t *testing.T) {
		x := &transactor{}
		if err := open(t, x, nil).Transact(ctx, ops("a", "b||c")); apierrors.From(err).Code() != apierrors.StateIllegalKey || x.last != nil {
			t.Errorf("got %v, transaction %v", err, x.last)
		}
	})
	t.Run("etag mismatch is an error like any other", func(t *testing.T) {
		x := &transactor{err: status(abi.ETagMismatch, "k")}
		err := open(t, x, nil).Transact(ctx, ops("a"))
		if e := apierrors.From(err); e.Code() != apierrors.StateTransaction ||
			e.Message() != "error while executing state transaction: possible etag mismatch. error from state store: k" {
			t.Errorf("got %v %q", e.Code(), e.Message())
		}
	})
	t.Run("encrypted", func(t *testing.T) {
		x := &transactor{}
		s := open(t, x, map[string]string{"primaryEncryptionKey": key256})
		if err := s.Transact(ctx, ops("a")); err != nil {
			t.Fatal(err)
		}
		stored := x.last.Operations[0].Set.Value
		if got, err := s.crypt.open(stored); err != nil || string(got) != "1" {
			t.Errorf("stored %q, which opens to %q, %v", stored, got, err)
		}
	})
}

// querier answers every query with the same keys.
type querier struct {
	noClient
	last *proto.QueryRequest
	err  error
}

func (q *querier) Has(f string) bool { return f == FeatureQuery }

func (q *querier) Query(_ context.Context, r *proto.QueryRequest) (*proto.QueryResponse, error) {
	q.last = r
	return &proto.QueryResponse{Items: []proto.QueryItem{{Key: "orders||a"}, {Key: "billing||b"}, {Key: "bare"}}}, q.err
}

func TestQuery(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name   string
		client Client
		md     map[string]string
		query  string
		want   apierrors.Code
		text   string
	}{
		{"without the feature", noClient{}, nil, `{}`, apierrors.StateQueryUnsupported, "state store does not support querying"},
		{"encrypted", &querier{}, map[string]string{"primaryEncryptionKey": key256}, `{}`, apierrors.StateQuery, "state store statestore query failed: cannot query encrypted store"},
		{"not JSON", &querier{}, nil, `{"filter":`, apierrors.StateQuery, "state store statestore query failed: failed to parse JSON query body: unexpected end of JSON input"},
		{"not an object", &querier{}, nil, `[]`, apierrors.StateQuery, ""},
		{"filter is no object", &querier{}, nil, `{"filter":[]}`, apierrors.StateQuery, ""},
		{"limit is no number", &querier{}, nil, `{"page":{"limit":"x"}}`, apierrors.StateQuery, ""},
		{"component fails", &querier{err: status(abi.InvalidArgument, "no index")}, nil, `{}`, apierrors.StateQuery, "state store statestore query failed: no index"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := open(t, tc.client, tc.md).Query(ctx, &proto.QueryRequest{QueryJSON: []byte(tc.query)})
			e := apierrors.From(err)
			if err == nil || e.Code() != tc.want || tc.text != "" && e.Message() != tc.text {
				t.Errorf("got %v %q, want %v %q", e.Code(), e.Message(), tc.want, tc.text)
			}
		})
	}
	t.Run("keys are the application's", func(t *testing.T) {
		q := &querier{}
		const query = `{"filter":{"EQ":{"a":1}},"sort":[{"key":"a","order":"DESC"}],"page":{"limit":2,"token":"2"}}`
		resp, err := open(t, q, nil).Query(ctx, &proto.QueryRequest{QueryJSON: []byte(query)})
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, it := range resp.Items {
			keys = append(keys, it.Key)
		}
		if want := []string{"a", "b", "bare"}; !slices.Equal(keys, want) {
			t.Errorf("got keys %q, want %q", keys, want)
		}
		if string(q.last.QueryJSON) != query {
			t.Errorf("the component got %q", q.last.QueryJSON)
		}
	})
}
