package errors

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// domain is that of the ErrorInfo detail.
const domain = "dapr.io"

// Error is an error that an application sees. It is made by New and completed
// by its With methods, which change it and return it; after that it does not change.
type Error struct {
	code     Code
	message  string
	resource string
	info     map[string]string
	field    *violation
	cause    error
}

type violation struct {
	Field       string `json:"field,omitempty"`
	Description string `json:"description,omitempty"`
}

// New makes the error of a row; args are those that Row.Args lists.
func New(c Code, args ...any) *Error {
	row := &table[c]
	msg := row.Text
	if len(row.Args) > 0 {
		msg = fmt.Sprintf(row.Text, args...)
	}
	return &Error{code: c, message: msg}
}

// Wrap sets the error that lies below, for the log; it is not shown.
func (e *Error) Wrap(err error) *Error { e.cause = err; return e }

// WithResource sets the name in the ResourceInfo detail, of rows that have one.
func (e *Error) WithResource(name string) *Error { e.resource = name; return e }

// WithInfo sets the metadata of the ErrorInfo detail.
func (e *Error) WithInfo(md map[string]string) *Error { e.info = md; return e }

// WithField adds a BadRequest detail: the field at fault, and the message as its description.
func (e *Error) WithField(name string) *Error {
	e.field = &violation{name, e.message}
	return e
}

// From finds an *Error in err, or makes an Internal one of it.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(Internal, err).Wrap(err)
}

// Code returns the row's code.
func (e *Error) Code() Code { return e.code }

// Message returns the text that an application sees.
func (e *Error) Message() string { return e.message }

// Hint says what to do about the error; it is for logs and never in an answer.
func (e *Error) Hint() string { return table[e.code].Hint }

// Error returns the text with its public code.
func (e *Error) Error() string {
	if c := table[e.code].Code; c != "" {
		return c + ": " + e.message
	}
	return e.message
}

// Unwrap returns the error that lies below.
func (e *Error) Unwrap() error { return e.cause }

// HTTPStatus returns the status of the answer over HTTP.
func (e *Error) HTTPStatus() int {
	if s := table[e.code].HTTP; s != 0 {
		return s
	}
	return broken
}

type body struct {
	ErrorCode string `json:"errorCode"`
	Message   string `json:"message"`
	Details   []any  `json:"details,omitempty"`
}

// The details as the HTTP API shows them. The order of the fields is that of
// Dapr's answers, which sort them.
type (
	errorInfo struct {
		Type     string            `json:"@type"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata"`
		Reason   string            `json:"reason"`
	}
	resourceInfo struct {
		Type         string `json:"@type"`
		Description  string `json:"description"`
		Owner        string `json:"owner"`
		ResourceName string `json:"resource_name"`
		ResourceType string `json:"resource_type"`
	}
	badRequest struct {
		Type            string      `json:"@type"`
		FieldViolations []violation `json:"field_violations"`
	}
	help struct {
		Type  string     `json:"@type"`
		Links []helpLink `json:"links"`
	}
	helpLink struct {
		Description string `json:"description,omitempty"`
		URL         string `json:"url,omitempty"`
	}
)

const typePrefix = "type.googleapis.com/google.rpc."

// Body returns the answer's body over HTTP and its content type: JSON, or for
// rows without a public code the text alone.
func (e *Error) Body() (b []byte, contentType string) {
	row := &table[e.code]
	if row.Code == "" {
		return []byte(e.message + "\n"), "text/plain; charset=utf-8"
	}
	out := body{ErrorCode: row.Code, Message: e.message}
	if row.Reason != "" {
		if e.field != nil {
			out.Details = append(out.Details, badRequest{typePrefix + "BadRequest", []violation{*e.field}})
		}
		if row.Help != nil {
			out.Details = append(out.Details, help{typePrefix + "Help", []helpLink{{row.Help.Text, row.Help.URL}}})
		}
		if row.Resource != "" {
			out.Details = append(out.Details, resourceInfo{Type: typePrefix + "ResourceInfo", ResourceName: e.resource, ResourceType: row.Resource})
		}
		out.Details = append(out.Details, errorInfo{typePrefix + "ErrorInfo", domain, e.info, row.Reason})
	}
	b, err := json.Marshal(out)
	if err != nil { // cannot be: all fields are strings
		return []byte(`{"errorCode":"ERR_INTERNAL","message":"error cannot be encoded"}`), "application/json"
	}
	return b, "application/json"
}

// GRPCStatus returns the answer over gRPC. The gRPC library calls it.
func (e *Error) GRPCStatus() *status.Status {
	row := &table[e.code]
	st := status.New(row.GRPC, e.message)
	var details []protoadapt.MessageV1
	switch {
	case row.Via != 0:
		name := http.StatusText(row.Via)
		st = status.New(row.GRPC, name)
		details = append(details, &errdetails.ErrorInfo{Reason: name, Domain: domain, Metadata: map[string]string{
			"http.code": strconv.Itoa(row.Via), "http.error_message": e.message}})
		return withDetails(st, details)
	case row.Reason == "":
		return st
	}
	if e.field != nil {
		details = append(details, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: e.field.Field, Description: e.field.Description}}})
	}
	if row.Help != nil {
		details = append(details, &errdetails.Help{Links: []*errdetails.Help_Link{{Description: row.Help.Text, Url: row.Help.URL}}})
	}
	if row.Resource != "" {
		details = append(details, &errdetails.ResourceInfo{ResourceType: row.Resource, ResourceName: e.resource})
	}
	details = append(details, &errdetails.ErrorInfo{Reason: row.Reason, Domain: domain, Metadata: e.info})
	return withDetails(st, details)
}

func withDetails(st *status.Status, details []protoadapt.MessageV1) *status.Status {
	full, err := st.WithDetails(details...)
	if err != nil { // cannot be: no row's code is OK
		return st
	}
	return full
}

// TooManyOperations is the error of a transaction with n operations for a store that takes limit.
func TooManyOperations(store string, n, limit int) *Error {
	return New(StateTooManyOperations, n, limit).WithResource(store).WithInfo(map[string]string{
		"currentOpsTransaction": strconv.Itoa(n),
		"maxOpsPerTransaction":  strconv.Itoa(limit),
	})
}
