package hosttest_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/berth-run/berth/host/hosttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const store = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec: {type: state.in-memory, version: v1}
`

func TestStart(t *testing.T) {
	var url, grpc string
	t.Run("a test", func(t *testing.T) {
		s := hosttest.Start(t, hosttest.Options{AppID: "orders", Components: store})
		url, grpc = s.HTTP, s.GRPC
		resp, err := http.Get(s.HTTP + "/v1.0/healthz?appid=orders")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Errorf("got health %s, want 204", resp.Status)
		}
		conn, err := net.Dial("tcp", s.GRPC)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if !strings.Contains(s.Log.String(), "Component loaded: statestore (state.in-memory/v1)") {
			t.Errorf("the log does not show the component:\n%s", s.Log)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	for _, address := range []string{strings.TrimPrefix(url, "http://"), grpc} {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s is open after the test", address)
		}
	}
}

func TestStop(t *testing.T) {
	s := hosttest.Start(t, hosttest.Options{})
	if err := s.Stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("again: got %v, want nil", err)
	}
}

func TestInMemoryIsBuiltOnce(t *testing.T) {
	a, err := hosttest.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(a, "state.in-memory.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hosttest.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(b, "state.in-memory.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if a != b || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("got it built again: %s %s, %s %s", a, before.ModTime(), b, after.ModTime())
	}
}
