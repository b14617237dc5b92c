//go:build wasmtime && cgo

package wasmtime

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ticks atomic.Int64
		c := clock{tick: func() { ticks.Add(1) }}
		during := func(d time.Duration) int64 {
			before := ticks.Load()
			time.Sleep(d)
			synctest.Wait()
			return ticks.Load() - before
		}
		if got := during(time.Second); got != 0 {
			t.Errorf("got %d ticks before the first call, want 0", got)
		}
		for range 2 { // it starts again
			c.enter()
			c.enter()
			if got := during(50 * epoch); got != 50 {
				t.Errorf("got %d ticks in 50 epochs of a call, want 50", got)
			}
			c.leave()
			if got := during(50 * epoch); got != 50 {
				t.Errorf("got %d ticks in 50 epochs of the other call, want 50", got)
			}
			c.leave()
			if got := during((idleEpochs / 2) * epoch); got != 0 {
				t.Errorf("got %d ticks without a call, want 0", got)
			}
			if !c.running.Load() {
				t.Error("the goroutine ended too early to serve the next call")
			}
			if during(idleEpochs * epoch); c.running.Load() {
				t.Error("the goroutine runs on without calls")
			}
		}
		c.enter()
		c.close()
		if got := during(50 * epoch); got != 0 {
			t.Errorf("got %d ticks after close, want 0", got)
		}
		c.leave()
		c.enter() // a call too late starts nothing: synctest would find it
		c.leave()
	})
}
