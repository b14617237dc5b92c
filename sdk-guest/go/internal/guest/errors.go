package guest

import (
	"context"
	"unicode/utf8"

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

// maxText is how much of an error's message the host keeps (ABI-026).
const maxText = 4096

// asError gives err a status: that of an Error inside it, or that of a context's end.
func asError(err error) *Error {
	if e := find(err, 0); e != nil {
		if error(e) == err {
			return e.clean()
		}
		// Keep the words that were put around it.
		return (&Error{Status: e.Status, Body: wire.Error{Message: err.Error(), Reason: e.Body.Reason, Metadata: e.Body.Metadata, Field: e.Body.Field}}).clean()
	}
	return (&Error{Status: Internal, Body: wire.Error{Message: err.Error()}}).clean()
}

var (
	deadlineExceeded = Error{Status: DeadlineExceeded}
	canceled         = Error{Status: Canceled}
)

// find returns the first Error in the tree of err, or one for a context's end.
// It is errors.As for one type: that one links reflection into every guest. The
// depth is bounded since a tree may hold itself.
func find(err error, depth int) *Error {
	for ; err != nil && depth < 100; depth++ {
		switch err {
		case context.DeadlineExceeded:
			return &deadlineExceeded
		case context.Canceled:
			return &canceled
		}
		switch e := err.(type) {
		case *Error:
			return e
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				if found := find(one, depth+1); found != nil {
					return found
				}
			}
			return nil
		default:
			return nil
		}
	}
	return nil
}

// clean makes the texts what the codec takes, since the host would discard the
// instance for a string that is not UTF-8. A driver's error may quote anything.
func (e *Error) clean() *Error {
	b := &e.Body
	if len(b.Message) <= maxText && utf8.ValidString(b.Message) && utf8.ValidString(b.Reason) && utf8.ValidString(b.Field) && validMap(b.Metadata) {
		return e
	}
	c := &Error{Status: e.Status, Body: wire.Error{
		Message: valid(b.Message[:min(len(b.Message), maxText)]), Reason: valid(b.Reason), Field: valid(b.Field),
	}}
	for k, v := range b.Metadata {
		if c.Body.Metadata == nil {
			c.Body.Metadata = make(map[string]string, len(b.Metadata))
		}
		c.Body.Metadata[valid(k)] = valid(v)
	}
	return c
}

func validMap(m map[string]string) bool {
	for k, v := range m {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return false
		}
	}
	return true
}

// valid puts U+FFFD in the place of each byte that is not UTF-8.
func valid(s string) string { return string([]rune(s)) }

// ItemError turns what became of one item of a bulk operation into its place in the answer.
func ItemError(key string, err error) wire.ItemStatus {
	e := asError(err)
	return wire.ItemStatus{Key: key, Status: int32(e.Status), Error: &e.Body}
}

func panicText(r any) (text string) {
	defer func() {
		if recover() != nil {
			text = "a value whose text cannot be had: its method panicked too"
		}
	}()
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
