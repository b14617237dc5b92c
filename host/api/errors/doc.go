// Package errors is the one table of the error codes that the Dapr API shows
// to applications, and the errors made from it.
//
//	return errors.New(errors.StateGet, key, store, cause).Wrap(err)
//
// A row of the table says the code, the HTTP status, the gRPC code, the text
// and a hint. Codes, statuses and texts are Dapr's, bit for bit, because SDKs
// and applications compare them; the hints are ours. An Error renders itself
// for both protocols: JSON and HTTPStatus, GRPCStatus.
//
// The package knows no building block and no transport. Errors of the inner
// parts of the sidecar, which no application sees, are plain Go errors.
package errors

//go:generate go run ./internal/mkdoc -o CODES.md
