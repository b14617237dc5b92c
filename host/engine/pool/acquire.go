package pool

import (
	"context"
	"time"

	"github.com/berth-run/berth/host/engine"
)

const (
	// freeRestarts is how many instances may fail in a row before the pool
	// waits; the delay then doubles from minBackoff to maxBackoff.
	freeRestarts = 3
	minBackoff   = 10 * time.Millisecond
	maxBackoff   = 5 * time.Second
	// patience is how often a waiter may be overtaken before it is handed an
	// instance. Overtaking keeps a running goroutine running, which is what
	// makes short calls on one instance fast.
	patience = 3
)

// acquire borrows an instance, or starts one, or waits for one.
func (p *Pool) acquire(ctx context.Context, deadline int64) (*instance, error) {
	var w *waiter
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, ErrClosed
		}
		if n := len(p.free); n > 0 {
			i := p.free[n-1]
			p.free[n-1] = nil
			p.free = p.free[:n-1]
			p.mu.Unlock()
			return i, nil
		}
		if p.total < p.cfg.MaxInstances {
			if wait := time.Until(p.retryAt); p.crashes >= freeRestarts && wait > 0 {
				if p.total == 0 {
					err := &BackoffError{p.retryAt, p.lastErr}
					p.mu.Unlock()
					return nil, err
				}
			} else {
				p.total++
				p.nextID++
				id := p.nextID
				p.mu.Unlock()
				return p.grow(ctx, id)
			}
		}
		if w == nil {
			if p.waiters.len() >= p.cfg.MaxQueue {
				p.mu.Unlock()
				return nil, ErrQueueFull
			}
			w = &waiter{ch: make(chan *instance, 1)}
			p.waiters.push(w)
		} else {
			w.overtaken++
			p.waiters.pushFront(w)
		}
		p.mu.Unlock()
		i, err := p.wait(ctx, deadline, w)
		if i != nil || err != nil {
			return i, err
		}
	}
}

// grow starts an instance whose place in total is taken already.
func (p *Pool) grow(ctx context.Context, id uint64) (*instance, error) {
	i, err := p.start(ctx, id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.total--
		if p.closed && p.total == 0 {
			p.finish()
		}
		p.failed(err)
		p.waiters.wake()
		return nil, err
	}
	if p.crashes > 0 {
		p.stats.Restarts++
	}
	return i, nil
}

// wait returns an instance, or an error, or neither: then the caller looks again.
func (p *Pool) wait(ctx context.Context, deadline int64, w *waiter) (*instance, error) {
	timer := time.NewTimer(time.Until(time.Unix(0, deadline)))
	defer timer.Stop()
	var err error
	select {
	case i := <-w.ch:
		return i, nil
	case <-ctx.Done():
		err = engine.ErrCanceled
		if ctx.Err() == context.DeadlineExceeded {
			err = engine.ErrDeadline
		}
	case <-timer.C:
		err = engine.ErrDeadline
	}
	p.mu.Lock()
	removed := p.waiters.remove(w)
	p.mu.Unlock()
	if !removed { // somebody chose w meanwhile: pass on what it was given
		if i := <-w.ch; i != nil {
			p.put(i)
		} else {
			p.mu.Lock()
			p.waiters.wake()
			p.mu.Unlock()
		}
	}
	return nil, err
}

// release gives a borrowed instance back after a call that left it healthy.
func (p *Pool) release(i *instance, err error) {
	mem := uint64(len(i.in.Memory()))
	p.mu.Lock()
	p.stats.Calls++
	p.stats.FuelExits += i.ctx.Exits
	if err != nil {
		p.stats.Errors++
	}
	p.crashes = 0
	old := !p.cfg.Serial && (i.calls >= p.cfg.MaxCalls || p.cfg.MaxMemory > 0 && mem > p.cfg.MaxMemory)
	if old || p.closed {
		if old {
			p.stats.Recycled++
		}
		p.mu.Unlock()
		p.end(context.Background(), i)
		return
	}
	p.putLocked(i)
	p.mu.Unlock()
}

func (p *Pool) put(i *instance) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.end(context.Background(), i)
		return
	}
	p.putLocked(i)
	p.mu.Unlock()
}

// putLocked makes i free, and tells the first waiter, or hands it over to one
// that was overtaken too often. mu is held.
func (p *Pool) putLocked(i *instance) {
	if w := p.waiters.first(); w != nil {
		if w.overtaken >= patience {
			p.waiters.remove(w)
			w.ch <- i
			return
		}
		p.free = append(p.free, i)
		p.waiters.wake()
		return
	}
	p.free = append(p.free, i)
	if len(p.free) > p.cfg.MinInstances {
		i.idleSince = time.Now()
		if p.shrink == nil {
			p.shrink = time.AfterFunc(p.cfg.IdleAfter, p.shrinkIdle)
		}
	}
}

// shrinkIdle closes the instances that nobody used for IdleAfter: those at the
// bottom of the stack. It runs on its own timer while there is more than one.
func (p *Pool) shrinkIdle() {
	now := time.Now()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	n := 0
	for n < len(p.free)-p.cfg.MinInstances && now.Sub(p.free[n].idleSince) >= p.cfg.IdleAfter {
		n++
	}
	idle := append([]*instance(nil), p.free[:n]...)
	p.free = append(p.free[:0], p.free[n:]...)
	p.shrink = nil
	if len(p.free) > p.cfg.MinInstances {
		p.shrink = time.AfterFunc(p.cfg.IdleAfter, p.shrinkIdle)
	}
	p.mu.Unlock()
	for _, i := range idle {
		p.end(context.Background(), i)
	}
}

// discard closes a poisoned instance.
func (p *Pool) discard(i *instance, err error) {
	p.mu.Lock()
	p.stats.Calls++
	p.stats.FuelExits += i.ctx.Exits
	p.stats.Traps++
	p.failed(err)
	p.mu.Unlock()
	if p.cfg.Discarded != nil {
		p.cfg.Discarded(i.fields.Instance, err)
	}
	p.gone(i)
}

// failed notes that an instance died or could not be started; mu is held.
func (p *Pool) failed(err error) {
	p.crashes++
	p.lastErr = err
	if n := p.crashes - freeRestarts; n >= 0 {
		p.retryAt = time.Now().Add(min(minBackoff<<min(n, 20), maxBackoff))
	}
}

// waiter is a caller in the queue.
type waiter struct {
	ch         chan *instance // gets an instance, or nil: look again
	overtaken  int
	prev, next *waiter
	queued     bool
}

// waiters is a queue of callers. The pool's mutex guards it.
type waiters struct {
	head, tail *waiter
	n          int
}

func (q *waiters) len() int       { return q.n }
func (q *waiters) first() *waiter { return q.head }

func (q *waiters) push(w *waiter) {
	w.prev, w.next, w.queued = q.tail, nil, true
	if q.tail != nil {
		q.tail.next = w
	} else {
		q.head = w
	}
	q.tail = w
	q.n++
}

func (q *waiters) pushFront(w *waiter) {
	w.prev, w.next, w.queued = nil, q.head, true
	if q.head != nil {
		q.head.prev = w
	} else {
		q.tail = w
	}
	q.head = w
	q.n++
}

// remove takes w out, and reports whether it was in.
func (q *waiters) remove(w *waiter) bool {
	if !w.queued {
		return false
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	q.n--
	return true
}

// wake tells the first waiter to look again.
func (q *waiters) wake() {
	if w := q.head; w != nil {
		q.remove(w)
		w.ch <- nil
	}
}

func (q *waiters) wakeAll() {
	for q.head != nil {
		q.wake()
	}
}
