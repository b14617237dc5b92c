// Package host is the sidecar: it serves the Dapr API to one application, with
// the components that run behind it.
//
//	s, err := host.New(host.Options{AppID: "orders", HTTPPort: 3500, GRPCPort: 50001, ResourcesPaths: dirs, ...})
//	err = s.Run(ctx)      // until ctx ends, or the application asks for the end
//
// New takes the ports, so that what is wrong with them shows at once; Run
// starts everything and ends everything it started. There may be several
// sidecars in one process: nothing here is global, and nothing reads flags,
// signals or, unless LookupEnv says so, the environment. cmd/berthd does.
//
// The graph of components is in host/runtime, the API in host/api.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/berth-run/berth/host/api"
	"github.com/berth-run/berth/host/api/grpc"
	"github.com/berth-run/berth/host/api/http"
	"github.com/berth-run/berth/host/resource"
	"github.com/berth-run/berth/host/runtime"
	"github.com/berth-run/berth/plugins/catalog"
)

// ErrForced is returned by Run when the end was forced, by POST /v1.0/shutdown
// with dapr-force-shutdown.
var ErrForced = errors.New("the sidecar was told to end at once")

// closeTime is what components get to close, however long draining took.
const closeTime = 2 * time.Second

// Sidecar is one sidecar. Run is called once, or else Close.
type Sidecar struct {
	opts    Options
	log     *slog.Logger
	config  *resource.Configuration
	engines *engineSet
	graph   *runtime.Graph

	http         *http.Server
	grpc         *grpc.Server
	grpcOptions  grpc.Options
	grpcListener net.Listener // open already, for want of a port that callers could know

	gate     chan struct{} // closed when the components are ready
	outbound atomic.Bool
	appFound atomic.Bool
	ending   atomic.Bool

	attributes sync.Map      // string to string: what SetMetadata stored
	asked      chan struct{} // closed when the application asks for the end
	askOnce    sync.Once
	forced     chan struct{} // closed when it is to be at once
	forceOnce  sync.Once
}

// New checks the options, reads the Configuration and takes the ports. Plugins
// and components are Run's business.
func New(opts Options) (_ *Sidecar, err error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Sidecar{
		opts: opts, log: opts.Log,
		gate: make(chan struct{}), asked: make(chan struct{}), forced: make(chan struct{}),
	}
	if err := s.configure(); err != nil {
		return nil, err
	}
	if s.engines, err = newEngineSet(opts); err != nil {
		return nil, err
	}
	s.graph = runtime.New(runtime.Config{
		AppID: opts.AppID, Namespace: opts.Namespace, PodName: opts.PodName,
		Paths: opts.ResourcesPaths, Strict: opts.Strict, LookupEnv: opts.LookupEnv,
		Deny:    s.config.Spec.Components.Deny,
		Catalog: catalog.Open(catalog.Options{Dirs: opts.PluginsPaths, Embedded: opts.Embedded}), Engine: s.engines.get, MaxMessage: maxMessage(opts.MaxBodySize), Log: opts.Log,
	})
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.engines.close())
	}
	return s, nil
}

// maxMessage lets a component take what the API takes, and its framing.
func maxMessage(body int64) int {
	const least, most = 8 << 20, 1 << 30
	if body < 0 {
		return most
	}
	return int(min(max(least, body+1<<20), most))
}

// HTTPAddr is where the HTTP API listens: host and port, or the path of a socket.
func (s *Sidecar) HTTPAddr() string { return s.http.Addrs()[0].String() }

// GRPCAddr is where the gRPC API listens or, before it does, will listen.
func (s *Sidecar) GRPCAddr() string {
	switch {
	case s.grpcListener != nil:
		return s.grpcListener.Addr().String()
	case s.grpcOptions.UnixSocket != "":
		return s.grpcOptions.UnixSocket
	}
	return s.grpcOptions.Addresses[0]
}

// Ready is closed when the application may call: the components are loaded and
// both APIs answer.
func (s *Sidecar) Ready() <-chan struct{} { return s.gate }

// Plugins describes what runs behind the components.
func (s *Sidecar) Plugins() []api.Plugin { return s.graph.Plugins() }

// Close gives back what New took, of a sidecar that is not to run.
func (s *Sidecar) Close() error {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.http.Shutdown(over)
	if s.grpcListener != nil {
		err = errors.Join(err, s.grpcListener.Close())
	}
	return errors.Join(err, s.engines.close())
}

// Run starts the sidecar and serves until ctx ends, the application asks for
// the end or something fails that it cannot do without. It returns nil after an
// end that was asked for and in which no call was cut off; a *runtime.StartError
// when the components are at fault.
func (s *Sidecar) Run(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var servers sync.WaitGroup
	serve := func(f func() error) {
		servers.Go(func() {
			if err := f(); err != nil {
				cancel(err)
			}
		})
	}
	servers.Go(func() {
		select {
		case <-s.asked:
			cancel(errAsked)
		case <-s.forced:
			cancel(ErrForced)
		case <-ctx.Done():
		}
	})
	serve(s.http.Serve)

	err := s.start(ctx, began, serve)
	if err == nil {
		<-ctx.Done()
	}
	// Calls that wait for a start that will not be have nothing to wait for.
	started := s.outbound.Load()
	if cause := context.Cause(ctx); cause != nil && (err == nil || ctx.Err() != nil) {
		err = cause
	}
	if errors.Is(err, errAsked) || errors.Is(err, context.Canceled) {
		err = nil
	}
	cancel(err)
	err = errors.Join(err, s.end(err == nil && started))
	servers.Wait()
	return err
}

var errAsked = errors.New("the application asked for the end")

// start brings the sidecar up, in Dapr's order: components, gRPC, the
// application. The HTTP server is up already, for its health; here its gate opens.
func (s *Sidecar) start(ctx context.Context, began time.Time, serve func(func() error)) error {
	s.log.Info("Starting Berth -- version " + Version + " -- Dapr API " + DaprVersion)
	s.log.Debug("where things are", "resources", s.opts.ResourcesPaths, "plugins", s.opts.PluginsPaths, "cache", s.opts.CacheDir, "engine", s.opts.Engine)
	if err := s.graph.Load(ctx); err != nil {
		return err
	}
	if err := s.openGRPC(); err != nil {
		return err
	}
	serve(s.grpc.Serve)
	s.log.Info("API gRPC server is running on "+where(s.grpc.Addrs()), "scope", "dapr.runtime.grpc")
	s.log.Info("HTTP server is running on "+where(s.http.Addrs()), "scope", "dapr.runtime.http")
	s.outbound.Store(true)
	close(s.gate)
	if err := s.findApp(ctx); err != nil {
		return err
	}
	s.log.Info(fmt.Sprintf("dapr initialized. Status: Running. Init Elapsed %dms", time.Since(began).Milliseconds()))
	return nil
}

// end stops what runs: no new calls, time for those that run, then the
// components. The order lets a call that runs still reach its component.
func (s *Sidecar) end(graceful bool) error {
	s.ending.Store(true)
	grace := s.opts.GracefulShutdown
	if graceful {
		s.block()
		s.log.Info(fmt.Sprintf("dapr shutting down. Waiting %s to finish outstanding operations", grace))
	} else {
		grace = 0
	}
	drain, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		select {
		case <-s.forced:
			cancel()
		case <-stopped:
		}
	}()
	var wg sync.WaitGroup
	var httpErr, grpcErr error
	wg.Go(func() { httpErr = s.http.Shutdown(drain) })
	if s.grpc != nil {
		wg.Go(func() { grpcErr = s.grpc.Shutdown(drain) })
	} else if s.grpcListener != nil {
		grpcErr = s.grpcListener.Close()
	}
	wg.Wait()
	var errs []error
	if graceful && (httpErr != nil || grpcErr != nil) {
		errs = append(errs, fmt.Errorf("calls that ran longer than %s were cut off", grace))
	}
	left, done := context.WithTimeout(context.Background(), closeTime)
	defer done()
	if err := s.graph.Close(left); err != nil {
		errs = append(errs, err)
	} else if err := s.engines.close(); err != nil {
		errs = append(errs, err)
	}
	if graceful {
		s.log.Info("dapr is closed")
	}
	return errors.Join(errs...)
}

// block goes on as before for as long as BlockShutdown says, so that an
// application that ends at the same time can still call.
func (s *Sidecar) block() {
	if s.opts.BlockShutdown <= 0 {
		return
	}
	s.log.Info(fmt.Sprintf("Blocking graceful shutdown for %s", s.opts.BlockShutdown))
	t := time.NewTimer(s.opts.BlockShutdown)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.forced:
	}
}

// shutdown is the API's request to end.
func (s *Sidecar) shutdown(force bool) {
	if force {
		s.forceOnce.Do(func() { close(s.forced) })
		return
	}
	s.askOnce.Do(func() { close(s.asked) })
}
