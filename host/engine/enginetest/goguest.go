package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/sandbox"
)

// testGo runs a guest of the standard Go toolchain over the real sandbox.
func (s *suite) testGo(t *testing.T) {
	sb := sandbox.New(sandbox.Config{Component: "goguest"})
	t.Cleanup(sb.Close)
	m := compileConfig(t, s.engine(t), engine.Config{Name: "goguest", Wasm: BuildGo(t, goGuest), Functions: sb.Functions()})
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
			isInterrupt(t, err, engine.ErrDeadline)
			if took := time.Since(start); took > generous {
				t.Errorf("stopped after %v", took)
			}
		})
	}
	t.Run("sleeps past its deadline", func(t *testing.T) {
		_, err := g.start(t).invoke(30*time.Millisecond, "sleep", 3600_000)
		isInterrupt(t, err, engine.ErrDeadline)
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
		snap := snapshot(t, m, in.in)
		var wg sync.WaitGroup
		errs := make(chan error, 50)
		for range 50 {
			c := &goInstance{clone(t, snap), sb.NewInstance()}
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
	c := newCall(t.Context(), generous)
	c.Host = state
	in, err := g.m.Instantiate(c)
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

func (i *goInstance) invoke(d time.Duration, name string, args ...uint64) (uint64, error) {
	c := newCall(context.Background(), d)
	c.Host = i.state
	return invokeCall(i.in, c, name, args...)
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
