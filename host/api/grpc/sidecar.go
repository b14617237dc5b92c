package grpc

import (
	"context"
	"strings"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/berth-run/berth/host/api"
)

func (s *service) GetMetadata(ctx context.Context, _ *runtimev1.GetMetadataRequest) (*runtimev1.GetMetadataResponse, error) {
	return metadataResponse(s.Metadata(ctx)), nil
}

func (s *service) SetMetadata(ctx context.Context, in *runtimev1.SetMetadataRequest) (*emptypb.Empty, error) {
	if in.GetKey() != "" {
		s.Services.SetMetadata(ctx, in.GetKey(), in.GetValue())
	}
	return &emptypb.Empty{}, nil
}

func (s *service) Shutdown(ctx context.Context, _ *runtimev1.ShutdownRequest) (*emptypb.Empty, error) {
	force := false
	for _, v := range metadata.ValueFromIncomingContext(ctx, "dapr-force-shutdown") {
		force = force || strings.EqualFold(v, "true")
	}
	s.Services.Shutdown(force)
	return &emptypb.Empty{}, nil
}

func metadataResponse(m api.Metadata) *runtimev1.GetMetadataResponse {
	out := &runtimev1.GetMetadataResponse{
		Id:               m.ID,
		RuntimeVersion:   m.RuntimeVersion,
		EnabledFeatures:  m.EnabledFeatures,
		ExtendedMetadata: m.Extended,
		AppConnectionProperties: &runtimev1.AppConnectionProperties{
			Port: m.AppConnection.Port, Protocol: m.AppConnection.Protocol,
			ChannelAddress: m.AppConnection.ChannelAddress, MaxConcurrency: m.AppConnection.MaxConcurrency,
		},
		ActorRuntime: &runtimev1.ActorRuntime{
			RuntimeStatus: runtimev1.ActorRuntime_ActorRuntimeStatus(runtimev1.ActorRuntime_ActorRuntimeStatus_value[m.ActorRuntime.Status]),
			ActiveActors:  activeActors(m.ActorRuntime.ActiveActors), HostReady: m.ActorRuntime.HostReady, Placement: m.ActorRuntime.Placement,
		},
	}
	//lint:ignore SA1019 older clients read it
	out.ActiveActorsCount = activeActors(m.Actors)
	if h := m.AppConnection.Health; h != nil {
		out.AppConnectionProperties.Health = &runtimev1.AppConnectionHealthProperties{
			HealthCheckPath: h.Path, HealthProbeInterval: h.Interval, HealthProbeTimeout: h.Timeout, HealthThreshold: h.Threshold,
		}
	}
	for _, c := range m.Components {
		out.RegisteredComponents = append(out.RegisteredComponents, &runtimev1.RegisteredComponents{
			Name: c.Name, Type: c.Type, Version: c.Version, Capabilities: c.Capabilities,
		})
	}
	for _, e := range m.HTTPEndpoints {
		out.HttpEndpoints = append(out.HttpEndpoints, &runtimev1.MetadataHTTPEndpoint{Name: e.Name})
	}
	for _, s := range m.Subscriptions {
		sub := &runtimev1.PubsubSubscription{
			PubsubName: s.PubsubName, Topic: s.Topic, Metadata: s.Metadata, DeadLetterTopic: s.DeadLetterTopic,
			Type:  runtimev1.PubsubSubscriptionType(runtimev1.PubsubSubscriptionType_value[s.Type]),
			Rules: &runtimev1.PubsubSubscriptionRules{},
		}
		for _, r := range s.Rules {
			sub.Rules.Rules = append(sub.Rules.Rules, &runtimev1.PubsubSubscriptionRule{Match: r.Match, Path: r.Path})
		}
		out.Subscriptions = append(out.Subscriptions, sub)
	}
	return out
}

func activeActors(list []api.ActiveActors) (out []*runtimev1.ActiveActorsCount) {
	for _, a := range list {
		out = append(out, &runtimev1.ActiveActorsCount{Type: a.Type, Count: a.Count})
	}
	return out
}
