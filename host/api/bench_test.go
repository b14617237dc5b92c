package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	commonv1 "github.com/dapr/dapr/pkg/proto/common/v1"
	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"github.com/berth-run/berth/abi/proto"
	apihttp "github.com/berth-run/berth/host/api/http"
	"github.com/berth-run/berth/host/state"
)

// callers is how many connections the benchmarks keep busy.
const callers = 16

// value is what is stored: 256 bytes, as in the figures of the peers.
var value = `{"v":"` + strings.Repeat("x", 248) + `"}`

// caller is a client over one connection that costs little, so that what is
// measured is the server.
type caller struct {
	conn net.Conn
	r    *textproto.Reader
	buf  *bufio.Reader
}

func (c *caller) do(req []byte) error {
	if _, err := c.conn.Write(req); err != nil {
		return err
	}
	line, err := c.r.ReadLine()
	if err != nil {
		return err
	}
	if len(line) < 12 || line[9] != '2' {
		return fmt.Errorf("got %q", line)
	}
	length := 0
	for {
		l, err := c.r.ReadLineBytes()
		if err != nil {
			return err
		}
		if len(l) == 0 {
			break
		}
		if v, ok := strings.CutPrefix(string(l), "Content-Length: "); ok {
			if _, err := fmt.Sscan(v, &length); err != nil {
				return err
			}
		}
	}
	_, err = c.buf.Discard(length)
	return err
}

// load sends request i of each caller until the benchmark ends.
func load(b *testing.B, addr string, request func(i int) []byte) {
	b.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	conns := make([]*caller, callers)
	for i := range conns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		buf := bufio.NewReader(conn)
		conns[i] = &caller{conn, textproto.NewReader(buf), buf}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i, c := range conns {
		req := request(i)
		wg.Go(func() {
			for n.Add(1) <= int64(b.N) {
				if err := c.do(req); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func getRequest(i int) []byte {
	return fmt.Appendf(nil, "GET /v1.0/state/statestore/key%d HTTP/1.1\r\nHost: localhost\r\n\r\n", i)
}

func saveRequest(i int) []byte {
	body := fmt.Sprintf(`[{"key":"key%d","value":%s}]`, i, value)
	return fmt.Appendf(nil, "POST /v1.0/state/statestore HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// BenchmarkHTTP compares the sidecar with a bare echo server of net/http,
// under the same load in the same run.
func BenchmarkHTTP(b *testing.B) {
	echo := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, value)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = echo.Serve(l) }()
	b.Cleanup(func() { echo.Close(); <-done })

	wasm := start(b, []*state.Store{store(b, inMemory(b, "statestore"), state.Config{Name: "statestore"})}, settings{})
	native := start(b, []*state.Store{store(b, newMapStore(), state.Config{Name: "statestore"})}, settings{})
	addr := func(s *sidecar) string { return strings.TrimPrefix(s.httpURL, "http://") }

	b.Run("echo get", func(b *testing.B) { load(b, l.Addr().String(), getRequest) })
	b.Run("echo save", func(b *testing.B) { load(b, l.Addr().String(), saveRequest) })
	b.Run("map save", func(b *testing.B) { load(b, addr(native), saveRequest) })
	b.Run("map get", func(b *testing.B) { load(b, addr(native), getRequest) })
	b.Run("wasm save", func(b *testing.B) { load(b, addr(wasm), saveRequest) })
	b.Run("wasm get", func(b *testing.B) { load(b, addr(wasm), getRequest) })
}

// BenchmarkGRPC does the same over gRPC, on one connection.
func BenchmarkGRPC(b *testing.B) {
	wasm := start(b, []*state.Store{store(b, inMemory(b, "statestore"), state.Config{Name: "statestore"})}, settings{})
	native := start(b, []*state.Store{store(b, newMapStore(), state.Config{Name: "statestore"})}, settings{})
	ctx := context.Background()
	get := func(dapr runtimev1.DaprClient, i int) error {
		_, err := dapr.GetState(ctx, &runtimev1.GetStateRequest{StoreName: "statestore", Key: fmt.Sprintf("key%d", i)})
		return err
	}
	save := func(dapr runtimev1.DaprClient, i int) error {
		_, err := dapr.SaveState(ctx, &runtimev1.SaveStateRequest{StoreName: "statestore",
			States: []*commonv1.StateItem{{Key: fmt.Sprintf("key%d", i), Value: []byte(value)}}})
		return err
	}
	for _, c := range []struct {
		name string
		sc   *sidecar
		do   func(runtimev1.DaprClient, int) error
	}{{"map save", native, save}, {"map get", native, get}, {"wasm save", wasm, save}, {"wasm get", wasm, get}} {
		b.Run(c.name, func(b *testing.B) {
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			for i := range callers {
				wg.Go(func() {
					for n.Add(1) <= int64(b.N) {
						if err := c.do(c.sc.dapr, i); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// mapStore is the least that a store can be, to see what the servers cost without one.
type mapStore struct {
	state.Client // nil: nothing else is called
	mu           sync.RWMutex
	items        map[string][]byte
}

func newMapStore() *mapStore { return &mapStore{items: map[string][]byte{}} }

func (*mapStore) Has(string) bool { return false }

func (m *mapStore) Get(_ context.Context, req *proto.GetRequest) (*proto.GetResponse, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return &proto.GetResponse{Data: m.items[req.Key], Etag: &proto.Etag{Value: "1"}}, nil
}

func (m *mapStore) Set(_ context.Context, req *proto.SetRequest) error {
	v := append([]byte(nil), req.Value...) // the request's own is used again
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[req.Key] = v
	return nil
}

// BenchmarkHandler measures what the API adds to net/http: all of a request
// but the connection.
func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct {
		name  string
		store state.Client
	}{{"map", newMapStore()}, {"wasm", inMemory(b, "statestore")}} {
		reg := state.NewRegistry()
		reg.Put(store(b, c.store, state.Config{Name: "statestore"}))
		s, err := apihttp.NewServer(apihttp.Options{Services: new(sidecar).services(reg)})
		if err != nil {
			b.Fatal(err)
		}
		h := s.Handler()
		body := fmt.Sprintf(`[{"key":"key1","value":%s}]`, value)
		rd := strings.NewReader(body)
		save := httptest.NewRequest("POST", "/v1.0/state/statestore", rd)
		get := httptest.NewRequest("GET", "/v1.0/state/statestore/key1", nil)
		w := discard{http.Header{}}
		b.Run(c.name+" save", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rd.Reset(body)
				h.ServeHTTP(w, save)
			}
		})
		b.Run(c.name+" get", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, get)
			}
		})
	}
}
