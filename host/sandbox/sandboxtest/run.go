// Package sandboxtest runs guests of the standard Go toolchain over the real
// sandbox, on an engine: their runtime is the most demanding caller of WASI that
// Berth has. An engine's own tests call it beside enginetest.Run:
//
//	sandboxtest.Run(t, func(t *testing.T, cacheDir string) engine.Engine { ... })
//
// The guest is testdata/goguest, built when the test runs.
package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/sandbox"
)

// generous bounds what takes milliseconds, on a machine that has other work.
const generous = 20 * time.Second

const goGuest = "github.com/berth-run/berth/host/sandbox/sandboxtest/testdata/goguest"

// Run runs all tests. newEngine returns an engine that keeps compiled code in
// cacheDir, or none when that is "". Run closes it.
func Run(t *testing.T, newEngine func(t *testing.T, cacheDir string) engine.Engine) {
	e := newEngine(t, "")
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing engine: %v", err)
		}
	})
	sb := sandbox.New(sandbox.Config{Component: "goguest"})
	t.Cleanup(sb.Close)
	m, err := e.Compile(t.Context(), engine.Config{Name: "goguest", Wasm: build(t), Functions: sb.Functions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("closing module: %v", err)
		}
	})
	g := goTest{m, sb}

	t.Run("computes", func(t *testing.T) {
		in := g.start(t)
		for _, n := range []int32{0, 1, 1000, 20_000} {
			got, err := in.invoke(generous, "work", uint64(n))
			if want := work(n); err != nil || int64(got) != want {
				t.Errorf("work(%d): got %d, %v, want %d", n, int64(got), err, want)
			}
		}
		got, err := in.invoke(generous, "sleep", 20)
		if err != nil || got < 20 {
			t.Errorf("sleep(20): got %d ms, %v", got, err)
		}
	})
	for _, name := range []string{"spin", "spin_select", "spin_host", "spin_alloc"} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := g.start(t).invoke(30*time.Millisecond, name)
			interrupted(t, err)
			if took := time.Since(start); took > generous {
				t.Errorf("stopped after %v", took)
			}
		})
	}
	t.Run("sleeps past its deadline", func(t *testing.T) {
		_, err := g.start(t).invoke(30*time.Millisecond, "sleep", 3600_000)
		interrupted(t, err)
	})
	t.Run("deadlock", func(t *testing.T) {
		in := g.start(t)
		_, err := in.invoke(generous, "block")
		died(t, err, in.state.Output(), "all goroutines are asleep - deadlock!")
	})
	t.Run("panic", func(t *testing.T) {
		in := g.start(t)
		_, err := in.invoke(generous, "crash")
		died(t, err, in.state.Output(), "panic: a bug in the guest")
	})
	t.Run("exit", func(t *testing.T) {
		_, err := g.start(t).invoke(generous, "exit", 3)
		var exit *engine.ExitError
		if !errors.As(err, &exit) || exit.Code != 3 {
			t.Errorf("got %T %v, want exit code 3", err, err)
		}
	})
	t.Run("clones", func(t *testing.T) {
		in := g.start(t)
		for n := range uint64(3) {
			if got, err := in.invoke(generous, "increment"); err != nil || got != n+1 {
				t.Fatalf("increment: got %d, %v, want %d", got, err, n+1)
			}
		}
		snap, err := m.Snapshot(in.in)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skipf("no snapshots: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		var wg sync.WaitGroup
		errs := make(chan error, 50)
		for range 50 {
			cloned, err := snap.Clone()
			if err != nil {
				t.Fatal(err)
			}
			closeLater(t, cloned)
			c := &goInstance{cloned, sb.NewInstance()}
			wg.Go(func() {
				for n := range uint64(100) {
					if got, err := c.invoke(generous, "increment"); err != nil || got != n+4 {
						errs <- fmt.Errorf("increment in a clone: got %d, %v, want %d", got, err, n+4)
						return
					}
				}
				if got, err := c.invoke(generous, "work", 1000); err != nil || int64(got) != work(1000) {
					errs <- fmt.Errorf("work in a clone: got %d, %v", got, err)
				}
				if got, err := c.invoke(generous, "sleep", 5); err != nil || got < 5 {
					errs <- fmt.Errorf("sleep in a clone: got %d ms, %v", got, err)
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			t.Error(err)
		}
		if got, err := in.invoke(generous, "increment"); err != nil || got != 4 {
			t.Errorf("increment in the original: got %d, %v, want 4", got, err)
		}
	})
}

type goTest struct {
	m  engine.Module
	sb *sandbox.Sandbox
}

type goInstance struct {
	in    engine.Instance
	state *sandbox.Instance
}

// start makes an instance and initialises its runtime.
func (g goTest) start(t *testing.T) *goInstance {
	t.Helper()
	state := g.sb.NewInstance()
	in, err := g.m.Instantiate(&engine.Call{Context: t.Context(), Deadline: time.Now().Add(generous).UnixNano(), Host: state})
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, in)
	i := &goInstance{in, state}
	if _, err := i.invoke(generous, abi.ExportInitialize); err != nil {
		t.Fatalf("%v\n%s", err, state.Output())
	}
	return i
}

// invoke calls an export of one parameter at most, with a deadline after d.
func (i *goInstance) invoke(d time.Duration, name string, arg ...uint64) (uint64, error) {
	f := i.in.Func(name)
	if f == nil {
		return 0, errors.New("test: no export " + name)
	}
	stack := make([]uint64, 1)
	copy(stack, arg)
	err := f.Call(&engine.Call{Context: context.Background(), Deadline: time.Now().Add(d).UnixNano(), Host: i.state}, stack)
	return stack[0], err
}

func closeLater(t *testing.T, in engine.Instance) {
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Errorf("closing instance: %v", err)
		}
	})
}

// interrupted checks that a guest was stopped at its deadline.
func interrupted(t *testing.T, err error) {
	t.Helper()
	var stop *engine.InterruptError
	if !errors.As(err, &stop) || !errors.Is(err, engine.ErrDeadline) {
		t.Errorf("got %T %v, want an InterruptError for the deadline", err, err)
	}
}

// died checks that a Go program crashed and said why: it traps or exits.
func died(t *testing.T, err error, output, message string) {
	t.Helper()
	var trap *engine.TrapError
	var exit *engine.ExitError
	if !errors.As(err, &trap) && !errors.As(err, &exit) {
		t.Errorf("got %T %v, want a trap or an exit", err, err)
	}
	if !strings.Contains(output, message) {
		t.Errorf("got output %q, want %q in it", output, message)
	}
}

// work is the guest's function of that name.
func work(n int32) int64 {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%08d", uint32(i)*2654435761))
	}
	sort.Strings(list)
	sum := int64(0)
	for i, s := range list {
		sum = sum*31 + int64(s[i%8])
	}
	return sum
}

// build builds the guest.
func build(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, goGuest)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", goGuest, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
