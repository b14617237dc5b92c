package errors

import (
	"net/http"

	"google.golang.org/grpc/codes"
)

// Code is a row of the table. Rows may share a public code: what sets them
// apart is the status or the text.
type Code int

// Rows of the table.
const (
	// Health, metadata, common.
	HealthNotReady Code = iota
	OutboundNotReady
	HealthAppIDMismatch
	TokenInvalid
	TokenMissing
	TokenMismatch
	APIDenied
	NotImplemented
	MalformedRequest
	MalformedBody
	BodyRead
	BodyTooLarge
	Internal

	// State.
	StateNotConfigured
	StateNotFound
	StateIllegalKey
	StateKeyRequired
	StateKeyEmpty
	StateGet
	StateBulkGet
	StateSave
	StateSaveETagMismatch
	StateSaveETagInvalid
	StateDelete
	StateDeleteETagMismatch
	StateDeleteETagInvalid
	StateBulkDelete
	StateBulkDeleteETagMismatch
	StateBulkDeleteETagInvalid
	StateTransaction
	StateTransactionsUnsupported
	StateTooManyOperations
	StateOperationUnsupported
	StateQueryUnsupported
	StateQuery

	// Service invocation.
	InvokeNoAppID
	InvokeNotReady
	ProxyNoAppID
	ProxyNotReady

	numCodes
)

// Row is what the table says of a code.
type Row struct {
	Group string // the API, for the documentation
	Name  string // the code's name in Go
	// Code is errorCode in the body. When it is empty the answer is Text alone, as plain text.
	Code string
	// Reason is reason in the ErrorInfo detail. A row that has one answers
	// with details; one that has none, with code and message only.
	Reason string
	HTTP   int // 0 = does not occur over HTTP
	GRPC   codes.Code
	// Via is set for errors that Dapr makes of an HTTP status on their way to
	// gRPC: there the status's name is the message, and Text is in the details.
	Via  int
	Text string   // for fmt.Sprintf
	Args []string // what the verbs of Text are
	// Resource is the type in the ResourceInfo detail; "" = no such detail.
	Resource string
	Help     *Help
	Hint     string // what to do about it
}

// Help is a link to more.
type Help struct{ URL, Text string }

const (
	missing   = http.StatusNotFound
	bad       = http.StatusBadRequest
	conflict  = http.StatusConflict
	broken    = http.StatusInternalServerError
	hintETag  = "read the item again and repeat the change with the ETag that the answer carries"
	hintStore = "the text after the last colon is the store's own; the sidecar's log has more"
)

var table = [numCodes]Row{
	HealthNotReady: {Group: "health", Name: "HealthNotReady", Code: "ERR_HEALTH_NOT_READY", HTTP: broken, GRPC: codes.Internal,
		Text: "dapr is not ready: %v", Args: []string{"parts that are not ready"},
		Hint: "wait until the parts named are ready; `app` is the application's own health probe"},
	OutboundNotReady: {Group: "health", Name: "OutboundNotReady", Code: "ERR_OUTBOUND_HEALTH_NOT_READY", HTTP: broken, GRPC: codes.Internal,
		Text: "dapr outbound is not ready", Hint: "components are still loading; try again"},
	HealthAppIDMismatch: {Group: "health", Name: "HealthAppIDMismatch", Code: "ERR_HEALTH_APPID_NOT_MATCH", HTTP: broken, GRPC: codes.Internal,
		Text: "dapr app-id does not match", Hint: "another application's sidecar listens at this address now"},

	TokenInvalid: {Group: "common", Name: "TokenInvalid", HTTP: http.StatusUnauthorized, GRPC: codes.Unauthenticated,
		Text: "invalid api token", Hint: "send the value of DAPR_API_TOKEN in the header dapr-api-token"},
	TokenMissing: {Group: "common", Name: "TokenMissing", GRPC: codes.Unauthenticated, Via: http.StatusUnauthorized,
		Text: "missing api token in request metadata", Hint: "send the value of DAPR_API_TOKEN in the metadata dapr-api-token"},
	TokenMismatch: {Group: "common", Name: "TokenMismatch", GRPC: codes.Unauthenticated, Via: http.StatusUnauthorized,
		Text: "authentication error: api token mismatch", Hint: "send the value of DAPR_API_TOKEN in the metadata dapr-api-token"},
	APIDenied: {Group: "common", Name: "APIDenied", GRPC: codes.Unimplemented, Via: http.StatusNotImplemented,
		Text: "requested endpoint is not available", Hint: "spec.api of the Configuration switches this API off"},
	NotImplemented: {Group: "common", Name: "NotImplemented", Code: "ERR_API_UNIMPLEMENTED", HTTP: http.StatusNotImplemented, GRPC: codes.Unimplemented,
		Text: "this API is currently not implemented"},
	MalformedRequest: {Group: "common", Name: "MalformedRequest", Code: "ERR_MALFORMED_REQUEST", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: "%v", Args: []string{"what is wrong"}, Hint: "the body does not have the shape that the API asks for"},
	MalformedBody: {Group: "common", Name: "MalformedBody", Code: "ERR_MALFORMED_REQUEST", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: "failed deserializing HTTP body: %v", Args: []string{"what is wrong"}, Hint: "the body does not have the shape that the API asks for"},
	BodyRead: {Group: "common", Name: "BodyRead", Code: "ERR_BODY_READ", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: "failed to read request body: %v", Args: []string{"cause"}, Hint: "the client closed the connection or sent less than it announced"},
	BodyTooLarge: {Group: "common", Name: "BodyTooLarge", Code: "ERR_BODY_READ", HTTP: http.StatusRequestEntityTooLarge, GRPC: codes.ResourceExhausted,
		Text: "failed to read request body: larger than %d bytes, the limit of --max-body-size", Args: []string{"limit in bytes"},
		Hint: "send less, or start the sidecar with a larger --max-body-size"},
	Internal: {Group: "common", Name: "Internal", Code: "ERR_INTERNAL", HTTP: broken, GRPC: codes.Internal,
		Text: "%v", Args: []string{"cause"}, Hint: "a fault of the sidecar; its log has more"},

	StateNotConfigured: {Group: "state", Name: "StateNotConfigured", Code: "ERR_STATE_STORE_NOT_CONFIGURED", Reason: "DAPR_STATE_NOT_CONFIGURED",
		HTTP: broken, GRPC: codes.FailedPrecondition, Text: "state store %s is not configured", Args: []string{"store"},
		Hint: "no state store is loaded: put a Component with spec.type state.* where --resources-path points, and look at its scopes"},
	StateNotFound: {Group: "state", Name: "StateNotFound", Code: "ERR_STATE_STORE_NOT_FOUND", Reason: "DAPR_STATE_NOT_FOUND",
		HTTP: bad, GRPC: codes.InvalidArgument, Text: "state store %s is not found", Args: []string{"store"},
		Hint: "the name is metadata.name of the Component; GET /v1.0/metadata lists what is loaded"},
	StateIllegalKey: {Group: "state", Name: "StateIllegalKey", Code: "ERR_MALFORMED_REQUEST", Reason: "DAPR_STATE_ILLEGAL_KEY", Resource: "state",
		HTTP: bad, GRPC: codes.InvalidArgument, Text: "input key/keyPrefix '%s' can't contain '||'", Args: []string{"key"},
		Hint: "two bars separate the parts of a stored key; use another separator"},
	StateKeyRequired: {Group: "state", Name: "StateKeyRequired", Code: "ERR_MALFORMED_REQUEST", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: `"key" is a required field`, Hint: "every item needs a key"},
	StateKeyEmpty: {Group: "state", Name: "StateKeyEmpty", GRPC: codes.InvalidArgument,
		Text: "state key cannot be empty", Hint: "every item needs a key"},
	StateGet: {Group: "state", Name: "StateGet", Code: "ERR_STATE_GET", HTTP: broken, GRPC: codes.Internal,
		Text: "fail to get %s from state store %s: %s", Args: []string{"key", "store", "cause"}, Hint: hintStore},
	StateBulkGet: {Group: "state", Name: "StateBulkGet", Code: "ERR_STATE_BULK_GET", HTTP: broken, GRPC: codes.Internal,
		Text: "%s", Args: []string{"cause"}, Hint: hintStore},
	StateSave: {Group: "state", Name: "StateSave", Code: "ERR_STATE_SAVE", HTTP: broken, GRPC: codes.Internal,
		Text: "failed saving state in state store %s: %s", Args: []string{"store", "cause"}, Hint: hintStore},
	StateSaveETagMismatch: {Group: "state", Name: "StateSaveETagMismatch", Code: "ERR_STATE_SAVE", HTTP: conflict, GRPC: codes.Aborted,
		Text: "failed saving state in state store %s: %s", Args: []string{"store", "cause"}, Hint: hintETag},
	StateSaveETagInvalid: {Group: "state", Name: "StateSaveETagInvalid", Code: "ERR_STATE_SAVE", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: "failed saving state in state store %s: %s", Args: []string{"store", "cause"}, Hint: "the ETag is not one that this store makes"},
	StateDelete: {Group: "state", Name: "StateDelete", Code: "ERR_STATE_DELETE", HTTP: broken, GRPC: codes.Internal,
		Text: "failed deleting state with key %s: %s", Args: []string{"key", "cause"}, Hint: hintStore},
	StateDeleteETagMismatch: {Group: "state", Name: "StateDeleteETagMismatch", Code: "ERR_STATE_DELETE", HTTP: conflict, GRPC: codes.Aborted,
		Text: "failed deleting state with key %s: %s", Args: []string{"key", "cause"}, Hint: hintETag},
	StateDeleteETagInvalid: {Group: "state", Name: "StateDeleteETagInvalid", Code: "ERR_STATE_DELETE", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: "failed deleting state with key %s: %s", Args: []string{"key", "cause"}, Hint: "the ETag is not one that this store makes"},
	StateBulkDelete: {Group: "state", Name: "StateBulkDelete", Code: "ERR_STATE_BULK_DELETE", GRPC: codes.Internal,
		Text: "failed deleting state in state store %s: %s", Args: []string{"store", "cause"}, Hint: hintStore},
	StateBulkDeleteETagMismatch: {Group: "state", Name: "StateBulkDeleteETagMismatch", Code: "ERR_STATE_BULK_DELETE", GRPC: codes.Aborted,
		Text: "failed deleting state in state store %s: %s", Args: []string{"store", "cause"}, Hint: hintETag},
	StateBulkDeleteETagInvalid: {Group: "state", Name: "StateBulkDeleteETagInvalid", Code: "ERR_STATE_BULK_DELETE", GRPC: codes.InvalidArgument,
		Text: "failed deleting state in state store %s: %s", Args: []string{"store", "cause"}, Hint: "the ETag is not one that this store makes"},
	StateTransaction: {Group: "state", Name: "StateTransaction", Code: "ERR_STATE_TRANSACTION", HTTP: broken, GRPC: codes.Internal,
		Text: "error while executing state transaction: %s", Args: []string{"cause"},
		Hint: "nothing of the transaction was done; an ETag that does not match ends here too"},
	StateTransactionsUnsupported: {Group: "state", Name: "StateTransactionsUnsupported", Code: "ERR_STATE_STORE_NOT_SUPPORTED",
		Reason: "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED", Resource: "state", HTTP: broken, GRPC: codes.Unimplemented,
		Text: "state store %s doesn't support transactions", Args: []string{"store"},
		Help: &Help{"https://docs.dapr.io/reference/components-reference/supported-state-stores/", "Check the list of state stores and the features they support"},
		Hint: "use a store whose capabilities in GET /v1.0/metadata hold TRANSACTIONAL"},
	StateTooManyOperations: {Group: "state", Name: "StateTooManyOperations", Code: "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS",
		Reason: "DAPR_STATE_TOO_MANY_TRANSACTIONS", Resource: "state", HTTP: bad, GRPC: codes.InvalidArgument,
		Text: "the transaction contains %d operations, which is more than what the state store supports: %d", Args: []string{"operations", "limit"},
		Hint: "split the transaction"},
	StateOperationUnsupported: {Group: "state", Name: "StateOperationUnsupported", Code: "ERR_NOT_SUPPORTED_STATE_OPERATION", HTTP: bad, GRPC: codes.Unimplemented,
		Text: "operation type %s not supported", Args: []string{"operation"}, Hint: "an operation is upsert or delete"},
	StateQueryUnsupported: {Group: "state", Name: "StateQueryUnsupported", Code: "ERR_STATE_STORE_NOT_SUPPORTED",
		Reason: "DAPR_STATE_QUERYING_NOT_SUPPORTED", Resource: "state", HTTP: broken, GRPC: codes.Internal,
		Text: "state store does not support querying", Hint: "use a store whose capabilities in GET /v1.0/metadata hold QUERY_API"},
	StateQuery: {Group: "state", Name: "StateQuery", Code: "ERR_STATE_QUERY", Reason: "DAPR_STATE_QUERY_FAILED", Resource: "state",
		HTTP: broken, GRPC: codes.Internal, Text: "state store %s query failed: %s", Args: []string{"store", "cause"}, Hint: hintStore},

	InvokeNoAppID: {Group: "invoke", Name: "InvokeNoAppID", Code: "ERR_DIRECT_INVOKE", HTTP: missing, GRPC: codes.NotFound,
		Text: "failed getting app id either from the URL path or the header dapr-app-id",
		Hint: "no API of the sidecar has this path, so it was read as a call of another application: look for a typing error, or name the application"},
	InvokeNotReady: {Group: "invoke", Name: "InvokeNotReady", Code: "ERR_DIRECT_INVOKE", HTTP: broken, GRPC: codes.Internal,
		Text: "invoke API is not ready", Hint: "this sidecar cannot call other applications yet"},
	ProxyNotReady: {Group: "invoke", Name: "ProxyNotReady", GRPC: codes.Unknown,
		Text: "failed to proxy request: proxy not initialized. daprd startup may be incomplete",
		Hint: "this sidecar cannot call other applications yet"},
	ProxyNoAppID: {Group: "invoke", Name: "ProxyNoAppID", GRPC: codes.Unknown,
		Text: "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found",
		Hint: "the sidecar has no such gRPC service, so it was read as a call of another application: name it in the metadata dapr-app-id"},
}

// Describe returns the row of a code.
func Describe(c Code) Row { return table[c] }

// Codes lists all rows' codes in the order of the table.
func Codes() []Code {
	out := make([]Code, numCodes)
	for i := range out {
		out[i] = Code(i)
	}
	return out
}

// String returns the code's name in Go.
func (c Code) String() string {
	if c < 0 || c >= numCodes {
		return "unknown code"
	}
	return table[c].Name
}
