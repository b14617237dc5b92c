package grpc

import (
	"context"
	"encoding/json"

	commonv1 "github.com/dapr/dapr/pkg/proto/common/v1"
	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/api"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// service implements the Dapr service.
type service struct {
	runtimev1.UnimplementedDaprServer
	api.Services
}

func (s *service) GetState(ctx context.Context, in *runtimev1.GetStateRequest) (*runtimev1.GetStateResponse, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	resp, err := st.Get(ctx, &proto.GetRequest{Key: in.GetKey(), Metadata: in.GetMetadata(), Consistency: proto.Consistency(in.GetConsistency())})
	if err != nil {
		return nil, err
	}
	return &runtimev1.GetStateResponse{Data: resp.Data, Etag: etagText(resp.Etag), Metadata: resp.Metadata}, nil
}

func (s *service) GetBulkState(ctx context.Context, in *runtimev1.GetBulkStateRequest) (*runtimev1.GetBulkStateResponse, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	items, err := st.BulkGet(ctx, in.GetKeys(), int(in.GetParallelism()), in.GetMetadata())
	if err != nil {
		return nil, err
	}
	out := &runtimev1.GetBulkStateResponse{Items: make([]*runtimev1.BulkStateItem, len(items))}
	for i := range items {
		it := &items[i]
		out.Items[i] = &runtimev1.BulkStateItem{Key: it.Key, Data: it.Data, Etag: etagText(it.Etag), Error: it.Error, Metadata: it.Metadata}
	}
	return out, nil
}

func (s *service) SaveState(ctx context.Context, in *runtimev1.SaveStateRequest) (*emptypb.Empty, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	items := make([]proto.SetRequest, len(in.GetStates()))
	for i, it := range in.GetStates() {
		if it.GetKey() == "" {
			return nil, apierrors.New(apierrors.StateKeyEmpty)
		}
		// A component may keep a value that is said to be JSON as a document.
		if it.GetMetadata()["contentType"] == "application/json" && !json.Valid(it.GetValue()) {
			return nil, apierrors.New(apierrors.MalformedRequest, "the value of key "+it.GetKey()+" is not the JSON that its contentType says")
		}
		setRequest(&items[i], it)
	}
	if err := st.Set(ctx, items); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (s *service) DeleteState(ctx context.Context, in *runtimev1.DeleteStateRequest) (*emptypb.Empty, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	req := &proto.DeleteRequest{Key: in.GetKey(), Etag: etagOf(in.GetEtag()), Metadata: in.GetMetadata(), Options: optionsOf(in.GetOptions())}
	if err := st.Delete(ctx, req); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (s *service) DeleteBulkState(ctx context.Context, in *runtimev1.DeleteBulkStateRequest) (*emptypb.Empty, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	items := make([]proto.DeleteRequest, len(in.GetStates()))
	for i, it := range in.GetStates() {
		deleteRequest(&items[i], it)
	}
	if err := st.BulkDelete(ctx, items); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (s *service) ExecuteStateTransaction(ctx context.Context, in *runtimev1.ExecuteStateTransactionRequest) (*emptypb.Empty, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	req := &proto.TransactRequest{Operations: make([]proto.TransactOperation, len(in.GetOperations())), Metadata: in.GetMetadata()}
	for i, op := range in.GetOperations() {
		switch op.GetOperationType() {
		case "upsert":
			req.Operations[i].Set = new(proto.SetRequest)
			setRequest(req.Operations[i].Set, op.GetRequest())
		case "delete":
			req.Operations[i].Delete = new(proto.DeleteRequest)
			deleteRequest(req.Operations[i].Delete, op.GetRequest())
		default:
			return nil, apierrors.New(apierrors.StateOperationUnsupported, op.GetOperationType())
		}
	}
	if err := st.Transact(ctx, req); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (s *service) QueryStateAlpha1(ctx context.Context, in *runtimev1.QueryStateRequest) (*runtimev1.QueryStateResponse, error) {
	st, err := s.State.Lookup(in.GetStoreName(), s.AppID)
	if err != nil {
		return nil, err
	}
	resp, err := st.Query(ctx, &proto.QueryRequest{QueryJSON: []byte(in.GetQuery()), Metadata: in.GetMetadata()})
	if err != nil {
		return nil, err
	}
	if len(resp.Items) == 0 {
		return &runtimev1.QueryStateResponse{}, nil
	}
	out := &runtimev1.QueryStateResponse{Results: make([]*runtimev1.QueryStateItem, len(resp.Items)), Token: resp.Token, Metadata: resp.Metadata}
	for i := range resp.Items {
		it := &resp.Items[i]
		out.Results[i] = &runtimev1.QueryStateItem{Key: it.Key, Data: it.Data, Etag: etagText(it.Etag), Error: it.Error}
	}
	return out, nil
}

// The messages below have the same numbers on both sides.

func setRequest(r *proto.SetRequest, it *commonv1.StateItem) {
	*r = proto.SetRequest{Key: it.GetKey(), Value: it.GetValue(), Etag: etagOf(it.GetEtag()), Metadata: it.GetMetadata(), Options: optionsOf(it.GetOptions())}
}

func deleteRequest(r *proto.DeleteRequest, it *commonv1.StateItem) {
	*r = proto.DeleteRequest{Key: it.GetKey(), Etag: etagOf(it.GetEtag()), Metadata: it.GetMetadata(), Options: optionsOf(it.GetOptions())}
}

func optionsOf(o *commonv1.StateOptions) *proto.StateOptions {
	if o == nil {
		return nil
	}
	return &proto.StateOptions{Concurrency: proto.Concurrency(o.GetConcurrency()), Consistency: proto.Consistency(o.GetConsistency())}
}

func etagOf(e *commonv1.Etag) *proto.Etag {
	if e == nil {
		return nil
	}
	return &proto.Etag{Value: e.GetValue()}
}

func etagText(e *proto.Etag) string {
	if e == nil {
		return ""
	}
	return e.Value
}
