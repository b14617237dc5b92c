package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/api"
	apigrpc "github.com/berth-run/berth/host/api/grpc"
	apihttp "github.com/berth-run/berth/host/api/http"
	"github.com/berth-run/berth/host/engine/testengine"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/host/state"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/verify"
)

// inMemory loads the in-memory component, sandbox and all, for one test.
func inMemory(tb testing.TB, name string) guest.State {
	tb.Helper()
	dir := filepath.Join(guesttest.Root(tb), "components", "state", "in-memory")
	file := filepath.Join(dir, "plugin.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := manifest.Parse(file, src)
	if err != nil {
		tb.Fatal(err)
	}
	wasm := guesttest.Build(tb, dir)
	eng := testengine.Open(tb)
	ctx := context.Background()
	c, err := guest.Load(ctx, guest.Plugin{Manifest: m, Wasm: wasm, Digest: verify.Digest(wasm)},
		guest.Config{Name: name, Type: "state.in-memory", AppID: "orders", Engine: eng})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(ctx); err != nil {
			tb.Errorf("closing the component: %v", err)
		}
	})
	st, ok := c.State()
	if !ok {
		tb.Fatal("the component is no state store")
	}
	return st
}

// store makes the block of a client.
func store(tb testing.TB, c state.Client, cfg state.Config) *state.Store {
	tb.Helper()
	if cfg.AppID == "" {
		cfg.AppID = "orders"
	}
	s, err := state.New(c, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// lacking is a store without some of its features.
type lacking struct {
	state.Client
	features []string
}

func (l lacking) Has(f string) bool {
	for _, no := range l.features {
		if f == no {
			return false
		}
	}
	return l.Client.Has(f)
}

// sidecar is the two servers over some stores, and what they were asked to do.
type sidecar struct {
	httpURL string
	client  *http.Client
	dapr    runtimev1.DaprClient
	conn    *grpc.ClientConn

	mu       sync.Mutex
	unready  []string
	outbound bool
	extended map[string]string
	shutdown []bool // with force?
}

func (s *sidecar) services(stores *state.Registry) api.Services {
	return api.Services{
		AppID: "orders",
		State: stores,
		Unready: func() []string {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.unready
		},
		OutboundReady: func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.outbound
		},
		Metadata: func(context.Context) api.Metadata {
			s.mu.Lock()
			defer s.mu.Unlock()
			ext := map[string]string{"daprRuntimeVersion": "1.18.0"}
			for k, v := range s.extended {
				ext[k] = v
			}
			return api.Metadata{
				ID: "orders", RuntimeVersion: "1.18.0", Extended: ext,
				Components:    []api.Component{{Name: "statestore", Type: "state.in-memory", Version: "v1", Capabilities: []string{"ETAG"}}},
				AppConnection: api.AppConnection{Port: 6001, Protocol: "http", ChannelAddress: "127.0.0.1"},
				ActorRuntime:  api.ActorRuntime{Status: "DISABLED"},
				Subscriptions: []api.Subscription{{PubsubName: "p", Topic: "t", Type: "DECLARATIVE", Rules: []api.SubscriptionRule{{Path: "/x"}}}},
			}
		},
		SetMetadata: func(_ context.Context, k, v string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.extended == nil {
				s.extended = map[string]string{}
			}
			s.extended[k] = v
		},
		Shutdown: func(force bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.shutdown = append(s.shutdown, force)
		},
	}
}

// settings change the servers' options before they start.
type settings struct {
	http func(*apihttp.Options)
	grpc func(*apigrpc.Options)
}

// start serves stores over both APIs on free ports until the test ends.
func start(tb testing.TB, stores []*state.Store, set settings) *sidecar {
	tb.Helper()
	reg := state.NewRegistry()
	for _, s := range stores {
		reg.Put(s)
	}
	sc := &sidecar{outbound: true}
	ho := apihttp.Options{Services: sc.services(reg), Addresses: []string{"127.0.0.1:0"}}
	if set.http != nil {
		set.http(&ho)
	}
	hs, err := apihttp.NewServer(ho)
	if err != nil {
		tb.Fatal(err)
	}
	run(tb, hs)
	sc.httpURL = "http://" + hs.Addrs()[0].String()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	if a := hs.Addrs()[0]; a.Network() == "unix" {
		sc.httpURL = "http://localhost"
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", a.String())
		}
	}
	sc.client = &http.Client{Transport: tr}
	tb.Cleanup(tr.CloseIdleConnections)

	opts := apigrpc.Options{Services: sc.services(reg), Addresses: []string{"127.0.0.1:0"}}
	if set.grpc != nil {
		set.grpc(&opts)
	}
	gs, err := apigrpc.NewServer(opts)
	if err != nil {
		tb.Fatal(err)
	}
	run(tb, gs)
	target := gs.Addrs()[0].String()
	if gs.Addrs()[0].Network() == "unix" {
		target = "unix:" + target
	}
	sc.conn, err = grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { sc.conn.Close() })
	sc.dapr = runtimev1.NewDaprClient(sc.conn)
	return sc
}

// server is what both servers have.
type server interface {
	Listen() error
	Addrs() []net.Addr
	Serve() error
	Shutdown(context.Context) error
}

// run serves until the test ends and fails it when the server did not end well.
func run(tb testing.TB, s server) {
	tb.Helper()
	if err := s.Listen(); err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			tb.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			tb.Errorf("serve: %v", err)
		}
	})
}

// answer is what came back over HTTP.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a request over HTTP; headers are pairs.
func (s *sidecar) call(tb testing.TB, method, path, body string, headers ...string) answer {
	tb.Helper()
	req, err := http.NewRequest(method, s.httpURL+path, bytes.NewBufferString(body))
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = []string{headers[i+1]}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

func keysLike(pattern string) *proto.KeysLikeRequest { return &proto.KeysLikeRequest{Pattern: pattern} }
