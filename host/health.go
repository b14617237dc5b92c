package host

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// unready names what healthz waits for.
func (s *Sidecar) unready() []string {
	var out []string
	if !s.outbound.Load() {
		for _, name := range s.graph.Pending() {
			out = append(out, "component "+name)
		}
		if len(out) == 0 {
			out = append(out, "components")
		}
	}
	if s.opts.App.Port != 0 && !s.appFound.Load() {
		out = append(out, "application on port "+strconv.Itoa(s.opts.App.Port))
	}
	if s.ending.Load() {
		out = append(out, "shutting down")
	}
	return out
}

// How often the application's port is tried, and how long one try may take.
const (
	appTry     = 100 * time.Millisecond
	appTryTime = time.Second
)

// findApp waits until the application listens, for as long as that takes. It
// may be waiting for the sidecar: by now it may call.
func (s *Sidecar) findApp(ctx context.Context) error {
	app := s.opts.App
	if app.Port == 0 {
		return nil
	}
	s.log.Info(fmt.Sprintf("application protocol: %s. waiting on port %d.  This will block until the app is listening on that port.", app.Protocol, app.Port))
	address := net.JoinHostPort(app.Address, strconv.Itoa(app.Port))
	dialer := net.Dialer{Timeout: appTryTime}
	t := time.NewTicker(appTry)
	defer t.Stop()
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			s.appFound.Store(true)
			s.log.Info(fmt.Sprintf("application discovered on port %d", app.Port))
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}
