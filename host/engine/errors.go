package engine

import (
	"errors"
	"fmt"
)

// ErrDeadline and ErrCanceled say that a call was ended from outside. An
// instance that was running is interrupted and not used again.
var (
	ErrDeadline = errors.New("the call's deadline passed")
	ErrCanceled = errors.New("the caller went away")
	// ErrClosed is returned by calls on an instance, module or pool that was closed.
	ErrClosed = errors.New("closed")
)

// InterruptError is returned by Func.Call when the guest was stopped while it
// ran. It wraps ErrDeadline or ErrCanceled.
type InterruptError struct{ Cause error }

func (e *InterruptError) Error() string { return "guest interrupted: " + e.Cause.Error() }
func (e *InterruptError) Unwrap() error { return e.Cause }

// TrapError is a Wasm trap: the guest did what Wasm forbids, or panicked
// without recovering.
type TrapError struct {
	Reason string // such as "unreachable", "out of bounds memory access", "stack overflow"
	Stack  string // the guest's frames, one a line, may be empty
}

func (e *TrapError) Error() string { return "guest trapped: " + e.Reason }

// ExitError is a guest that ended its own process.
type ExitError struct{ Code uint32 }

func (e *ExitError) Error() string { return fmt.Sprintf("guest exited with code %d", e.Code) }

// CompileError is a module that no engine takes: malformed, invalid, or using
// what Berth does not offer.
type CompileError struct {
	Component string
	Err       error
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("component %s: compiling module: %v", e.Component, e.Err)
}
func (e *CompileError) Unwrap() error { return e.Err }

// HostError is a host function that failed in a way it should not have: a
// fault of Berth's, contained to the instance.
type HostError struct{ Err error }

func (e *HostError) Error() string { return "host function failed: " + e.Err.Error() }
func (e *HostError) Unwrap() error { return e.Err }

// AbortCause returns what a host function gave Call.Abort, when err, as an
// engine got it, wraps that, and nil otherwise.
func AbortCause(err error) error {
	var a *abortError
	if errors.As(err, &a) {
		return a.err
	}
	return nil
}
