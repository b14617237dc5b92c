package guest

import (
	"context"
	"time"
)

// Context is the context of a call. Its deadline is the call's; Done never
// fires, since nothing runs beside a call: Err tells when the time is over.
// It has no state of its own, so that a context kept from an earlier call is
// that of the current one.
type Context struct{}

var callContext Context

// Deadline returns the call's.
func (*Context) Deadline() (time.Time, bool) {
	if frame.deadline == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, frame.deadline), true
}

// Done returns nil: a channel that never fires.
func (*Context) Done() <-chan struct{} { return nil }

// Err asks the clock and the host.
func (*Context) Err() error {
	if frame.deadline != 0 && UnixNano() >= frame.deadline {
		return context.DeadlineExceeded
	}
	if cancelled() {
		return context.Canceled
	}
	return nil
}

// Value returns nil.
func (*Context) Value(any) any { return nil }
