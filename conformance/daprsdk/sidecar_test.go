package daprsdk

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
)

const root = "../.."

func TestMain(m *testing.M) {
	// A no-op after `make build`; alone, it makes this package testable by itself.
	build := exec.Command("make", "-s", "-C", root, "bin/berthd")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building berthd:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sidecar is a berthd process.
type sidecar struct {
	HTTP, GRPC int
	cmd        *exec.Cmd
	log        *lockedBuffer
	done       chan struct{} // closed when the process has ended
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const storeYAML = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.in-memory
  version: v1
`

// start runs berthd with the given resources and waits until it is healthy.
func start(t *testing.T, env []string, resources map[string]string, args ...string) *sidecar {
	t.Helper()
	dir := t.TempDir()
	for name, text := range resources {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &sidecar{HTTP: freePort(t), GRPC: freePort(t), log: &lockedBuffer{}}
	args = append([]string{
		"--app-id", "sdk-app", "--resources-path", dir,
		"--dapr-http-port", fmt.Sprint(s.HTTP), "--dapr-grpc-port", fmt.Sprint(s.GRPC),
		"--dapr-internal-grpc-port", fmt.Sprint(freePort(t)), "--enable-metrics=false",
		"--dapr-listen-addresses", "127.0.0.1",
	}, args...)
	if e := os.Getenv("BERTH_ENGINE"); e != "" {
		args = append(args, "--engine", e)
	}
	s.cmd = exec.Command(filepath.Join(root, "bin", "berthd"), args...)
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(20 * time.Second):
			_ = s.cmd.Process.Kill()
			t.Error("berthd did not end after SIGTERM")
		}
		if t.Failed() {
			t.Logf("berthd said:\n%s", s.log)
		}
	})
	deadline := time.Now().Add(60 * time.Second) // a cold compile on a slow machine
	for {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/v1.0/healthz", s.HTTP))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusNoContent {
				return s
			}
		}
		select {
		case <-s.done:
			t.Fatalf("berthd ended: %v\n%s", s.cmd.ProcessState, s.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("berthd is not healthy after a minute:\n%s", s.log)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// client connects the SDK the way an application does.
func (s *sidecar) client(t *testing.T) dapr.Client {
	t.Helper()
	c, err := dapr.NewClientWithAddressContext(context.Background(), fmt.Sprintf("127.0.0.1:%d", s.GRPC))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
