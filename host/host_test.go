package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/api"
	"github.com/berth-run/berth/host/hosttest"
	"github.com/berth-run/berth/host/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const statestore = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec: {type: state.in-memory, version: v1}
`

// call makes one request on a connection of its own and returns status and body.
func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	code, text, err := try(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return code, text
}

func try(method, url, body string) (int, string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !yes() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestStateThroughTheSidecar(t *testing.T) {
	s := hosttest.Start(t, hosttest.Options{Components: statestore})
	if code, body := call(t, "POST", s.HTTP+"/v1.0/state/statestore", `[{"key":"k","value":{"a":1}}]`); code != 204 {
		t.Fatalf("save: got %d %s, want 204", code, body)
	}
	if code, body := call(t, "GET", s.HTTP+"/v1.0/state/statestore/k", ""); code != 200 || body != `{"a":1}` {
		t.Fatalf("get: got %d %s, want 200 {\"a\":1}", code, body)
	}
}

// run starts what hosttest.Start would, without waiting for it.
func run(t *testing.T, o hosttest.Options) (s *host.Sidecar, stop context.CancelFunc, done <-chan error) {
	t.Helper()
	s, err := host.New(hosttest.NewOptions(t, o, new(hosttest.Log)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return s, cancel, ended
}

// wait returns what Run returned.
func wait(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the sidecar does not end")
		return nil
	}
}

// While a plugin compiles, health says so, metadata shows it, and calls of the
// API wait instead of failing.
func TestCallsWaitForComponents(t *testing.T) {
	s, stop, done := run(t, hosttest.Options{
		Components: statestore,
		Configure:  func(o *host.Options) { o.CacheDir = "" }, // so that it takes a while
	})
	url := "http://" + s.HTTPAddr()
	if code, _ := call(t, "GET", url+"/v1.0/healthz/outbound", ""); code != 500 {
		t.Errorf("outbound health before components are loaded: got %d, want 500", code)
	}
	eventually(t, "the component compiles", func() bool {
		p := s.Plugins()
		return len(p) == 1 && p[0].State == string(runtime.Compiling)
	})
	// Earlier the resources are not read, and nobody knows what is waited for.
	if code, body := call(t, "GET", url+"/v1.0/healthz", ""); code != 500 || !strings.Contains(body, "component statestore") {
		t.Errorf("health before components are loaded: got %d %s, want 500 and the component's name", code, body)
	}
	select {
	case <-s.Ready():
		t.Fatal("ready already: the test is not fast enough to mean anything")
	default:
	}
	if code, body := call(t, "GET", url+"/v1.0/state/statestore/k", ""); code != 204 {
		t.Errorf("a call that came early: got %d %s, want 204", code, body)
	}
	if code, _ := call(t, "GET", url+"/v1.0/healthz", ""); code != 204 {
		t.Errorf("health after a call was answered: got %d, want 204", code)
	}
	stop()
	if err := wait(t, done); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestAppPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := hosttest.Start(t, hosttest.Options{
		Components: statestore,
		Configure:  func(o *host.Options) { o.App = host.App{Port: port, Protocol: "http"} },
	})
	// Python's SDK waits for the outbound health before the application listens.
	if code, _ := call(t, "GET", s.HTTP+"/v1.0/healthz/outbound", ""); code != 204 {
		t.Errorf("outbound health without the application: got %d, want 204", code)
	}
	if code, body := call(t, "GET", s.HTTP+"/v1.0/healthz", ""); code != 500 || !strings.Contains(body, fmt.Sprint(port)) {
		t.Errorf("health without the application: got %d %s, want 500 and the port", code, body)
	}
	if strings.Contains(s.Log.String(), "dapr initialized") {
		t.Error("initialized before the application was found")
	}
	if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	eventually(t, "health with the application", func() bool {
		code, _ := call(t, "GET", s.HTTP+"/v1.0/healthz", "")
		return code == 204
	})
	eventually(t, "the log", func() bool {
		return strings.Contains(s.Log.String(), fmt.Sprintf("application discovered on port %d", port)) &&
			strings.Contains(s.Log.String(), "dapr initialized. Status: Running. Init Elapsed ")
	})
}

func TestMetadata(t *testing.T) {
	s := hosttest.Start(t, hosttest.Options{
		AppID: "orders", Components: statestore,
		Configure: func(o *host.Options) { o.App.MaxConcurrency = 7 },
	})
	for key, value := range map[string]string{"cliPID": "123", "daprRuntimeVersion": "0.0.1"} {
		if code, body := call(t, "PUT", s.HTTP+"/v1.0/metadata/"+key, value); code != 204 {
			t.Fatalf("PUT %s: got %d %s, want 204", key, code, body)
		}
	}
	call(t, "GET", s.HTTP+"/v1.0/state/statestore/k", "")
	_, body := call(t, "GET", s.HTTP+"/v1.0/metadata", "")
	var got api.Metadata
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := api.Metadata{
		ID: "orders", RuntimeVersion: host.DaprVersion,
		Components: []api.Component{{Name: "statestore", Type: "state.in-memory", Version: "v1",
			Capabilities: []string{"ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "QUERY_API", "ACTOR"}}},
		Extended:      map[string]string{"cliPID": "123", "daprRuntimeVersion": host.DaprVersion, "berthVersion": host.Version},
		AppConnection: api.AppConnection{Protocol: "http", ChannelAddress: "127.0.0.1", MaxConcurrency: 7},
		ActorRuntime:  api.ActorRuntime{Status: "DISABLED"},
		Plugins:       []api.Plugin{{Component: "statestore", Type: "state.in-memory", Version: "v1", State: "ready", Instances: 1, Calls: 1}},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Plugin{}, "Digest", "Memory", "Release", "Load")); d != "" {
		t.Errorf("metadata (-want +got):\n%s", d)
	}
	if p := got.Plugins[0]; len(p.Digest) != len("sha256:")+64 || p.Memory == 0 || p.Release == "" || p.Load == nil || p.Load.Compile <= 0 || p.Load.Start <= 0 {
		t.Errorf("got plugin %+v, want a digest, memory, a release and load times", p)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	tests := []struct {
		flag string
		set  func(*host.Options)
	}{
		{"--dapr-http-port", func(o *host.Options) { o.HTTPPort = port }},
		{"--dapr-grpc-port", func(o *host.Options) { o.GRPCPort = port }},
		{"--dapr-public-port", func(o *host.Options) { o.PublicAddress = l.Addr().String() }},
	}
	for _, tt := range tests {
		t.Run(tt.flag, func(t *testing.T) {
			_, err := host.New(hosttest.NewOptions(t, hosttest.Options{Configure: tt.set}, new(hosttest.Log)))
			want := fmt.Sprintf("%s: 127.0.0.1:%d is in use by another process", tt.flag, port)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// The gRPC port is not open before the components are ready: tools take an open
// port for a sidecar that is.
func TestGRPCPortOpensLast(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s, stop, done := run(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) {
		o.GRPCPort, o.CacheDir = port, ""
	}})
	eventually(t, "the component compiles", func() bool {
		p := s.Plugins()
		return len(p) == 1 && p[0].State == string(runtime.Compiling)
	})
	if conn, err := net.Dial("tcp", s.GRPCAddr()); err == nil {
		conn.Close()
		t.Error("the gRPC port is open while a component compiles")
	}
	<-s.Ready()
	conn, err := net.Dial("tcp", s.GRPCAddr())
	if err != nil {
		t.Errorf("the gRPC port of a ready sidecar: %v", err)
	} else {
		conn.Close()
	}
	stop()
	if err := wait(t, done); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestUnixSockets(t *testing.T) {
	dir, err := os.MkdirTemp("", "berth") // a test's own folder has too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s := hosttest.Start(t, hosttest.Options{AppID: "orders", Components: statestore, Configure: func(o *host.Options) { o.UnixSocketDir = dir }})
	for api, got := range map[string]string{"http": s.HTTPAddr(), "grpc": s.GRPCAddr()} {
		if want := filepath.Join(dir, "dapr-orders-"+api+".socket"); got != want {
			t.Errorf("%s: got the address %s, want %s", api, got, want)
		}
		conn, err := net.Dial("unix", got)
		if err != nil {
			t.Errorf("%s: %v", api, err)
			continue
		}
		conn.Close()
	}
}

func TestPublicPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	public := l.Addr().String()
	l.Close()
	hosttest.Start(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.PublicAddress, o.APIToken = public, "secret" }})
	if code, _ := call(t, "GET", "http://"+public+"/v1.0/healthz", ""); code != 204 {
		t.Errorf("health on the public port: got %d, want 204", code)
	}
	if code, _ := call(t, "GET", "http://"+public+"/v1.0/state/statestore/k", ""); code != 404 {
		t.Errorf("state on the public port: got %d, want 404", code)
	}
}

func TestConfiguration(t *testing.T) {
	write := func(t *testing.T, spec string) string {
		path := filepath.Join(t.TempDir(), "config.yaml")
		text := "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n" + spec
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("denied components are left out", func(t *testing.T) {
		path := write(t, "  components: {deny: [state.in-memory/v1]}\n")
		s := hosttest.Start(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.ConfigPaths = []string{path} }})
		if got := s.Plugins(); len(got) != 0 {
			t.Errorf("got %v, want no component", got)
		}
	})
	t.Run("denied APIs are not there", func(t *testing.T) {
		path := write(t, "  api: {denied: [{name: state, version: v1, protocol: http}]}\n")
		s := hosttest.Start(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.ConfigPaths = []string{path} }})
		if code, _ := call(t, "GET", s.HTTP+"/v1.0/state/statestore/k", ""); code != 404 {
			t.Errorf("got %d, want 404", code)
		}
	})
	t.Run("calls are logged", func(t *testing.T) {
		path := write(t, "  logging: {apiLogging: {enabled: true}}\n")
		s := hosttest.Start(t, hosttest.Options{Components: statestore, Configure: func(o *host.Options) { o.ConfigPaths = []string{path} }})
		call(t, "GET", s.HTTP+"/v1.0/state/statestore/k", "")
		eventually(t, "the log", func() bool { return strings.Contains(s.Log.String(), "HTTP API Called") })
	})
	for _, pipeline := range []string{"httpPipeline", "appHttpPipeline"} {
		t.Run("requests do not run past a missing middleware of "+pipeline, func(t *testing.T) {
			path := write(t, "  "+pipeline+": {handlers: [{name: auth, type: middleware.http.bearer}]}\n")
			_, err := host.New(hosttest.NewOptions(t, hosttest.Options{Configure: func(o *host.Options) { o.ConfigPaths = []string{path} }}, new(hosttest.Log)))
			var start *runtime.StartError
			if !errors.As(err, &start) || start.Problems[0].Code != "BERTH_START_UNSUPPORTED" || start.Problems[0].Field != "spec."+pipeline {
				t.Errorf("got %v, want a StartError that names %s", err, pipeline)
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		_, err := host.New(hosttest.NewOptions(t, hosttest.Options{Configure: func(o *host.Options) { o.ConfigPaths = []string{"none.yaml"} }}, new(hosttest.Log)))
		var start *runtime.StartError
		if !errors.As(err, &start) {
			t.Errorf("got %v, want a StartError", err)
		}
	})
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name string
		set  func(*host.Options)
		want string
	}{
		{"no app id", func(o *host.Options) { o.AppID = "" }, "the app id is empty"},
		{"no port", func(o *host.Options) { o.HTTPPort = 70000 }, "--dapr-http-port: 70000 is not a port"},
		{"one port for both", func(o *host.Options) { o.HTTPPort, o.GRPCPort = 3500, 3500 }, "are both 3500"},
		{"protocol", func(o *host.Options) { o.App.Protocol = "ftp" }, `--app-protocol: "ftp"`},
		{"engine", func(o *host.Options) { o.Engine = "v8" }, `--engine: "v8"`},
		{"cache folder", func(o *host.Options) { o.CacheDir = os.DevNull + "/x" }, "cache folder"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := host.New(hosttest.NewOptions(t, hosttest.Options{AppID: "x", Configure: tt.set}, new(hosttest.Log)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Two sidecars in one process know nothing of each other.
func TestSeveralSidecars(t *testing.T) {
	a := hosttest.Start(t, hosttest.Options{AppID: "a", Components: statestore})
	b := hosttest.Start(t, hosttest.Options{AppID: "b", Components: statestore})
	call(t, "POST", a.HTTP+"/v1.0/state/statestore", `[{"key":"k","value":1}]`)
	if code, _ := call(t, "GET", b.HTTP+"/v1.0/state/statestore/k", ""); code != 204 {
		t.Errorf("got %d, want 204: b has no such key", code)
	}
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if code, _ := call(t, "GET", b.HTTP+"/v1.0/healthz", ""); code != 204 {
		t.Errorf("b after a's end: got %d, want 204", code)
	}
}
