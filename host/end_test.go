package host_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/hosttest"
	"github.com/berth-run/berth/host/runtime"
)

// A sidecar that is told to end while it still starts, ends.
func TestEndWhileStarting(t *testing.T) {
	s, stop, done := run(t, hosttest.Options{
		Components: statestore,
		Configure:  func(o *host.Options) { o.CacheDir = "" },
	})
	eventually(t, "the component compiles", func() bool {
		p := s.Plugins()
		return len(p) == 1 && p[0].State == string(runtime.Compiling)
	})
	early := make(chan error, 1)
	go func() {
		_, _, err := try("GET", "http://"+s.HTTPAddr()+"/v1.0/state/statestore/k", "")
		early <- err
	}()
	stop()
	if err := wait(t, done); err != nil {
		t.Errorf("the end: got %v, want nil", err)
	}
	<-early // the call that waited was answered or cut off, but does not hang
}

// slowSave begins a request whose body comes when the returned function is
// called; that returns the status line.
func slowSave(t *testing.T, s *host.Sidecar) (finish func() (string, error)) {
	t.Helper()
	conn, err := net.Dial("tcp", s.HTTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	const body = `[{"key":"slow","value":1}]`
	if _, err := fmt.Fprintf(conn, "POST /v1.0/state/statestore HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v, want that the handler asks for the body", line, err)
	}
	return func() (string, error) {
		if _, err := io.WriteString(conn, body); err != nil {
			return "", err
		}
		for {
			line, err := answers.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "HTTP/1.1 2") {
				return strings.TrimSpace(line), err
			}
		}
	}
}

// The order of the end: no new calls, those that run end, components close.
func TestDrain(t *testing.T) {
	s := hosttest.Start(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.GracefulShutdown = time.Minute }})
	finish := slowSave(t, s.Sidecar)
	done := make(chan error, 1)
	go func() { done <- s.Stop() }()
	eventually(t, "new connections are refused", func() bool {
		conn, err := net.Dial("tcp", s.HTTPAddr())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if got, err := finish(); err != nil || got != "HTTP/1.1 204 No Content" {
		t.Errorf("the call that ran: got %q, %v, want that it succeeds", got, err)
	}
	if err := wait(t, done); err != nil {
		t.Errorf("the end: %v", err)
	}
	log := s.Log.String()
	closed, over := strings.Index(log, "Component closed: statestore"), strings.Index(log, "dapr is closed")
	if closed < 0 || over < closed {
		t.Errorf("got the log\n%s\nwant that the component closes, then all", log)
	}
}

func TestDrainTakesTooLong(t *testing.T) {
	s, stop, done := run(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.GracefulShutdown = 50 * time.Millisecond }})
	<-s.Ready()
	finish := slowSave(t, s)
	stop()
	if err := wait(t, done); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("the end: got %v, want that a call was cut off", err)
	}
	if got, err := finish(); err == nil {
		t.Errorf("the call: got %q, want that its connection was closed", got)
	}
}

func TestBlockShutdown(t *testing.T) {
	s := hosttest.Start(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.BlockShutdown = 300 * time.Millisecond }})
	done := make(chan error, 1)
	go func() { done <- s.Stop() }()
	eventually(t, "it blocks", func() bool { return strings.Contains(s.Log.String(), "Blocking graceful shutdown for 300ms") })
	if code, body := call(t, "POST", s.HTTP+"/v1.0/state/statestore", `[{"key":"k","value":1}]`); code != 204 {
		t.Errorf("a call while the end is blocked: got %d %s, want 204", code, body)
	}
	if code, body := call(t, "GET", s.HTTP+"/v1.0/healthz", ""); code != 500 || !strings.Contains(body, "shutting down") {
		t.Errorf("health while the end is blocked: got %d %s, want 500", code, body)
	}
	if err := wait(t, done); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestShutdownByTheApplication(t *testing.T) {
	s, _, done := run(t, hosttest.Options{Components: statestore})
	<-s.Ready()
	if code, body := call(t, "POST", "http://"+s.HTTPAddr()+"/v1.0/shutdown", ""); code != 204 {
		t.Errorf("got %d %s, want 204", code, body)
	}
	if err := wait(t, done); err != nil {
		t.Errorf("the end: got %v, want nil", err)
	}
}

func TestForcedShutdown(t *testing.T) {
	s, _, done := run(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.GracefulShutdown = time.Hour }})
	<-s.Ready()
	finish := slowSave(t, s)
	req, err := http.NewRequest("POST", "http://"+s.HTTPAddr()+"/v1.0/shutdown", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("dapr-force-shutdown", "true")
	if resp, err := http.DefaultClient.Do(req); err == nil { // it may be cut off too
		resp.Body.Close()
	}
	if err := wait(t, done); !errors.Is(err, host.ErrForced) {
		t.Errorf("the end: got %v, want ErrForced", err)
	}
	if got, err := finish(); err == nil {
		t.Errorf("the call that ran: got %q, want that it was cut off", got)
	}
}

func TestCloseWithoutRun(t *testing.T) {
	s, err := host.New(hosttest.NewOptions(t, hosttest.Options{}, new(hosttest.Log)))
	if err != nil {
		t.Fatal(err)
	}
	http, grpc := s.HTTPAddr(), s.GRPCAddr()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{http, grpc} {
		if conn, err := net.Dial("tcp", a); err == nil {
			conn.Close()
			t.Errorf("%s is still open", a)
		}
	}
}
