// Package http serves the Dapr API over HTTP: it decodes a request, calls the
// building block and encodes the answer. It decides nothing about state,
// health or metadata; the errors it writes are those of host/api/errors.
//
//	s, err := http.NewServer(http.Options{Services: svc, Addresses: []string{":3500"}})
//	err = s.Listen()            // the addresses are bound, s.Addrs() says which
//	go func() { done <- s.Serve() }()
//	...
//	err = s.Shutdown(ctx)       // calls that take longer than ctx are cut off
//
// Paths, answers and errors are Dapr's. On purpose it differs in this:
//
//   - A value is stored as the JSON that was sent, byte for byte. Dapr decodes
//     and encodes it again, which loses digits of large numbers, and with
//     encryption stores Go's notation of objects.
//   - A body over the limit is answered with 413 on every route.
//   - In an answer with many items, one whose value is not JSON has an error;
//     Dapr then answers with an empty body.
//   - The public listener serves no PUT of metadata, since it asks for no token.
//   - HTTP/2 without TLS is spoken from the first byte, not after an upgrade.
package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/berth-run/berth/host/api"
	"github.com/berth-run/berth/host/api/internal/listen"
)

// headerTimeout is how long a client may take to send a request's header.
const headerTimeout = 10 * time.Second

// Server is the HTTP server of the Dapr API. Listen, Serve and Shutdown are
// called once each, in this order; Shutdown may come at any time.
type Server struct {
	opts        Options
	log         *slog.Logger
	api, public *http.Server
	listeners   []net.Listener
	publicOn    net.Listener
}

// NewServer makes a server that does not listen yet.
func NewServer(opts Options) (*Server, error) {
	if opts.State == nil || opts.Unready == nil || opts.OutboundReady == nil || opts.Metadata == nil || opts.SetMetadata == nil || opts.Shutdown == nil {
		return nil, errors.New("http: a service is missing from the options")
	}
	if opts.MaxBodySize == 0 {
		opts.MaxBodySize = api.DefaultMaxBodySize
	}
	if opts.ReadBufferSize <= 0 {
		opts.ReadBufferSize = api.DefaultReadBufferSize
	}
	s := &Server{opts: opts, log: opts.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	calls := s.log.With("scope", "dapr.runtime.http-info")
	s.log = s.log.With("scope", "dapr.runtime.http")
	s.api = s.newServer(newHandler(&s.opts, s.log, calls))
	if opts.PublicAddress != "" {
		s.public = s.newServer(newPublicHandler(&s.opts, s.log))
	}
	return s, nil
}

func (s *Server) newServer(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(!s.opts.DisableH2C)
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    s.opts.ReadBufferSize,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Listen binds the addresses. After an error none is bound.
func (s *Server) Listen() error {
	ls, err := listen.All(s.opts.Addresses, s.opts.UnixSocket, s.opts.Listeners, s.log)
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	s.listeners = ls
	if s.public != nil {
		l, err := net.Listen("tcp", s.opts.PublicAddress)
		if err != nil {
			for _, l := range s.listeners {
				l.Close()
			}
			return fmt.Errorf("http: public address: %w", err)
		}
		s.publicOn = l
	}
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

// PublicAddr returns the address of the public listener, or nil.
func (s *Server) PublicAddr() net.Addr {
	if s.publicOn == nil {
		return nil
	}
	return s.publicOn.Addr()
}

// Serve answers requests until Shutdown, then returns nil, or until a listener fails.
func (s *Server) Serve() error {
	type serving struct {
		srv *http.Server
		l   net.Listener
	}
	all := make([]serving, 0, len(s.listeners)+1)
	for _, l := range s.listeners {
		all = append(all, serving{s.api, l})
	}
	if s.publicOn != nil {
		all = append(all, serving{s.public, s.publicOn})
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, sv := range all {
		wg.Go(func() {
			if err := sv.srv.Serve(sv.l); !errors.Is(err, http.ErrServerClosed) {
				errs[i] = fmt.Errorf("http: serving %s: %w", sv.l.Addr(), err)
				s.close() // one listener less is not the server that was asked for
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Shutdown takes no more requests, waits for those under way until ctx ends,
// cuts the rest off and returns ctx's error if there were any.
func (s *Server) Shutdown(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, srv := range []*http.Server{s.api, s.public} {
		if srv == nil {
			continue
		}
		wg.Go(func() {
			if errs[i] = srv.Shutdown(ctx); errs[i] != nil {
				srv.Close()
			}
		})
	}
	wg.Wait()
	// A server that never served does not know its listeners.
	for _, l := range s.listeners {
		l.Close()
	}
	if s.publicOn != nil {
		s.publicOn.Close()
	}
	return errors.Join(errs...)
}

func (s *Server) close() {
	s.api.Close()
	if s.public != nil {
		s.public.Close()
	}
}

// Handler returns the handler of the API, with all checks.
func (s *Server) Handler() http.Handler { return s.api.Handler }
