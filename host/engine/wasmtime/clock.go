//go:build wasmtime && cgo

package wasmtime

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// epoch is how often a running guest is asked whether it may go on. Each
	// time costs it about a microsecond.
	epoch = time.Millisecond
	// idleEpochs is how many epochs without a call end the goroutine, so that
	// an idle process does not wake up. Starting it again costs a call a
	// microsecond, and should not happen to each one.
	idleEpochs = 100
)

// clock advances the engine's epoch while calls run. Its goroutine belongs to
// the clock, and close waits for it.
type clock struct {
	tick    func()
	calls   atomic.Int64
	running atomic.Bool // whether there is a goroutine

	mu     sync.Mutex // guards the start and the end of the goroutine
	stop   chan struct{}
	done   chan struct{}
	closed bool
}

// enter is called before a guest runs, leave after it.
func (c *clock) enter() {
	c.calls.Add(1)
	if !c.running.Load() {
		c.start()
	}
}

func (c *clock) leave() { c.calls.Add(-1) }

func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.running.Load() {
		return
	}
	c.stop, c.done = make(chan struct{}), make(chan struct{})
	c.running.Store(true)
	go c.run(c.stop, c.done)
}

func (c *clock) run(stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	t := time.NewTicker(epoch)
	defer t.Stop()
	for idle := 0; ; {
		select {
		case <-t.C:
		case <-stop:
			return
		}
		if c.calls.Load() > 0 {
			idle = 0
			c.tick()
		} else if idle++; idle >= idleEpochs && c.end() {
			return
		}
	}
}

// end reports whether the goroutine may end: then the next call starts another.
// A call counts itself before it looks for the goroutine, and end gives up the
// goroutine before it looks for calls, so that one of them sees the other.
func (c *clock) end() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running.Store(false)
	if c.calls.Load() > 0 {
		c.running.Store(true)
		return false
	}
	return true
}

func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	done := c.done
	if c.running.Load() {
		close(c.stop)
	}
	c.mu.Unlock()
	if done != nil {
		<-done
	}
}
