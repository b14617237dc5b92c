package host

import (
	"context"

	"github.com/berth-run/berth/host/api"
)

// Attributes of the metadata that are the sidecar's.
const (
	daprVersionKey  = "daprRuntimeVersion"
	berthVersionKey = "berthVersion"
)

// metadata describes the sidecar. Clients compare the version with the Dapr
// release that they need; ours is among the attributes.
func (s *Sidecar) metadata(context.Context) api.Metadata {
	app := s.opts.App
	m := api.Metadata{
		ID: s.opts.AppID, RuntimeVersion: DaprVersion,
		Components: s.graph.Components(), Plugins: s.graph.Plugins(),
		Extended:      map[string]string{},
		AppConnection: api.AppConnection{Port: int32(app.Port), Protocol: app.Protocol, ChannelAddress: app.Address, MaxConcurrency: int32(max(app.MaxConcurrency, 0))},
		ActorRuntime:  api.ActorRuntime{Status: "DISABLED"},
	}
	s.attributes.Range(func(k, v any) bool {
		m.Extended[k.(string)] = v.(string)
		return true
	})
	m.Extended[daprVersionKey], m.Extended[berthVersionKey] = DaprVersion, Version
	if h := app.Health; h != nil {
		m.AppConnection.Health = &api.AppHealth{
			Path: h.Path, Interval: h.Interval.String(), Timeout: h.Timeout.String(), Threshold: int32(h.Threshold),
		}
	}
	return m
}

// setMetadata stores an attribute. The sidecar's own stay what they are.
func (s *Sidecar) setMetadata(_ context.Context, key, value string) { s.attributes.Store(key, value) }
