package berth

import (
	"context"

	"github.com/berth-run/berth/sdk-guest/go/internal/guest"
	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// Init is what a component is told before its first operation.
type Init = guest.Init

// Component is what every kind of component implements.
type Component interface {
	// Init reads the metadata. An error of NewMetadataError names the field at fault.
	Init(ctx context.Context, in *Init) error
}

// Featurer is implemented by a component whose features depend on its
// metadata. Features is called after Init and replaces those of the manifest.
type Featurer = guest.Featurer

// Pinger is implemented by a component that can tell whether its backend answers.
type Pinger = guest.Pinger

// Closer is implemented by a component that has something to do before it ends.
type Closer = guest.Closer

// Error is an error with a status, for the caller of an operation. Any other
// error that an operation returns becomes one with status Internal.
type Error = guest.Error

// Status is a status of the ABI: 0, a canonical gRPC code, or one of Berth's own.
type Status = guest.Status

// Statuses that components use most; see the ABI's SPEC.md for the others.
const (
	Unknown            = guest.Unknown
	InvalidArgument    = guest.InvalidArgument
	DeadlineExceeded   = guest.DeadlineExceeded
	NotFound           = guest.NotFound
	AlreadyExists      = guest.AlreadyExists
	PermissionDenied   = guest.PermissionDenied
	ResourceExhausted  = guest.ResourceExhausted
	FailedPrecondition = guest.FailedPrecondition
	Unimplemented      = guest.Unimplemented
	Internal           = guest.Internal
	Unavailable        = guest.Unavailable
	ETagMismatch       = guest.ETagMismatch
	ETagInvalid        = guest.ETagInvalid
	InvalidMetadata    = guest.InvalidMetadata
	Retryable          = guest.Retryable
	NotReady           = guest.NotReady
)

// NewError returns an error with a status and a message for the operator.
func NewError(s Status, message string) *Error {
	return &Error{Status: s, Body: wire.Error{Message: message}}
}

// NewMetadataError says that a metadata field of the component is wrong; Init returns it.
func NewMetadataError(field, message string) *Error {
	return &Error{Status: InvalidMetadata, Body: wire.Error{Message: message, Field: field}}
}

// Level of a log line.
type Level int32

// Levels of Log.
const (
	Debug      Level = -1
	Info       Level = 0
	Warn       Level = 1
	ErrorLevel Level = 2
)

// Log writes a line to the sidecar's log, under the component's name. The host
// limits how many lines a second it takes.
func Log(l Level, message string) { guest.Log(int32(l), message) }

// LogEnabled reports whether the sidecar would print a line of that level.
func LogEnabled(l Level) bool { return guest.LogEnabled(int32(l)) }

// MemoryLimit is how many bytes the host means this instance's heap to stay
// under, 0 when it did not say. A guest that finds no memory ends, with all that
// it holds: a component that keeps data in memory refuses some in time.
func MemoryLimit() int64 { return guest.MemoryLimit() }
