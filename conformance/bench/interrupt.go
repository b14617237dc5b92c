package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/pool"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/sandbox"
)

// loopGuest is a store whose key "loop" never returns.
const loopGuest = "host/engine/pool/testdata/guest"

type sandboxHost struct{ s *sandbox.Sandbox }

func (h sandboxHost) NewInstance() pool.State { return h.s.NewInstance() }

func benchInterrupt(t *table) error {
	t.title = "Guests that do not return"
	t.head = []string{"what", "p50", "p99 / max"}
	dir, err := os.MkdirTemp("", "berth-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	wasm, err := buildGuest(loopGuest, filepath.Join(dir, "guest.wasm"))
	if err != nil {
		return err
	}
	eng, err := wazero.New(wazero.Options{CacheDir: cacheDir()})
	if err != nil {
		return err
	}
	defer eng.Close()
	sb := sandbox.New(sandbox.Config{Component: "bench"})
	defer sb.Close()
	m, err := eng.Compile(context.Background(), engine.Config{Name: "bench", Wasm: wasm, Functions: sb.Functions()})
	if err != nil {
		return err
	}
	defer m.Close()
	p, err := pool.New(context.Background(), pool.Config{Name: "bench", Module: m, Host: sandboxHost{sb}, Init: &proto.InitRequest{ComponentType: "state.bench"}})
	if err != nil {
		return err
	}
	defer p.Close(context.Background())

	loop := func(limit time.Duration) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		deadline, _ := ctx.Deadline()
		err := p.Call(ctx, abi.OpStateGet, &proto.GetRequest{Key: "loop"}, nil)
		late := time.Since(deadline)
		var backoff *pool.BackoffError
		if errors.As(err, &backoff) { // the loops before count as crashes
			time.Sleep(time.Until(backoff.Until))
			return -1, nil
		}
		if !errors.Is(err, engine.ErrDeadline) {
			return 0, fmt.Errorf("the loop ended with %v", err)
		}
		return late, nil
	}
	var late []time.Duration
	for len(late) < 100 {
		if err := p.Call(context.Background(), abi.OpPing, nil, nil); err != nil {
			var backoff *pool.BackoffError
			if !errors.As(err, &backoff) {
				return err
			}
			time.Sleep(time.Until(backoff.Until))
			continue
		}
		d, err := loop(5 * time.Millisecond)
		if err != nil {
			return err
		}
		if d >= 0 {
			late = append(late, d)
		}
	}
	slices.Sort(late)
	t.row("an endless Go loop ends after its deadline by", millis(late[len(late)/2]), millis(late[len(late)*99/100]))

	var stalls []time.Duration
	for range 5 {
		if err := p.Call(context.Background(), abi.OpPing, nil, nil); err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			_, err := loop(900 * time.Millisecond)
			done <- err
		}()
		worst, last := time.Duration(0), time.Now()
		tick := time.NewTicker(time.Millisecond)
		collect := time.AfterFunc(300*time.Millisecond, runtime.GC)
		running := true
		for running {
			select {
			case <-tick.C:
				worst = max(worst, time.Since(last))
				last = time.Now()
			case err := <-done:
				if err != nil {
					return err
				}
				running = false
			}
		}
		tick.Stop()
		collect.Stop()
		stalls = append(stalls, worst)
	}
	slices.Sort(stalls)
	t.row("longest stall of the host while a guest spins and the host collects garbage", millis(stalls[len(stalls)/2]), millis(stalls[len(stalls)-1]))
	t.notes = append(t.notes, "Goals: 10 ms after the deadline; a stall under 20 ms.")
	return nil
}

func buildGuest(dir, out string) ([]byte, error) {
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the guest in %s: %w\n%s", dir, err, msg)
	}
	return os.ReadFile(out)
}
