package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	components "github.com/dapr/dapr/pkg/proto/components/v1"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/plugins/manifest"
)

const pluginFile = "dist/plugins/state.in-memory.wasm"

// plugin reads the first-party in-memory store, as `make build` left it.
func plugin() (guest.Plugin, error) {
	b, err := os.ReadFile(pluginFile)
	if err != nil {
		return guest.Plugin{}, fmt.Errorf("%w; run make build", err)
	}
	m, err := manifest.Read(b)
	return guest.Plugin{Manifest: m, Wasm: b}, err
}

func cacheDir() string { return filepath.Join(".cache", "compiled") }

func load(eng engine.Engine) (*guest.Component, error) {
	p, err := plugin()
	if err != nil {
		return nil, err
	}
	return guest.Load(context.Background(), p, guest.Config{Name: "bench", Type: "state.in-memory", AppID: "bench", Engine: eng})
}

// sample is one operation's cost.
type sample struct {
	median time.Duration
	cpu    time.Duration // of all processes, per operation
}

// measure runs op n times, in rounds, and takes the best round's CPU and median:
// what disturbs a round only ever adds.
func measure(n int, others *process, op func() error) (sample, error) {
	best := sample{1 << 62, 1 << 62}
	times := make([]time.Duration, n)
	for range 5 {
		cpu := selfCPU()
		if others != nil {
			cpu += others.cpu()
		}
		for i := range times {
			start := time.Now()
			if err := op(); err != nil {
				return best, err
			}
			times[i] = time.Since(start)
		}
		used := selfCPU() - cpu
		if others != nil {
			used += others.cpu()
		}
		slices.Sort(times)
		best.median = min(best.median, times[n/2])
		best.cpu = min(best.cpu, used/time.Duration(n))
	}
	return best, nil
}

func benchCall(t *table) error {
	t.title = "One call to a component: Wasm in the sidecar, against gRPC on a Unix socket to another process"
	t.head = []string{"operation", "Wasm median", "Wasm CPU", "gRPC median", "gRPC CPU", "latency ratio", "CPU ratio"}
	eng, err := wazero.New(wazero.Options{CacheDir: cacheDir()})
	if err != nil {
		return err
	}
	defer eng.Close()
	c, err := load(eng)
	if err != nil {
		return err
	}
	ctx := context.Background()
	defer c.Close(ctx)
	st, _ := c.State()

	dir, err := os.MkdirTemp("", "berth-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := peer("component", "unix", filepath.Join(dir, "s"))
	if err != nil {
		return err
	}
	defer p.stop()
	cc, err := grpc.NewClient("unix://"+p.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer cc.Close()
	remote := components.NewStateStoreClient(cc)

	small, large := make([]byte, 128), make([]byte, 4096)
	put := func(k string, v []byte) (func() error, func() error) {
		return func() error { return st.Set(ctx, &proto.SetRequest{Key: k, Value: v}) },
			func() error {
				_, err := remote.Set(ctx, &components.SetRequest{Key: k, Value: v})
				return err
			}
	}
	get := func(k string, n int) (func() error, func() error) {
		return func() error {
				r, err := st.Get(ctx, &proto.GetRequest{Key: k})
				if err == nil && len(r.Data) != n {
					err = fmt.Errorf("got %d bytes, want %d", len(r.Data), n)
				}
				return err
			}, func() error {
				_, err := remote.Get(ctx, &components.GetRequest{Key: k})
				return err
			}
	}
	ping := func() (func() error, func() error) {
		return func() error { return c.Ping(ctx) }, func() error {
			_, err := remote.Ping(ctx, &components.PingRequest{})
			return err
		}
	}
	for _, op := range []struct {
		name         string
		wasm, remote func() error
	}{
		pair("empty call (ping)")(ping()),
		pair("set 128 B")(put("bench||small", small)),
		pair("get 128 B")(get("bench||small", len(small))),
		pair("set 4 KiB")(put("bench||large", large)),
		pair("get 4 KiB")(get("bench||large", len(large))),
	} {
		w, err := measure(20000, nil, op.wasm)
		if err != nil {
			return err
		}
		r, err := measure(4000, p, op.remote)
		if err != nil {
			return err
		}
		t.row(op.name, micros(w.median), micros(w.cpu), micros(r.median), micros(r.cpu),
			times(float64(r.median)/float64(w.median)), times(float64(r.cpu)/float64(w.cpu)))
	}
	t.notes = append(t.notes, "Goal for a get of 128 B: 30x in both.")
	return nil
}

type operation = struct {
	name         string
	wasm, remote func() error
}

func pair(name string) func(wasm, remote func() error) operation {
	return func(wasm, remote func() error) operation { return operation{name, wasm, remote} }
}
