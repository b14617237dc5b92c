package abi

import "strconv"

// Status is what berth1_call returns: 0, a canonical gRPC code (1 to 16), or
// one of Berth's own (64 and up). A negative one is a violation of the ABI and
// poisons the instance (ABI-024).
type Status int32

// Canonical codes, as in https://grpc.io/docs/guides/status-codes/.
const (
	OK                 Status = 0
	Canceled           Status = 1
	Unknown            Status = 2
	InvalidArgument    Status = 3
	DeadlineExceeded   Status = 4
	NotFound           Status = 5
	AlreadyExists      Status = 6
	PermissionDenied   Status = 7
	ResourceExhausted  Status = 8
	FailedPrecondition Status = 9
	Aborted            Status = 10
	OutOfRange         Status = 11
	Unimplemented      Status = 12
	Internal           Status = 13
	Unavailable        Status = 14
	DataLoss           Status = 15
	Unauthenticated    Status = 16
)

// Berth's own codes (ABI-025).
const (
	ETagMismatch          Status = 64 // the ETag given is not the current one
	ETagInvalid           Status = 65 // the ETag given is malformed for this store
	BulkDeleteRowMismatch Status = 66 // metadata "expected" and "affected"
	SecretNotFound        Status = 67
	InvalidMetadata       Status = 68 // Init: Error.field names the metadata field
	Retryable             Status = 69 // metadata "retryAfterMs" when known
	Partial               Status = 70 // bulk: a status for each item is in the body
	NotReady              Status = 71 // reconnecting to the backend
	Panicked              Status = 72 // the guest recovered from a panic; the host discards the instance
)

var statusNames = map[Status]string{
	OK: "OK", Canceled: "CANCELLED", Unknown: "UNKNOWN", InvalidArgument: "INVALID_ARGUMENT",
	DeadlineExceeded: "DEADLINE_EXCEEDED", NotFound: "NOT_FOUND", AlreadyExists: "ALREADY_EXISTS",
	PermissionDenied: "PERMISSION_DENIED", ResourceExhausted: "RESOURCE_EXHAUSTED",
	FailedPrecondition: "FAILED_PRECONDITION", Aborted: "ABORTED", OutOfRange: "OUT_OF_RANGE",
	Unimplemented: "UNIMPLEMENTED", Internal: "INTERNAL", Unavailable: "UNAVAILABLE", DataLoss: "DATA_LOSS",
	Unauthenticated: "UNAUTHENTICATED", ETagMismatch: "ETAG_MISMATCH", ETagInvalid: "ETAG_INVALID",
	BulkDeleteRowMismatch: "BULK_DELETE_ROW_MISMATCH", SecretNotFound: "SECRET_NOT_FOUND",
	InvalidMetadata: "INVALID_METADATA", Retryable: "RETRYABLE", Partial: "PARTIAL", NotReady: "NOT_READY",
	Panicked: "PANICKED",
}

// String returns the code's name, such as "ETAG_MISMATCH", or its number.
func (s Status) String() string {
	if n, ok := statusNames[s]; ok {
		return n
	}
	return "status " + strconv.Itoa(int(s))
}

// Known reports whether s is a code of this ABI version.
func (s Status) Known() bool {
	return s >= OK && s <= Unauthenticated || s >= ETagMismatch && s <= Panicked
}

// ImportError is what an import returns, negated, when it fails (ABI-032).
type ImportError int32

const (
	ErrInvalid     ImportError = 1 // an argument or pointer is wrong
	ErrDenied      ImportError = 2 // not granted
	ErrNotFound    ImportError = 3
	ErrTimeout     ImportError = 4
	ErrCancelled   ImportError = 5
	ErrAgain       ImportError = 6
	ErrIO          ImportError = 7
	ErrClosed      ImportError = 8
	ErrLimit       ImportError = 9
	ErrUnsupported ImportError = 10
	ErrBadHandle   ImportError = 11
	ErrInternal    ImportError = 12
)

// MaxErrorMessage is how many bytes of an error message the host keeps (ABI-026).
const MaxErrorMessage = 4096
