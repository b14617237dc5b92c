// Package hosttest starts whole sidecars inside Go tests: real plugins, real
// HTTP and gRPC, on free ports of this machine.
//
//	s := hosttest.Start(t, hosttest.Options{Components: `
//	apiVersion: dapr.io/v1alpha1
//	kind: Component
//	metadata: {name: statestore}
//	spec: {type: state.in-memory, version: v1}`})
//	resp, err := http.Get(s.HTTP + "/v1.0/state/statestore/key")
//
// The sidecar ends with the test, and a test fails whose sidecar did not end
// well. It has the plugins of Options.Plugins and, inside Berth's own
// repository, state.in-memory, which is built when it is first wanted.
//
// It is no benchmark, and no stand-in for the process: signals, flags and exit
// codes are tested in cmd/berthd.
package hosttest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/observability"
)

// startTime is how long a sidecar may take to be ready: a cold compile of a
// large plugin on a busy machine.
const startTime = 2 * time.Minute

// Options of Start.
type Options struct {
	AppID string // "" = test
	// Components are YAML documents, as a --resources-path folder holds them.
	Components string
	// Plugins are folders of plugins.
	Plugins []string
	// Configure, when given, changes the sidecar's options at last.
	Configure func(*host.Options)
}

// Sidecar is a running sidecar.
type Sidecar struct {
	*host.Sidecar
	HTTP string // URL of the HTTP API without a path: http://127.0.0.1:41234
	GRPC string // address of the gRPC API: 127.0.0.1:41235
	Log  *Log

	stop func() error
}

// Start starts a sidecar, waits until the application may call and ends it with
// the test.
func Start(t testing.TB, o Options) *Sidecar {
	t.Helper()
	log := new(Log)
	opts := NewOptions(t, o, log)
	sidecar, err := host.New(opts)
	if err != nil {
		t.Fatalf("hosttest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sidecar.Run(ctx) }()
	s := &Sidecar{Sidecar: sidecar, HTTP: "http://" + sidecar.HTTPAddr(), GRPC: sidecar.GRPCAddr(), Log: log}
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("hosttest: the sidecar's end: %v", err)
		}
		if t.Failed() {
			t.Logf("the sidecar said:\n%s", log)
		}
	})
	select {
	case <-sidecar.Ready():
	case err := <-done:
		done <- err // for stop
		t.Fatalf("hosttest: the sidecar did not start: %v", err)
	case <-time.After(startTime):
		t.Fatalf("hosttest: the sidecar is not ready after %s", startTime)
	}
	return s
}

// Stop ends the sidecar before the test does and returns what Run returned.
func (s *Sidecar) Stop() error { return s.stop() }

// NewOptions are what Start gives to host.New, for tests of the start itself.
func NewOptions(t testing.TB, o Options, log *Log) host.Options {
	t.Helper()
	root, inside := repository()
	opts := host.Options{
		AppID: o.AppID, ListenAddresses: []string{"127.0.0.1"}, PluginsPaths: o.Plugins, GracefulShutdown: 5 * time.Second,
		Log: slog.New(observability.NewHandler(observability.LogOptions{Writer: log, Level: slog.LevelDebug, AppID: o.AppID})),
	}
	if opts.AppID == "" {
		opts.AppID = "test"
	}
	if inside {
		dir, err := inMemory(root)
		if err != nil {
			t.Fatalf("hosttest: building state.in-memory: %v", err)
		}
		opts.Embedded = os.DirFS(dir)
		opts.CacheDir = filepath.Join(root, ".cache", "berth")
	}
	if o.Components != "" {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "components.yaml"), []byte(o.Components), 0o644); err != nil {
			t.Fatalf("hosttest: %v", err)
		}
		opts.ResourcesPaths = []string{dir}
	}
	if o.Configure != nil {
		o.Configure(&opts)
	}
	return opts
}

// Log collects what a sidecar logs. It is safe for concurrent use.
type Log struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns everything that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
