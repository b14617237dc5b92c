// Package api holds what the HTTP and the gRPC server of the Dapr API share:
// the services they stand in front of, the shape of the sidecar's metadata, and
// the rules that switch APIs on and off.
//
// The servers are in host/api/http and host/api/grpc, the public error codes in
// host/api/errors. None of them holds logic: they decode, call a building block
// and encode.
//
//	svc := api.Services{AppID: "orders", State: stores, Metadata: rt.Metadata, ...}
//	hs, err := http.NewServer(http.Options{Services: svc, Addresses: []string{":3500"}})
//	gs, err := grpc.NewServer(grpc.Options{Services: svc, Addresses: []string{":50001"}})
package api

import (
	"context"

	"github.com/berth-run/berth/host/state"
)

// Services are what the API servers call. Every function must be safe for
// concurrent use and must not be nil.
type Services struct {
	// AppID is the id of the application that the sidecar stands beside.
	AppID string
	// State holds the configured state stores. Stores may come and go while the servers run.
	State *state.Registry
	// Unready names the parts of the sidecar that are not ready; none when
	// healthz is to answer 204.
	Unready func() []string
	// OutboundReady reports whether the application may make calls: the
	// components are loaded and the API servers are up. It does not wait for the application.
	OutboundReady func() bool
	// Metadata describes the running sidecar.
	Metadata func(context.Context) Metadata
	// SetMetadata stores an attribute, which Metadata then returns in Extended.
	SetMetadata func(ctx context.Context, key, value string)
	// Shutdown asks the sidecar to end and returns at once. With force it
	// ends without draining and with exit code 1.
	Shutdown func(force bool)
}

// DefaultMaxBodySize is how many bytes a request may have when nothing else is said.
const DefaultMaxBodySize = 4 << 20

// DefaultReadBufferSize is how many bytes the header of a request may have when nothing else is said.
const DefaultReadBufferSize = 4 << 10
