package guest

import (
	"context"
	"errors"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/pool"
)

// Message is a request: one of package abi/proto.
type Message = pool.Message

// Name is what the operator called the component.
func (c *Component) Name() string { return c.cfg.Name }

// Type is the component's spec.type.
func (c *Component) Type() string { return c.cfg.Type }

// Kind is the building block, such as "state".
func (c *Component) Kind() string { return c.kind }

// Digest is the module's.
func (c *Component) Digest() string { return c.digest }

// Manifest is the plugin's; not to be changed.
func (c *Component) Manifest() *proto.Manifest { return c.manifest }

// Features are what the component said at Init, or else its manifest.
func (c *Component) Features() []string { return c.features }

// Times is what the load took.
func (c *Component) Times() LoadTimes { return c.loaded }

// ModuleInfo says what the compiler made of the plugin.
func (c *Component) ModuleInfo() engine.ModuleInfo { return c.module.Info() }

// Stats counts instances, calls, traps and restarts.
func (c *Component) Stats() pool.Stats {
	s := c.pool.Stats()
	s.LastError = c.hide(s.LastError)
	return s
}

// Ping asks the component whether its backend answers. A component that does
// not implement it is healthy while an instance answers.
func (c *Component) Ping(ctx context.Context) error {
	err := c.call(ctx, abi.OpPing, nil, nil)
	if StatusOf(err) == abi.Unimplemented {
		return nil
	}
	return err
}

// Close drains the component: calls that run end, until ctx is done; new ones fail.
func (c *Component) Close(ctx context.Context) error {
	err := errors.Join(c.pool.Close(ctx), c.module.Close())
	c.sandbox.Close()
	return err
}

func (c *Component) call(ctx context.Context, op abi.Op, req Message, resp pool.Unmarshaler) error {
	if err := c.pool.Call(ctx, op, req, resp); err != nil {
		return c.wrap(op, err)
	}
	return nil
}

// reported is an error that the guest answered with.
func (c *Component) reported(op abi.Op, s abi.Status, body *proto.Error) *Error {
	return &Error{
		Component: c.cfg.Name, Op: op, Status: s, Message: c.hide(body.Message), Reason: body.Reason,
		Metadata: body.Metadata, Field: body.Field, Stack: c.hide(body.Stack),
	}
}

// discarded logs the death of an instance: the caller gets an error, but the
// stack is for the operator.
func (c *Component) discarded(instance uint64, err error) {
	args := []any{"component", c.cfg.Name, "instance", instance, "error", c.hide(err.Error())}
	var e *Error
	if errors.As(c.wrap(abi.OpDescribe, err), &e) && e.Stack != "" {
		args = append(args, "stack", e.Stack)
	}
	c.cfg.Logger.Error("an instance was discarded and will be replaced", args...)
}

func (c *Component) hide(s string) string {
	if c.redact == nil {
		return s
	}
	return c.redact(s)
}

// wrap gives the pool's errors a status.
func (c *Component) wrap(op abi.Op, err error) error {
	var poisoned *pool.PoisonError
	var status *pool.StatusError
	if errors.As(err, &status) {
		e := c.reported(op, status.Status, &status.Body)
		if status.Status == abi.Panicked {
			e.Status, e.Poisoned = abi.Internal, true
		}
		return e
	}
	e := &Error{Component: c.cfg.Name, Op: op, Message: c.hide(err.Error()), Err: err}
	if errors.As(err, &poisoned) {
		e.Poisoned = true
		var trap *engine.TrapError
		if errors.As(err, &trap) {
			e.Stack = trap.Stack
		}
		if said := lastWords(poisoned.Output); said != "" {
			e.Message += "; it said: " + c.hide(said)
			e.Stack = c.hide(poisoned.Output)
		}
	}
	var large *pool.TooLargeError
	var backoff *pool.BackoffError
	switch {
	case errors.Is(err, engine.ErrDeadline):
		e.Status = abi.DeadlineExceeded
	case errors.Is(err, engine.ErrCanceled):
		e.Status = abi.Canceled
	case errors.As(err, &large), errors.Is(err, pool.ErrQueueFull):
		e.Status = abi.ResourceExhausted
	case errors.As(err, &backoff), errors.Is(err, pool.ErrClosed):
		e.Status = abi.Unavailable
	default:
		e.Status = abi.Internal
	}
	return e
}
