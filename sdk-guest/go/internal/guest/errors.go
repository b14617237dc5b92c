package guest

import (
	"context"
	"errors"

	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// Status is a status of the ABI (ABI-024, ABI-025).
type Status int32

// The numbers of the ABI's statuses.
const (
	Canceled              Status = 1
	Unknown               Status = 2
	InvalidArgument       Status = 3
	DeadlineExceeded      Status = 4
	NotFound              Status = 5
	AlreadyExists         Status = 6
	PermissionDenied      Status = 7
	ResourceExhausted     Status = 8
	FailedPrecondition    Status = 9
	Unimplemented         Status = 12
	Internal              Status = 13
	Unavailable           Status = 14
	ETagMismatch          Status = 64
	ETagInvalid           Status = 65
	BulkDeleteRowMismatch Status = 66
	InvalidMetadata       Status = 68
	Retryable             Status = 69
	Partial               Status = 70
	NotReady              Status = 71
	Panicked              Status = 72
)

// Error is an error with a status of the ABI and the body that goes with it.
type Error struct {
	Status Status
	Body   wire.Error
}

func (e *Error) Error() string { return e.Body.Message }

var unimplemented = &Error{Status: Unimplemented}

// ErrUnimplemented is the answer to an operation that a component does not have.
func ErrUnimplemented() error { return unimplemented }

// asError gives err a status: that of an Error inside it, or that of a context's end.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		if error(e) != err { // keep the words that were put around it
			return &Error{Status: e.Status, Body: wire.Error{Message: err.Error(), Reason: e.Body.Reason, Metadata: e.Body.Metadata, Field: e.Body.Field}}
		}
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: DeadlineExceeded, Body: wire.Error{Message: err.Error()}}
	case errors.Is(err, context.Canceled):
		return &Error{Status: Canceled, Body: wire.Error{Message: err.Error()}}
	default:
		return &Error{Status: Internal, Body: wire.Error{Message: err.Error()}}
	}
}

// ItemError turns what became of one item of a bulk operation into its place in the answer.
func ItemError(key string, err error) wire.ItemStatus {
	e := asError(err)
	return wire.ItemStatus{Key: key, Status: int32(e.Status), Error: &e.Body}
}

func panicText(r any) string {
	switch v := r.(type) {
	case error:
		return v.Error()
	case string:
		return v
	case interface{ String() string }:
		return v.String()
	default:
		return "a value that is neither an error nor a string"
	}
}
