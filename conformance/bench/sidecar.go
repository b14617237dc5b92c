package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	commonv1 "github.com/dapr/dapr/pkg/proto/common/v1"
	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
)

const (
	valueBytes = 256
	keyCount   = 1000
)

const storeYAML = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec: {type: state.in-memory, version: v1}
`

// startSidecar runs bin/berthd with one in-memory store and waits until it is healthy.
func startSidecar(dir string) (p *process, httpAddr, grpcAddr string, err error) {
	if err := os.WriteFile(filepath.Join(dir, "store.yaml"), []byte(storeYAML), 0o600); err != nil {
		return nil, "", "", err
	}
	port := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "0"
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}
	h, g := port(), port()
	cmd := exec.Command("bin/berthd", "--app-id", "bench", "--resources-path", dir, "--dapr-http-port", h, "--dapr-grpc-port", g,
		"--dapr-internal-grpc-port", port(), "--dapr-listen-addresses", "127.0.0.1", "--enable-metrics=false", "--log-level", "error")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, "", "", err
	}
	p = &process{cmd: cmd}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		resp, err := http.Get("http://127.0.0.1:" + h + "/v1.0/healthz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusNoContent {
				return p, "127.0.0.1:" + h, "127.0.0.1:" + g, nil
			}
		}
	}
	p.stop()
	return nil, "", "", fmt.Errorf("berthd is not healthy after a minute")
}

// target is one server under load.
type target struct {
	p         *process
	addr      string
	get, save func(key int) []byte // HTTP requests
	saveWant  string
}

func request(method, path, body string) []byte {
	r := method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n"
	if body != "" {
		r += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(r + "\r\n" + body)
}

func benchSidecar(t *table) error {
	t.title = "The whole sidecar, against a bare Go server over a map (256 B values, 1000 keys; medians of 3 rounds, taken in turns)"
	t.head = []string{"work", "callers", "sidecar req/s", "p50", "p99", "CPU/req", "bare req/s", "bare CPU/req", "share"}
	dir, err := os.MkdirTemp("", "berth-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sidecar, httpAddr, grpcAddr, err := startSidecar(dir)
	if err != nil {
		return err
	}
	defer sidecar.stop()
	bareHTTP, err := peer("http", "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer bareHTTP.stop()
	bareGRPC, err := peer("grpc", "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer bareGRPC.stop()

	value := `"` + strings.Repeat("x", valueBytes-2) + `"`
	key := func(k int) string { return fmt.Sprintf("key-%04d", k) }
	ours := &target{p: sidecar, addr: httpAddr, saveWant: "204",
		get: func(k int) []byte { return request("GET", "/v1.0/state/statestore/"+key(k), "") },
		save: func(k int) []byte {
			return request("POST", "/v1.0/state/statestore", `[{"key":"`+key(k)+`","value":`+value+`}]`)
		}}
	bare := &target{p: bareHTTP, addr: bareHTTP.addr, saveWant: "204",
		get:  func(k int) []byte { return request("GET", "/"+key(k), "") },
		save: func(k int) []byte { return request("POST", "/"+key(k), value) }}
	for _, s := range []*target{ours, bare} { // every key exists before it is read
		c, err := dialHTTP(s.addr)
		if err != nil {
			return err
		}
		for k := range keyCount {
			if err := c.do(s.save(k), s.saveWant); err != nil {
				return err
			}
		}
		c.conn.Close()
	}
	for _, work := range []string{"get", "save"} {
		for _, n := range []int{1, 16, 64} {
			if err := versus(t, "HTTP "+work, n, sidecar, bareHTTP,
				func(i int) (func() error, func(), error) { return ours.caller(work, i) },
				func(i int) (func() error, func(), error) { return bare.caller(work, i) }); err != nil {
				return err
			}
		}
	}
	for _, work := range []string{"get", "save"} {
		for _, n := range []int{1, 16, 64} {
			a, err := grpcCalls(grpcAddr, work, value)
			if err != nil {
				return err
			}
			b, err := grpcCalls(bareGRPC.addr, work, value)
			if err != nil {
				return err
			}
			if err := versus(t, "gRPC "+work, n, sidecar, bareGRPC, a, b); err != nil {
				return err
			}
		}
	}
	t.notes = append(t.notes, "Goal at 16 callers over HTTP: 0.60 for get, 0.50 for save. A sidecar with native components: 0.41 and 0.31.")
	return nil
}

func (s *target) caller(work string, i int) (func() error, func(), error) {
	c, err := dialHTTP(s.addr)
	if err != nil {
		return nil, nil, err
	}
	requests, want := make([][]byte, keyCount), "200"
	for k := range requests {
		requests[k] = s.get(k)
		if work == "save" {
			requests[k], want = s.save(k), s.saveWant
		}
	}
	n := i * 37
	return func() error {
		n++
		return c.do(requests[n%keyCount], want)
	}, func() { c.conn.Close() }, nil
}

func grpcCalls(addr, work, value string) (func(int) (func() error, func(), error), error) {
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	client := runtimev1.NewDaprClient(cc)
	ctx := context.Background()
	do := func(k int) error {
		key := fmt.Sprintf("key-%04d", k)
		if work == "get" {
			_, err := client.GetState(ctx, &runtimev1.GetStateRequest{StoreName: "statestore", Key: key})
			return err
		}
		_, err := client.SaveState(ctx, &runtimev1.SaveStateRequest{StoreName: "statestore",
			States: []*commonv1.StateItem{{Key: key, Value: []byte(value)}}})
		return err
	}
	for k := range keyCount {
		if err := do(k); err != nil {
			return nil, err
		}
	}
	return func(i int) (func() error, func(), error) {
		n := i * 37
		return func() error { n++; return do(n % keyCount) }, func() {}, nil
	}, nil
}

// versus loads both in turns and adds a row with the medians.
func versus(t *table, work string, n int, a, b *process, opA, opB func(int) (func() error, func(), error)) error {
	var as, bs []result
	var shares []float64
	for range 3 {
		ra, err := drive(n, a, opA)
		if err != nil {
			return fmt.Errorf("%s: %w", work, err)
		}
		rb, err := drive(n, b, opB)
		if err != nil {
			return fmt.Errorf("%s, bare: %w", work, err)
		}
		as, bs, shares = append(as, ra), append(bs, rb), append(shares, ra.rate/rb.rate)
	}
	byRate := func(x, y result) int { return int(x.rate - y.rate) }
	slices.SortFunc(as, byRate)
	slices.SortFunc(bs, byRate)
	slices.Sort(shares)
	t.row(work, n, fmt.Sprintf("%.0f", as[1].rate), micros(as[1].p50), micros(as[1].p99), micros(as[1].cpu),
		fmt.Sprintf("%.0f", bs[1].rate), micros(bs[1].cpu), fmt.Sprintf("%.2f", shares[1]))
	return nil
}
