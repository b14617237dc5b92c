package api_test

//lint:file-ignore SA1019 The older version of reflection is offered, too: tools still ask for it.

import (
	"context"
	"strings"
	"testing"

	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
)

func TestReflection(t *testing.T) {
	sc := start(t, nil, settings{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const want = "dapr.proto.runtime.v1.Dapr"
	v1, err := reflectionv1.NewServerReflectionClient(sc.conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := v1.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	r1, err := v1.Recv()
	if err != nil || !strings.Contains(r1.String(), want) {
		t.Errorf("v1: got %v, %v, want %s in it", r1, err, want)
	}
	alpha, err := reflectionv1alpha.NewServerReflectionClient(sc.conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := alpha.Send(&reflectionv1alpha.ServerReflectionRequest{
		MessageRequest: &reflectionv1alpha.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: want}}); err != nil {
		t.Fatal(err)
	}
	r2, err := alpha.Recv()
	if err != nil || len(r2.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("v1alpha: got %v, %v, want the service's file", r2, err)
	}
}
