package enginetest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/berth-run/berth/host/engine"
)

func isInterrupt(t *testing.T, err, cause error) {
	t.Helper()
	var stop *engine.InterruptError
	if !errors.As(err, &stop) || !errors.Is(err, cause) {
		t.Errorf("got %T %v, want an InterruptError for %v", err, err, cause)
	}
}

// endless are the exports of loops.wat.
var endless = []string{
	"empty", "count", "conditional", "table", "nested", "inner", "if_loop", "store", "call_leaf", "call_indirect", "call_host",
	"fib", "tree", "tail", "tail_mutual", "tail_indirect", "fill", "copy", "init", "table_fill", "table_copy", "grow_nothing",
}

func (s *suite) testInterrupt(t *testing.T) {
	m := compile(t, s.engine(t), "loops")
	for _, name := range endless {
		t.Run(name, func(t *testing.T) {
			t.Run("deadline", func(t *testing.T) {
				c := newCall(t.Context(), 20*time.Millisecond)
				stops(t, m, c, name, engine.ErrDeadline)
				if m.Info().MeterChecks > 0 && c.Exits == 0 {
					t.Error("no units of computing were counted")
				}
			})
			t.Run("cancelled", func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(10*time.Millisecond, cancel)
				stops(t, m, &engine.Call{Context: ctx}, name, engine.ErrCanceled)
			})
		})
	}
	t.Run("context's deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		stops(t, m, &engine.Call{Context: ctx}, "empty", engine.ErrDeadline)
	})
	t.Run("deadline that has passed", func(t *testing.T) {
		stops(t, m, newCall(t.Context(), -time.Second), "empty", engine.ErrDeadline)
	})
	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		stops(t, m, &engine.Call{Context: ctx}, "empty", engine.ErrCanceled)
	})
	t.Run("grace", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		stops(t, m, &engine.Call{Context: ctx, Grace: 30 * time.Millisecond}, "empty", engine.ErrCanceled)
		if took := time.Since(start); took < 30*time.Millisecond {
			t.Errorf("stopped after %v, before its grace of 30ms", took)
		}
	})
	t.Run("not before its deadline", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		c := newCall(ctx, 30*time.Millisecond)
		c.Grace = -1
		stops(t, m, c, "empty", engine.ErrDeadline)
		if took := time.Since(start); took < 30*time.Millisecond {
			t.Errorf("stopped after %v, before its deadline of 30ms", took)
		}
	})
	t.Run("one processor", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		for _, name := range []string{"empty", "fib", "call_host"} {
			stops(t, m, newCall(t.Context(), 20*time.Millisecond), name, engine.ErrDeadline)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			stops(t, m, &engine.Call{Context: ctx}, name, engine.ErrDeadline)
			cancel()
		}
	})
	t.Run("work that ends is not interrupted", func(t *testing.T) {
		in := instantiate(t, compile(t, s.engine(t), "basic"))
		for range 1000 {
			want(t, in, 0, "fill", 0, 0, page)
		}
	})
}

// stops runs an endless export and expects it to be stopped because of cause.
func stops(t *testing.T, m engine.Module, c *engine.Call, name string, cause error) {
	t.Helper()
	in, err := m.Instantiate(newCall(t.Context(), generous))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = invokeCall(in, c, name)
	isInterrupt(t, err, cause)
	if took := time.Since(start); took > generous {
		t.Errorf("%s stopped after %v", name, took)
	}
	if err := in.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// testSpinning has guests spin while the host collects garbage and serves
// others. Code that a scheduler cannot preempt would hold up both until it
// ends; these guests only end when the test is done with that.
func (s *suite) testSpinning(t *testing.T) {
	e := s.engine(t)
	loops, basic := compile(t, e, "loops"), compile(t, e, "basic")
	for _, procs := range []int{runtime.GOMAXPROCS(0), 1} {
		for _, name := range []string{"empty", "fib", "fill", "store", "call_leaf"} {
			t.Run(name, func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				in, other := instantiate(t, loops), instantiate(t, basic)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					c := newCall(ctx, generous)
					_, err := invokeCall(in, c, name)
					done <- err
				}()
				for n := range uint64(3) {
					runtime.GC()
					want(t, other, n+1, "count")
				}
				select {
				case err := <-done:
					t.Errorf("the guest ended first: %v", err)
				default:
					cancel()
					isInterrupt(t, <-done, engine.ErrCanceled)
				}
				cancel()
			})
		}
	}
}
