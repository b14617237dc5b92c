package guest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// Error is an operation of a component that failed.
type Error struct {
	Component string
	Op        abi.Op
	Status    abi.Status // never OK
	Message   string     // valid UTF-8, at most abi.MaxErrorMessage bytes
	Reason    string     // a stable name for the cause, may be empty
	Metadata  map[string]string
	Field     string // of Init: the metadata field at fault
	// Poisoned says that the instance was discarded: the guest trapped,
	// exited, panicked, broke the ABI or was interrupted.
	Poisoned bool
	// Stack is the guest's, when there is one.
	Stack string
	// Err is what lies below, such as an *engine.TrapError; nil for an error that the component reported.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "component %s: %s: ", e.Component, e.Op)
	if e.Message != "" {
		b.WriteString(e.Message)
	} else {
		b.WriteString(e.Status.String())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// StatusOf returns the status that err carries: that of an Error in it,
// DeadlineExceeded or Canceled for an interrupted call, else Unknown.
func StatusOf(err error) abi.Status {
	var e *Error
	switch {
	case err == nil:
		return abi.OK
	case errors.As(err, &e):
		return e.Status
	case errors.Is(err, engine.ErrDeadline):
		return abi.DeadlineExceeded
	case errors.Is(err, engine.ErrCanceled):
		return abi.Canceled
	}
	return abi.Unknown
}

// ItemError is one item of a bulk write that failed.
type ItemError struct {
	Key string
	Err *Error
}

func (e *ItemError) Error() string { return e.Key + ": " + e.Err.Message }
func (e *ItemError) Unwrap() error { return e.Err }

// BulkError is a bulk write of which some items failed; the others were done.
type BulkError struct{ Items []ItemError }

func (e *BulkError) Error() string {
	texts := make([]string, len(e.Items))
	for i := range e.Items {
		texts[i] = e.Items[i].Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap returns the items' errors, so that errors.As finds the first.
func (e *BulkError) Unwrap() []error {
	out := make([]error, len(e.Items))
	for i := range e.Items {
		out[i] = &e.Items[i]
	}
	return out
}
