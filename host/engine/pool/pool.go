package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
)

// Host is the sandbox: what an instance may reach. NewInstance returns the
// state that its host functions keep for one instance; they find it in
// engine.Call.Host.
type Host interface{ NewInstance() State }

// State is the sandbox's side of one instance.
type State interface {
	// Output is the end of what the guest wrote to its standard error.
	Output() string
	// Close is called after the instance was closed.
	Close()
}

// Config of a pool. A zero number takes the default.
type Config struct {
	Name   string // the component's, for errors and logs
	Module engine.Module
	Host   Host
	Init   *proto.InitRequest
	Logger *slog.Logger
	Serial bool // exactly one instance
	// Discarded is told of each instance that was poisoned, by its number; nil
	// when nobody wants to know. What a guest says may hold secrets, so that
	// whoever knows them writes the log.
	Discarded func(instance uint64, err error)
	// InitTimeout bounds start and Init of an instance; 5 s.
	InitTimeout time.Duration
	// CallTimeout bounds each call, beside the caller's own deadline; 30 s.
	CallTimeout time.Duration
	// MaxInstances is how many there may be; 64, or 1 when Serial.
	MaxInstances int
	// MinInstances is how many stay when there is nothing to do; 1.
	MinInstances int
	// MaxQueue is how many callers may wait for an instance; 1024.
	MaxQueue int
	// MaxMessage bounds a request and a response, in bytes; 8 MiB.
	MaxMessage int
	// IdleAfter is when an instance that nobody used is closed, but for MinInstances; 30 s.
	IdleAfter time.Duration
	// MaxCalls is after how many calls an instance is replaced; 1,000,000. Not when Serial.
	MaxCalls uint64
	// MaxMemory is the size of linear memory, in bytes, over which an instance
	// is replaced; 0 = never. Not when Serial.
	MaxMemory uint64
}

func (c *Config) defaults() {
	set(&c.InitTimeout, 5*time.Second)
	set(&c.CallTimeout, 30*time.Second)
	set(&c.MaxInstances, 64)
	set(&c.MinInstances, 1)
	set(&c.MaxQueue, 1024)
	set(&c.MaxMessage, 8<<20)
	set(&c.IdleAfter, 30*time.Second)
	set(&c.MaxCalls, 1_000_000)
	if c.Serial {
		c.MaxInstances = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func set[T int | uint64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Errors of Call that say nothing about the guest.
var (
	ErrQueueFull = errors.New("too many callers wait for an instance; raise wasm.instances or wasm.maxQueue")
	ErrClosed    = engine.ErrClosed
)

// BackoffError is a call that found no instance while the pool waits before it
// starts another.
type BackoffError struct {
	Until time.Time
	Last  error // what ended the last instance
}

func (e *BackoffError) Error() string {
	return fmt.Sprintf("its instances keep failing, the next is started at %s; the last one: %v", e.Until.Format("15:04:05.000"), e.Last)
}
func (e *BackoffError) Unwrap() error { return e.Last }

// Pool is the instances of one component. It is safe for concurrent use.
type Pool struct {
	cfg      Config
	snapshot engine.Snapshot // nil where the engine or module has none
	features []string

	mu      sync.Mutex // guards all below
	free    []*instance
	waiters waiters
	total   int // instances that exist or are being made
	closed  bool
	drained chan struct{} // closed when closed and total is 0
	nextID  uint64
	crashes int // in a row, without a call that went well
	retryAt time.Time
	lastErr error
	shrink  *time.Timer
	stats   Stats
}

// Stats counts what happened since the pool was made.
type Stats struct {
	Instances, Busy, Waiting int
	MemoryBytes              uint64 // linear memory of the idle instances
	Calls                    uint64
	Errors                   uint64 // calls that the guest answered with an error
	Traps                    uint64 // instances poisoned
	Restarts                 uint64 // instances started after the first in place of a poisoned one
	Recycled                 uint64 // instances replaced because of their age or size
	FuelExits                uint64 // units of CPU work, see engine.Call.Exits
	LastError                string // what poisoned the last instance
}

// New starts the first instance, takes the snapshot for the others, and
// returns the pool. An error of Init is a *StatusError.
func New(ctx context.Context, cfg Config) (*Pool, error) {
	cfg.defaults()
	p := &Pool{cfg: cfg, drained: make(chan struct{}), total: 1, nextID: 1}
	first, err := p.start(ctx, 1)
	if err != nil {
		return nil, err
	}
	if !cfg.Serial {
		p.snapshot, err = cfg.Module.Snapshot(first.in)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return nil, errors.Join(err, first.in.Close())
		}
		if err != nil {
			cfg.Logger.Debug("instances start from scratch", "reason", err.Error())
		}
	}
	first.idleSince = time.Now()
	p.free = append(p.free, first)
	return p, nil
}

// Features is what the component said at Init; empty means those of its manifest.
func (p *Pool) Features() []string { return p.features }

// start makes an instance: from the snapshot when there is one, else afresh.
func (p *Pool) start(ctx context.Context, id uint64) (i *instance, err error) {
	state := p.cfg.Host.NewInstance()
	deadline := time.Now().Add(p.cfg.InitTimeout).UnixNano()
	// An instance outlives the caller that needed it first.
	c := &engine.Call{Context: context.WithoutCancel(ctx), Deadline: deadline, Host: state}
	var in engine.Instance
	if p.snapshot != nil {
		in, err = p.snapshot.Clone()
	} else {
		in, err = p.cfg.Module.Instantiate(c)
	}
	if err != nil {
		state.Close()
		return nil, poison(err, state)
	}
	defer func() {
		if err != nil {
			err = poison(err, state)
			_ = in.Close()
			state.Close()
		}
	}()
	if i, err = adopt(in, id, p.cfg.MaxMessage, state, c, p.snapshot == nil); err != nil {
		return nil, err
	}
	if p.cfg.Serial {
		i.ctx.Grace = -1
	} else {
		i.ctx.Grace = time.Second
	}
	if p.snapshot == nil {
		var resp proto.InitResponse
		if err := i.do(c.Context, deadline, abi.OpInit, p.cfg.Init, &resp); err != nil {
			return nil, err
		}
		if id == 1 {
			p.features = resp.Features
		}
	}
	return i, nil
}

// poison wraps an error that ends an instance, with the guest's last words.
func poison(err error, state State) error {
	if !fatal(err) {
		return err
	}
	return &PoisonError{Err: err, Output: state.Output()}
}

// Call does one operation on some instance. req may be nil, as may resp when
// the answer is of no interest. The error is a *StatusError, a *PoisonError, a
// *TooLargeError, a *BackoffError, ErrQueueFull, ErrClosed, or
// engine.ErrDeadline or engine.ErrCanceled while it waited.
func (p *Pool) Call(ctx context.Context, op abi.Op, req Message, resp Unmarshaler) error {
	now := time.Now()
	deadline := now.Add(p.cfg.CallTimeout).UnixNano()
	if !p.cfg.Serial { // a caller's haste must not cost a serial component its memory
		if d, ok := ctx.Deadline(); ok {
			deadline = min(deadline, d.UnixNano())
		}
	}
	i, err := p.acquire(ctx, deadline)
	if err != nil {
		return err
	}
	err = i.do(ctx, deadline, op, req, resp)
	if err != nil && fatal(err) {
		err = poison(err, i.state)
		p.discard(i, err)
		return err
	}
	p.release(i, err)
	return err
}

// Stats returns the counters.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Instances, s.Busy, s.Waiting = p.total, p.total-len(p.free), p.waiters.len()
	for _, i := range p.free {
		s.MemoryBytes += uint64(len(i.in.Memory()))
	}
	if p.lastErr != nil {
		s.LastError = p.lastErr.Error()
	}
	return s
}

// Close takes no more calls, waits for those that run until ctx is done, tells
// each instance to close, and frees the pool. The module is the caller's.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	idle := p.free
	p.free = nil
	p.waiters.wakeAll()
	if p.shrink != nil {
		p.shrink.Stop()
	}
	p.mu.Unlock()
	for _, i := range idle {
		p.end(ctx, i)
	}
	p.mu.Lock()
	if p.total == 0 {
		p.finish()
	}
	p.mu.Unlock()
	select {
	case <-p.drained:
	case <-ctx.Done():
		return fmt.Errorf("component %s: calls still run: %w", p.cfg.Name, context.Cause(ctx))
	}
	if p.snapshot != nil {
		return p.snapshot.Close()
	}
	return nil
}

// finish marks the pool as empty; mu is held.
func (p *Pool) finish() {
	select {
	case <-p.drained:
	default:
		close(p.drained)
	}
}

// end tells an idle instance to close, and closes it.
func (p *Pool) end(ctx context.Context, i *instance) {
	deadline := time.Now().Add(time.Second).UnixNano()
	if err := i.do(ctx, deadline, abi.OpClose, nil, nil); err != nil {
		p.cfg.Logger.Debug("closing an instance", "error", err.Error())
	}
	p.gone(i)
}

// gone closes an instance that is no longer in the pool's lists.
func (p *Pool) gone(i *instance) {
	if err := i.in.Close(); err != nil {
		p.cfg.Logger.Warn("closing an instance", "error", err.Error())
	}
	i.state.Close()
	p.mu.Lock()
	p.total--
	if p.closed && p.total == 0 {
		p.finish()
	}
	p.waiters.wake() // there is room for another
	p.mu.Unlock()
}
