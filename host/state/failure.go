package state

import (
	"context"
	"errors"
	"strings"

	"github.com/berth-run/berth/abi"
	apierrors "github.com/berth-run/berth/host/api/errors"
	"github.com/berth-run/berth/host/guest"
)

// failed makes the error that an application sees of one that a component or
// a check returned. args come before the cause in the row's text.
func (s *Store) failed(err error, plain, mismatch, invalid apierrors.Code, arg string) error {
	var e *apierrors.Error
	if errors.As(err, &e) {
		return e
	}
	code := plain
	switch etagStatus(err) {
	case abi.ETagMismatch:
		code = mismatch
	case abi.ETagInvalid:
		code = invalid
	}
	return apierrors.New(code, arg, s.text(err)).Wrap(err)
}

// etagStatus says whether err is the fault of an ETag. For a bulk of which
// items failed in different ways it follows Dapr: when all are faults of
// ETags, an invalid one weighs more; otherwise the first fault of an ETag counts.
func etagStatus(err error) abi.Status {
	var bulk *guest.BulkError
	if !errors.As(err, &bulk) {
		return guest.StatusOf(err)
	}
	first, all, invalid := abi.OK, true, false
	for i := range bulk.Items {
		switch st := bulk.Items[i].Err.Status; st {
		case abi.ETagMismatch, abi.ETagInvalid:
			invalid = invalid || st == abi.ETagInvalid
			if first == abi.OK {
				first = st
			}
		default:
			all = false
		}
	}
	if all && invalid {
		return abi.ETagInvalid
	}
	return first
}

// text is what an application reads of a component's error. The component's
// name, which the public text around it has already, and the prefix of keys are left out.
func (s *Store) text(err error) string {
	var bulk *guest.BulkError
	if errors.As(err, &bulk) {
		lines := make([]string, len(bulk.Items))
		for i := range bulk.Items {
			lines[i] = s.original(bulk.Items[i].Key) + ": " + itemText(bulk.Items[i].Err)
		}
		return strings.Join(lines, "\n")
	}
	var e *guest.Error
	switch {
	case errors.As(err, &e):
		return itemText(e)
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	}
	return err.Error()
}

// The texts that SDKs look for in errors of ETags.
const (
	mismatchText = "possible etag mismatch. error from state store"
	invalidText  = "invalid etag value"
)

func itemText(e *guest.Error) string {
	msg := e.Message
	var lead string
	switch e.Status {
	case abi.ETagMismatch:
		lead = mismatchText
	case abi.ETagInvalid:
		lead = invalidText
	default:
		if msg == "" {
			return e.Status.String()
		}
		return msg
	}
	switch {
	case msg == "":
		return lead
	case strings.HasPrefix(msg, lead):
		return msg
	}
	return lead + ": " + msg
}
