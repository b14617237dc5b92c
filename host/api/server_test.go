package api_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/berth-run/berth/abi/proto"
	apigrpc "github.com/berth-run/berth/host/api/grpc"
	apihttp "github.com/berth-run/berth/host/api/http"
	"github.com/berth-run/berth/host/state"
)

func TestUnixSockets(t *testing.T) {
	dir := t.TempDir()
	httpSock, grpcSock := filepath.Join(dir, "http.sock"), filepath.Join(dir, "grpc.sock")
	// A process that was killed leaves its socket behind.
	l, err := net.Listen("unix", httpSock)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	sc := start(t, stores(t), settings{
		http: func(o *apihttp.Options) { o.UnixSocket = httpSock },
		grpc: func(o *apigrpc.Options) { o.UnixSocket = grpcSock },
	})
	if a := sc.call(t, "GET", "/v1.0/healthz", ""); a.status != 204 {
		t.Errorf("got %s", a)
	}
	if _, err := sc.dapr.GetMetadata(t.Context(), &runtimev1.GetMetadataRequest{}); err != nil {
		t.Error(err)
	}
	// One that somebody listens on is not taken away, nor a file that is no socket.
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{httpSock, file} {
		s, err := apihttp.NewServer(apihttp.Options{Services: new(sidecar).services(state.NewRegistry()), UnixSocket: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Listen(); err == nil {
			t.Errorf("listening on %s worked", path)
		}
	}
	if a := sc.call(t, "GET", "/v1.0/healthz", ""); a.status != 204 {
		t.Errorf("after another tried: got %s", a)
	}
}

func TestAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	given, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sv := new(sidecar).services(state.NewRegistry())
	hs, err := apihttp.NewServer(apihttp.Options{Services: sv, Addresses: []string{busy, "127.0.0.1:0", "127.0.0.1:0"}, Listeners: []net.Listener{given}, PublicAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, hs)
	if got := len(hs.Addrs()); got != 3 {
		t.Fatalf("got %d addresses, want the three that are free", got)
	}
	for _, a := range hs.Addrs() {
		resp, err := http.Get("http://" + a.String() + "/v1.0/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 204 {
			t.Errorf("%s: got %s", a, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()

	for name, s := range map[string]func() (server, error){
		"HTTP, busy": func() (server, error) {
			return apihttp.NewServer(apihttp.Options{Services: sv, Addresses: []string{busy}})
		},
		"HTTP, none": func() (server, error) { return apihttp.NewServer(apihttp.Options{Services: sv}) },
		"HTTP, public busy": func() (server, error) {
			return apihttp.NewServer(apihttp.Options{Services: sv, Addresses: []string{"127.0.0.1:0"}, PublicAddress: busy})
		},
		"HTTP, no directory": func() (server, error) {
			return apihttp.NewServer(apihttp.Options{Services: sv, UnixSocket: "/no/such/folder/s"})
		},
		"gRPC, busy": func() (server, error) {
			return apigrpc.NewServer(apigrpc.Options{Services: sv, Addresses: []string{busy}})
		},
		"gRPC, none": func() (server, error) { return apigrpc.NewServer(apigrpc.Options{Services: sv}) },
	} {
		srv, err := s()
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Listen(); err == nil {
			t.Errorf("%s: listening worked", name)
		}
	}
	if _, err := apihttp.NewServer(apihttp.Options{}); err == nil {
		t.Error("an HTTP server without services was made")
	}
	if _, err := apigrpc.NewServer(apigrpc.Options{}); err == nil {
		t.Error("a gRPC server without services was made")
	}
}

func TestPublicListener(t *testing.T) {
	sc := new(sidecar)
	hs, err := apihttp.NewServer(apihttp.Options{Services: sc.services(state.NewRegistry()), Addresses: []string{"127.0.0.1:0"}, PublicAddress: "127.0.0.1:0", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	run(t, hs)
	sc.outbound = true
	sc.httpURL, sc.client = "http://"+hs.PublicAddr().String(), &http.Client{Transport: new(http.Transport)}
	defer sc.client.CloseIdleConnections()
	for call, want := range map[string]int{
		"GET /v1.0/healthz": 204, "GET /v1.0/healthz/outbound": 204, "GET /v1.0/metadata": 200,
		"PUT /v1.0/metadata/k": 404, "POST /v1.0/shutdown": 404, "GET /v1.0/state/s/k": 404, "GET /": 404,
	} {
		method, path, _ := strings.Cut(call, " ")
		if a := sc.call(t, method, path, ""); a.status != want {
			t.Errorf("%s: got %s, want %d", call, a, want)
		}
	}
}

// slow is a store whose reads wait until they are let go or cut off.
type slow struct {
	*mapStore
	entered chan struct{}
	release chan struct{}
}

func newSlow() *slow { return &slow{newMapStore(), make(chan struct{}), make(chan struct{})} }

func (s *slow) Get(ctx context.Context, _ *proto.GetRequest) (*proto.GetResponse, error) {
	s.entered <- struct{}{}
	select {
	case <-s.release:
		return &proto.GetResponse{Data: []byte("1")}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestShutdown: a call under way is let finish, or cut off when there is no time.
func TestShutdown(t *testing.T) {
	type running struct {
		server
		call func() error // a read, from a client of its own
	}
	over := map[string]func(t *testing.T, s *slow) running{
		"HTTP": func(t *testing.T, s *slow) running {
			reg := state.NewRegistry()
			reg.Put(store(t, s, state.Config{Name: "statestore"}))
			hs, err := apihttp.NewServer(apihttp.Options{Services: new(sidecar).services(reg), Addresses: []string{"127.0.0.1:0"}})
			if err != nil {
				t.Fatal(err)
			}
			return running{hs, func() error {
				tr := new(http.Transport)
				defer tr.CloseIdleConnections()
				resp, err := (&http.Client{Transport: tr}).Get("http://" + hs.Addrs()[0].String() + "/v1.0/state/statestore/k")
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				if resp.StatusCode != 200 {
					return errors.New(resp.Status)
				}
				return nil
			}}
		},
		"gRPC": func(t *testing.T, s *slow) running {
			reg := state.NewRegistry()
			reg.Put(store(t, s, state.Config{Name: "statestore"}))
			gs, err := apigrpc.NewServer(apigrpc.Options{Services: new(sidecar).services(reg), Addresses: []string{"127.0.0.1:0"}})
			if err != nil {
				t.Fatal(err)
			}
			return running{gs, func() error {
				conn, err := grpc.NewClient(gs.Addrs()[0].String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
				if err != nil {
					return err
				}
				defer conn.Close()
				_, err = runtimev1.NewDaprClient(conn).GetState(context.Background(), &runtimev1.GetStateRequest{StoreName: "statestore", Key: "k"})
				return err
			}}
		},
	}
	for name, make := range over {
		for _, finishes := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " finishes", false: " is cut off"}[finishes], func(t *testing.T) {
				s := newSlow()
				r := make(t, s)
				if err := r.Listen(); err != nil {
					t.Fatal(err)
				}
				served, called, stopped := newResult(), newResult(), newResult()
				go func() { served <- r.Serve() }()
				go func() { called <- r.call() }()
				<-s.entered
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				go func() { stopped <- r.Shutdown(ctx) }()
				// New calls are refused while the old one runs: the listener is closed.
				refused(t, r.Addrs()[0])
				if finishes {
					close(s.release)
					if err := <-called; err != nil {
						t.Errorf("the call under way: %v", err)
					}
					if err := <-stopped; err != nil {
						t.Errorf("shutdown: %v", err)
					}
				} else {
					cancel()
					if err := <-stopped; !errors.Is(err, context.Canceled) {
						t.Errorf("shutdown: got %v, want that it was cut short", err)
					}
					if err := <-called; err == nil {
						t.Error("the call under way went well though it was cut off")
					}
				}
				if err := <-served; err != nil {
					t.Errorf("serve: %v", err)
				}
			})
		}
	}
}

func newResult() chan error { return make(chan error, 1) }

// refused waits until nobody listens on an address any more.
func refused(t *testing.T, a net.Addr) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial(a.Network(), a.String())
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("still listening")
		}
	}
}

// TestShutdownBeforeServe: the listeners are closed all the same.
func TestShutdownBeforeServe(t *testing.T) {
	sv := new(sidecar).services(state.NewRegistry())
	hs, err := apihttp.NewServer(apihttp.Options{Services: sv, Addresses: []string{"127.0.0.1:0"}, PublicAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := apigrpc.NewServer(apigrpc.Options{Services: sv, Addresses: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []server{hs, gs} {
		if err := s.Listen(); err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		refused(t, s.Addrs()[0])
	}
	refused(t, hs.PublicAddr())
}

// TestReady: until the sidecar is ready, calls wait, but not those that ask how it is.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := make(chan struct{})
		reg := state.NewRegistry()
		reg.Put(stores(t)[0])
		sc := &sidecar{outbound: true}
		s, err := apihttp.NewServer(apihttp.Options{Services: sc.services(reg), Ready: ready})
		if err != nil {
			t.Fatal(err)
		}
		// call starts a request and returns where its status will be; 0 is none yet.
		call := func(ctx context.Context, method, path string) *atomic.Int64 {
			var got atomic.Int64
			go func() {
				rec := httptest.NewRecorder()
				s.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(ctx, method, path, nil))
				got.Store(int64(rec.Code))
			}()
			synctest.Wait()
			return &got
		}
		for c, want := range map[string]int64{"GET /v1.0/healthz": 204, "GET /v1.0/healthz/outbound": 204, "GET /v1.0/metadata": 200, "PUT /v1.0/metadata/k": 204, "POST /v1.0/shutdown": 204} {
			method, path, _ := strings.Cut(c, " ")
			if got := call(t.Context(), method, path).Load(); got != want {
				t.Errorf("%s: got %d, want %d", c, got, want)
			}
		}
		ctx, leave := context.WithCancel(t.Context())
		gone := call(ctx, "GET", "/v1.0/state/statestore/k")
		waits := call(t.Context(), "GET", "/v1.0/state/statestore/k")
		if gone.Load() != 0 || waits.Load() != 0 {
			t.Errorf("got %d and %d before the sidecar was ready", gone.Load(), waits.Load())
		}
		leave() // a caller that goes away does not wait for ever
		synctest.Wait()
		if gone.Load() == 0 {
			t.Error("a call whose caller has gone still waits")
		}
		close(ready)
		synctest.Wait()
		if got := waits.Load(); got != 200 {
			t.Errorf("got %d once the sidecar was ready, want 200", got)
		}
	})
}

// hostile is a store that answers with what breaks a protocol's frame.
type hostile struct{ *mapStore }

func (hostile) Get(context.Context, *proto.GetRequest) (*proto.GetResponse, error) {
	return &proto.GetResponse{
		Data: []byte("1"), Etag: &proto.Etag{Value: "1\r\nX-Injected: etag"},
		Metadata: map[string]string{"a": "b\r\nX-Injected: value", "c\r\nX-Injected: name": "d", "": "e", "f g": "h"},
	}, nil
}

func TestHostileAnswer(t *testing.T) {
	sc := start(t, []*state.Store{store(t, hostile{newMapStore()}, state.Config{Name: "statestore"})}, settings{})
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	h2 := &http.Client{Transport: &http.Transport{Protocols: p}}
	defer h2.CloseIdleConnections()
	for name, c := range map[string]*http.Client{"HTTP/1.1": sc.client, "HTTP/2": h2} {
		sc.client = c
		a := sc.call(t, "GET", "/v1.0/state/statestore/k", "")
		if a.status != 200 || a.body != "1" || a.header.Get("X-Injected") != "" {
			t.Errorf("%s: got %s %v", name, a, a.header)
		}
		for k := range a.header {
			if strings.ContainsAny(k, " \r\n") {
				t.Errorf("%s: got header %q", name, k)
			}
		}
	}
}

// TestStoreSwap: while a store is replaced under traffic, no call fails.
func TestStoreSwap(t *testing.T) {
	m := newMapStore()
	reg := state.NewRegistry()
	reg.Put(store(t, m, state.Config{Name: "statestore"}))
	hs, err := apihttp.NewServer(apihttp.Options{Services: new(sidecar).services(reg), Addresses: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, hs)
	sc := &sidecar{httpURL: "http://" + hs.Addrs()[0].String(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	defer sc.client.CloseIdleConnections()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var calls atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			body := fmt.Sprintf(`[{"key":"k%d","value":%d}]`, i, i)
			for {
				select {
				case <-stop:
					return
				default:
				}
				save := sc.call(t, "POST", "/v1.0/state/statestore", body)
				get := sc.call(t, "GET", fmt.Sprintf("/v1.0/state/statestore/k%d", i), "")
				if save.status != 204 || get.status != 200 || get.body != fmt.Sprint(i) {
					t.Errorf("got %s and %s", save, get)
					return
				}
				calls.Add(2)
			}
		})
	}
	for calls.Load() < 500 && !t.Failed() {
		reg.Put(store(t, m, state.Config{Name: "statestore"}))
	}
	close(stop)
	wg.Wait()
}
