// Package grpc serves the Dapr API over gRPC: it decodes a call, calls the
// building block and encodes the answer. It decides nothing about state,
// health or metadata; the errors it answers with are those of host/api/errors.
//
//	s, err := grpc.NewServer(grpc.Options{Services: svc, Addresses: []string{":50001"}})
//	err = s.Listen()            // the addresses are bound, s.Addrs() says which
//	go func() { done <- s.Serve() }()
//	...
//	err = s.Shutdown(ctx)       // calls that take longer than ctx are cut off
//
// The service is dapr.proto.runtime.v1.Dapr, with its messages as Dapr
// publishes them; calls of it that do not exist yet answer UNIMPLEMENTED.
// Server reflection is offered, in both of its versions.
package grpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"

	"github.com/berth-run/berth/host/api"
	apierrors "github.com/berth-run/berth/host/api/errors"
	"github.com/berth-run/berth/host/api/internal/listen"
)

// Keepalive, as clients of Dapr expect it.
const (
	minClientPing = 8 * time.Second  // a client that pings more often is cut off
	serverPing    = 10 * time.Second // after so long without traffic
	pingTimeout   = 5 * time.Second
	maxIdle       = 3 * time.Minute
)

// Server is the gRPC server of the Dapr API. Listen, Serve and Shutdown are
// called once each, in this order; Shutdown may come at any time.
type Server struct {
	opts      Options
	log       *slog.Logger
	srv       *grpc.Server
	listeners []net.Listener
}

// NewServer makes a server that does not listen yet.
func NewServer(opts Options) (*Server, error) {
	if opts.State == nil || opts.Metadata == nil || opts.SetMetadata == nil || opts.Shutdown == nil {
		return nil, errors.New("grpc: a service is missing from the options")
	}
	if opts.MaxBodySize == 0 {
		opts.MaxBodySize = api.DefaultMaxBodySize
	}
	if opts.MaxBodySize < 0 || opts.MaxBodySize > math.MaxInt32 {
		opts.MaxBodySize = math.MaxInt32 // the most that the protocol's length can say, less a bit
	}
	if opts.ReadBufferSize <= 0 {
		opts.ReadBufferSize = api.DefaultReadBufferSize
	}
	if opts.MaxIdle <= 0 {
		opts.MaxIdle = maxIdle
	}
	s := &Server{opts: opts, log: opts.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	unary, stream := interceptors(&s.opts, s.log.With("scope", "dapr.runtime.grpc.api-info"))
	s.log = s.log.With("scope", "dapr.runtime.grpc.api")
	s.srv = grpc.NewServer(
		grpc.MaxRecvMsgSize(int(opts.MaxBodySize)),
		grpc.MaxSendMsgSize(int(opts.MaxBodySize)),
		grpc.MaxHeaderListSize(uint32(min(opts.ReadBufferSize, math.MaxInt32))),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: opts.MaxIdle, Time: serverPing, Timeout: pingTimeout}),
		grpc.ChainUnaryInterceptor(unary...),
		grpc.ChainStreamInterceptor(stream...),
		grpc.UnknownServiceHandler(unknownService),
		grpc.WaitForHandlers(true),
	)
	runtimev1.RegisterDaprServer(s.srv, &service{Services: opts.Services})
	reflection.Register(s.srv)
	return s, nil
}

// unknownService answers calls of services that the sidecar does not have:
// they are read as calls of another application, which the metadata names.
func unknownService(_ any, ss grpc.ServerStream) error {
	for _, key := range []string{"dapr-callee-app-id", "dapr-app-id"} {
		if len(metadata.ValueFromIncomingContext(ss.Context(), key)) > 0 {
			return apierrors.New(apierrors.ProxyNotReady)
		}
	}
	return apierrors.New(apierrors.ProxyNoAppID)
}

// Listen binds the addresses. After an error none is bound.
func (s *Server) Listen() error {
	ls, err := listen.All(s.opts.Addresses, s.opts.UnixSocket, s.opts.Listeners, s.log)
	if err != nil {
		return fmt.Errorf("grpc: %w", err)
	}
	s.listeners = ls
	return nil
}

// Addrs returns the addresses that the API listens on.
func (s *Server) Addrs() []net.Addr {
	out := make([]net.Addr, len(s.listeners))
	for i, l := range s.listeners {
		out[i] = l.Addr()
	}
	return out
}

// Serve answers calls until Shutdown, then returns nil, or until a listener fails.
func (s *Server) Serve() error {
	errs := make([]error, len(s.listeners))
	var wg sync.WaitGroup
	for i, l := range s.listeners {
		wg.Go(func() {
			if err := s.srv.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				errs[i] = fmt.Errorf("grpc: serving %s: %w", l.Addr(), err)
				s.srv.Stop() // one listener less is not the server that was asked for
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Shutdown takes no more calls, waits for those under way until ctx ends,
// cuts the rest off and returns ctx's error if there were any.
func (s *Server) Shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.srv.GracefulStop()
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.srv.Stop() // also ends GracefulStop
		<-done
	}
	// A server that never served does not know its listeners.
	for _, l := range s.listeners {
		l.Close()
	}
	return err
}
