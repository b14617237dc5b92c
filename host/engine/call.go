package engine

import (
	"context"
	"time"
)

// FuelPerExit is how much work, in units of about one loop turn or call, a
// guest does between two looks at its deadline. Measured: 0.05-1 ms.
const FuelPerExit = 100_000

// Call is one entry into a guest: from an exported function's start to its
// return. It is owned by the goroutine that makes the call; an Instance does
// not keep it afterwards, so that it may be used again for the next call.
type Call struct {
	// Context is the request's. Once it is done, host functions that wait return.
	Context context.Context
	// Deadline is when the guest is interrupted, in Unix nanoseconds; 0 = never.
	Deadline int64
	// Grace is how long the guest may go on after Context is done before it is
	// interrupted; negative = as long as Deadline allows. An instance whose
	// memory is the data must not be lost because a caller hung up.
	Grace time.Duration
	// Host is the state that host functions keep for the instance.
	Host any
	// Instance is the one that runs; the engine sets it.
	Instance Instance
	// Exits counts the guest's looks at its deadline: a measure of the CPU it
	// used, in units of FuelPerExit. The engine adds to it.
	Exits uint64

	doneAt int64 // when Interrupt first saw Context done, Unix nanoseconds
}

// Interrupt is what an engine asks when the guest's fuel is used up: nil, or
// an *InterruptError that ends the guest.
func (c *Call) Interrupt() error {
	c.Exits++
	return c.Expired()
}

// Expired returns nil while the guest may run on, and otherwise an
// *InterruptError. It is stricter than Err, which tells host functions to stop
// waiting: after Err the guest still has Grace to clean up.
func (c *Call) Expired() error {
	now := time.Now().UnixNano()
	if c.Deadline != 0 && now >= c.Deadline {
		return &InterruptError{ErrDeadline}
	}
	if c.Grace < 0 {
		return nil
	}
	cause := c.Err()
	if cause == nil {
		return nil
	}
	if c.doneAt == 0 {
		c.doneAt = now
	}
	if now-c.doneAt >= int64(c.Grace) {
		return &InterruptError{cause}
	}
	return nil
}

// Reset prepares c for the next call of the same instance.
func (c *Call) Reset(ctx context.Context, deadline int64) {
	c.Context, c.Deadline, c.Exits, c.doneAt = ctx, deadline, 0, 0
}

// Memory is the guest's linear memory as it is now; a view, not to be kept.
func (c *Call) Memory() []byte { return c.Instance.Memory() }

// Err returns nil while the call may go on, ErrDeadline once its deadline has
// passed, or ErrCanceled once its context is done.
func (c *Call) Err() error {
	if err := c.Context.Err(); err != nil {
		if err == context.DeadlineExceeded {
			return ErrDeadline
		}
		return ErrCanceled
	}
	if c.Deadline != 0 && time.Now().UnixNano() >= c.Deadline {
		return ErrDeadline
	}
	if d, ok := c.Context.Deadline(); ok && !time.Now().Before(d) {
		return ErrDeadline // on a busy single processor the timer may not have run yet
	}
	return nil
}

// Wait waits for d, or for ready to be readable, or for the call to end, and
// returns Err in the last case. ready may be nil; d < 0 waits without limit.
func (c *Call) Wait(d time.Duration, ready <-chan struct{}) error {
	if c.Deadline != 0 {
		if left := time.Duration(c.Deadline - time.Now().UnixNano()); d < 0 || left < d {
			d = max(left, 0)
		}
	}
	var timeout <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-c.Context.Done():
	case <-timeout:
	case <-ready:
	}
	return c.Err()
}

// Exit ends the guest from within a host function, as proc_exit asks for. It does not return.
func (c *Call) Exit(code uint32) { panic(&ExitError{Code: code}) }

// Abort ends the guest from within a host function with err. It does not return.
func (c *Call) Abort(err error) { panic(&abortError{err}) }

// abortError carries the error of Abort through the engine.
type abortError struct{ err error }

func (e *abortError) Error() string { return e.err.Error() }
func (e *abortError) Unwrap() error { return e.err }
