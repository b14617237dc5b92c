package guest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// component answers op 1 with what its answer field makes of the request.
type component struct {
	init   func(*Init) error
	answer func(ctx context.Context, req []byte) (Message, error)
}

func (c *component) Init(_ context.Context, in *Init) error {
	if c.init == nil {
		return nil
	}
	return c.init(in)
}

func (c *component) Call(ctx context.Context, method uint32, req []byte) (Message, error) {
	if method != 1 {
		return nil, ErrUnimplemented()
	}
	return c.answer(ctx, req)
}

// reset makes the package as it is when a module starts.
func reset(t *testing.T) {
	t.Helper()
	clear := func() {
		main, in, out, idle, garbage = Module{}, nil, nil, 0, collector{}
		frame.deadline, frame.size = 0, 0
	}
	clear()
	t.Cleanup(clear)
	frameAddress()
}

// install makes c the module's only component, initialised.
func install(t *testing.T, c *component) {
	t.Helper()
	reset(t)
	Register(1, "state.", c, c)
	if status, body := send(t, opInit, (&wire.InitRequest{}).Marshal()); status != 0 {
		t.Fatalf("Init: got status %d, %s", status, body)
	}
}

// send does what the host does: it reserves, writes the request, calls and copies the answer.
func send(t *testing.T, op uint32, req []byte) (Status, []byte) {
	t.Helper()
	if int(frame.inCap) < len(req) {
		if r := reserve(uint32(len(req))); r != 0 {
			t.Fatalf("reserve(%d): got %d, want 0", len(req), r)
		}
	}
	copy(in, req)
	status := Status(call(op, uint32(len(req))))
	if frame.outLen > 0 && frame.outPtr != address(out) {
		t.Fatal("the answer is not where the frame says")
	}
	return status, append([]byte(nil), out[:frame.outLen]...)
}

func wireError(t *testing.T, body []byte) *wire.Error {
	t.Helper()
	var e wire.Error
	if err := e.Unmarshal(body); err != nil {
		t.Fatalf("error body %x: %v", body, err)
	}
	return &e
}

// TestFrame holds the frame against the table of ABI-011.
func TestFrame(t *testing.T) {
	for name, got := range map[string][2]uintptr{
		"size": {unsafe.Offsetof(frame.size), 0}, "abi": {unsafe.Offsetof(frame.abi), 4},
		"in_ptr": {unsafe.Offsetof(frame.inPtr), 8}, "in_cap": {unsafe.Offsetof(frame.inCap), 12},
		"out_ptr": {unsafe.Offsetof(frame.outPtr), 16}, "out_len": {unsafe.Offsetof(frame.outLen), 20},
		"call_id": {unsafe.Offsetof(frame.callID), 24}, "deadline": {unsafe.Offsetof(frame.deadline), 32},
		"flags": {unsafe.Offsetof(frame.flags), 40}, "trace_id": {unsafe.Offsetof(frame.traceID), 48},
		"span_id": {unsafe.Offsetof(frame.spanID), 64}, "instance": {unsafe.Offsetof(frame.instance), 72},
		"the end": {unsafe.Sizeof(frame), 80},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got offset %d, want %d", name, got[0], got[1])
		}
	}
	if address := frameAddress(); address%8 != 0 {
		t.Errorf("the frame is at %#x, want a multiple of 8", address)
	}
	if frame.size != 80 || frame.abi != 1<<16 || frame.inCap < minIn || frame.inPtr == 0 {
		t.Errorf("got %+v, want size 80, ABI 1.0 and a request buffer", frame)
	}
}

func TestAnswers(t *testing.T) {
	cause := errors.New("connection refused")
	var self selfish
	for _, tc := range []struct {
		name   string
		answer func(context.Context, []byte) (Message, error)
		status Status
		want   wire.Error
	}{
		{"plain error", func(context.Context, []byte) (Message, error) { return nil, cause }, Internal, wire.Error{Message: "connection refused"}},
		{"status", func(context.Context, []byte) (Message, error) {
			return nil, &Error{Status: Unavailable, Body: wire.Error{Message: "away", Reason: "AWAY", Field: "host", Metadata: map[string]string{"a": "b"}}}
		}, Unavailable, wire.Error{Message: "away", Reason: "AWAY", Field: "host", Metadata: map[string]string{"a": "b"}}},
		{"wrapped status keeps the words around it", func(context.Context, []byte) (Message, error) {
			return nil, fmt.Errorf("reading: %w", &Error{Status: NotReady, Body: wire.Error{Message: "reconnecting", Reason: "R"}})
		}, NotReady, wire.Error{Message: "reading: reconnecting", Reason: "R"}},
		{"joined", func(context.Context, []byte) (Message, error) {
			return nil, errors.Join(cause, fmt.Errorf("x: %w", &Error{Status: ETagMismatch}))
		}, ETagMismatch, wire.Error{Message: "connection refused\nx: "}},
		{"deadline", func(context.Context, []byte) (Message, error) {
			return nil, fmt.Errorf("get: %w", context.DeadlineExceeded)
		}, DeadlineExceeded, wire.Error{Message: "get: context deadline exceeded"}},
		{"cancelled", func(context.Context, []byte) (Message, error) { return nil, context.Canceled }, Canceled, wire.Error{Message: "context canceled"}},
		{"an error that wraps itself", func(context.Context, []byte) (Message, error) { return nil, self }, Internal, wire.Error{Message: "self"}},
		{"not UTF-8", func(context.Context, []byte) (Message, error) {
			return nil, &Error{Status: Internal, Body: wire.Error{Message: "key \xff\xfe", Metadata: map[string]string{"\x80": "\x81"}, Reason: "\xc0", Field: "\xf5"}}
		}, Internal, wire.Error{Message: "key \ufffd\ufffd", Metadata: map[string]string{"\ufffd": "\ufffd"}, Reason: "\ufffd", Field: "\ufffd"}},
		{"long, cut inside a character", func(context.Context, []byte) (Message, error) {
			return nil, errors.New(strings.Repeat("x", maxText-1) + "é and more")
		}, Internal, wire.Error{Message: strings.Repeat("x", maxText-1) + "\ufffd"}},
		{"an answer beside an error is not sent", func(context.Context, []byte) (Message, error) {
			return &wire.GetResponse{Data: []byte("secret")}, cause
		}, Internal, wire.Error{Message: "connection refused"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			install(t, &component{answer: tc.answer})
			status, body := send(t, 1<<16|1, nil)
			got := wireError(t, body)
			if status != tc.status || got.Message != tc.want.Message || got.Reason != tc.want.Reason || got.Field != tc.want.Field || !maps.Equal(got.Metadata, tc.want.Metadata) {
				t.Errorf("got status %d %+v, want %d %+v", status, got, tc.status, tc.want)
			}
		})
	}
}

type selfish struct{}

func (selfish) Error() string   { return "self" }
func (s selfish) Unwrap() error { return s }

func TestPartial(t *testing.T) {
	install(t, &component{answer: func(context.Context, []byte) (Message, error) {
		return &wire.BulkResponse{Items: []wire.ItemStatus{ItemError("k", &Error{Status: ETagMismatch, Body: wire.Error{Message: "m"}})}}, &Error{Status: Partial}
	}})
	status, body := send(t, 1<<16|1, nil)
	var got wire.BulkResponse
	if err := got.Unmarshal(body); err != nil {
		t.Fatal(err)
	}
	if status != Partial || len(got.Items) != 1 || got.Items[0].Key != "k" || got.Items[0].Status != int32(ETagMismatch) || got.Items[0].Error.Message != "m" {
		t.Errorf("got status %d, %+v, want PARTIAL with one item", status, got)
	}
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestPanics(t *testing.T) {
	var broken *nilError
	for _, tc := range []struct {
		name, want string
		do         func()
	}{
		{"text", "panic: boom", func() { panic("boom") }},
		{"error", "panic: cause", func() { panic(errors.New("cause")) }},
		{"runtime error", "panic: runtime error: index out of range [3] with length 0", func() { _ = []int{}[len("abc")] }},
		{"stringer", "panic: 1s", func() { panic(time.Second) }},
		{"number", "panic: a value that is neither an error nor a string", func() { panic(7) }},
		{"its text panics", "panic: a value whose text cannot be had: its method panicked too", func() { panic(broken) }},
		{"not UTF-8", "panic: \ufffd", func() { panic("\xff") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			install(t, &component{answer: func(context.Context, []byte) (Message, error) { culprit(tc.do); return nil, nil }})
			status, body := send(t, 1<<16|1, nil)
			e := wireError(t, body)
			if status != Panicked || e.Message != tc.want || e.Reason != "PANIC" {
				t.Errorf("got status %d, %q %q, want PANICKED %q", status, e.Message, e.Reason, tc.want)
			}
			if !strings.Contains(e.Stack, "culprit") {
				t.Errorf("the stack does not name the function that panicked:\n%s", e.Stack)
			}
		})
	}
}

//go:noinline
func culprit(do func()) { do() }

func TestDispatch(t *testing.T) {
	reset(t)
	if status, body := send(t, opInit, nil); status != Unimplemented {
		t.Errorf("Init without a component: got %d %s, want UNIMPLEMENTED", status, body)
	}
	failed := errors.New("no such host")
	fail := true
	c := &component{
		init:   func(*Init) error { return map[bool]error{true: failed, false: nil}[fail] },
		answer: func(_ context.Context, req []byte) (Message, error) { return &wire.GetResponse{Data: req}, nil },
	}
	Register(1, "state.", c, c)
	steps := []struct {
		name   string
		op     uint32
		req    []byte
		status Status
	}{
		{"before Init", 1<<16 | 1, nil, FailedPrecondition},
		{"ping before Init", opPing, nil, 0},
		{"close before Init", opClose, nil, 0},
		{"request is not a message", opInit, []byte{0xff}, InvalidArgument},
		{"Init fails", opInit, nil, Internal},
		{"still before Init", 1<<16 | 1, nil, FailedPrecondition},
		{"Init", opInit, (&wire.InitRequest{ComponentType: "state.x"}).Marshal(), 0},
		{"call", 1<<16 | 1, []byte("hello"), 0},
		{"other kind", 2<<16 | 1, nil, Unimplemented},
		{"other method", 1<<16 | 99, nil, Unimplemented},
		{"other lifecycle method", 99, nil, Unimplemented},
		{"describe", 0, nil, Unimplemented},
		{"ping", opPing, nil, 0},
		{"drain", opDrain, nil, 0},
		{"close", opClose, nil, 0},
	}
	for _, s := range steps {
		fail = s.name == "Init fails"
		status, body := send(t, s.op, s.req)
		if status != s.status {
			t.Errorf("%s: got status %d %q, want %d", s.name, status, body, s.status)
		}
		if s.name == "call" {
			var got wire.GetResponse
			if err := got.Unmarshal(body); err != nil || string(got.Data) != "hello" {
				t.Errorf("call: got %q, %v, want hello", got.Data, err)
			}
		}
	}
	if got := Status(call(1<<16|1, uint32(len(in))+1)); got != InvalidArgument {
		t.Errorf("a request longer than the buffer: got %d, want INVALID_ARGUMENT", got)
	}
}

func TestInitChoosesByType(t *testing.T) {
	var chosen string
	named := func(name string) *component {
		return &component{init: func(in *Init) error { chosen = name + " " + in.Component + " " + in.Properties["k"]; return nil }}
	}
	a, b := named("a"), named("b")
	reset(t)
	Register(1, "state.", a, a)
	Register(7, "lock.", b, b)
	for _, tc := range []struct {
		typ    string
		want   string
		status Status
	}{{"lock.redis", "b n v", 0}, {"state.redis", "a n v", 0}, {"pubsub.redis", "", Unimplemented}, {"", "", Unimplemented}} {
		chosen = ""
		req := wire.InitRequest{ComponentType: tc.typ, ComponentName: "n", Metadata: &wire.MetadataRequest{Properties: map[string]string{"k": "v"}}}
		if status, _ := send(t, opInit, req.Marshal()); status != tc.status || chosen != tc.want {
			t.Errorf("%q: got %q with status %d, want %q with %d", tc.typ, chosen, status, tc.want, tc.status)
		}
	}
}

func TestContext(t *testing.T) {
	type key struct{}
	install(t, &component{answer: func(ctx context.Context, _ []byte) (Message, error) {
		if ctx.Done() != nil || ctx.Value(key{}) != nil {
			t.Error("a call's context has a channel or a value")
		}
		d, ok := ctx.Deadline()
		if ok != (frame.deadline != 0) || ok && d.UnixNano() != frame.deadline {
			t.Errorf("got deadline %v, %v, want that of the frame", d, ok)
		}
		return nil, ctx.Err()
	}})
	for _, tc := range []struct {
		name     string
		deadline int64
		want     Status
	}{{"none", 0, 0}, {"to come", time.Now().Add(time.Hour).UnixNano(), 0}, {"over", 1, DeadlineExceeded}} {
		frame.deadline = tc.deadline
		if status, _ := send(t, 1<<16|1, nil); status != tc.want {
			t.Errorf("%s: got status %d, want %d", tc.name, status, tc.want)
		}
	}
}

func TestBuffers(t *testing.T) {
	echo := func(_ context.Context, req []byte) (Message, error) { return &wire.GetResponse{Data: req}, nil }
	install(t, &component{answer: echo})
	roundTrip := func(n int) {
		t.Helper()
		req := make([]byte, n)
		for i := range req {
			req[i] = byte(i)
		}
		status, body := send(t, 1<<16|1, req)
		var got wire.GetResponse
		if err := got.Unmarshal(body); err != nil || status != 0 || string(got.Data) != string(req) {
			t.Fatalf("%d bytes: got status %d, %d bytes back, %v", n, status, len(got.Data), err)
		}
	}
	sizes := map[int]bool{}
	for n := 1; n < maxIdle; n += 5000 {
		roundTrip(n)
		sizes[len(in)] = true
	}
	if len(sizes) > 6 {
		t.Errorf("the buffer had %d sizes while requests grew to 1 MiB, want a doubling each time", len(sizes))
	}
	roundTrip(3 << 20)
	for i := range idleCalls + 1 {
		if large := len(in) > maxIdle && len(out) > maxIdle; large != (i < idleCalls) {
			t.Fatalf("after %d small calls: large buffers are kept = %v, want the opposite", i, large)
		}
		roundTrip(i)
	}
	roundTrip(100)
	if got := reserve(1 << 31); got == 0 {
		t.Error("reserve(1<<31): got 0, want a refusal")
	}
	if got := reserve(0); got != 0 || frame.inCap != uint32(len(in)) {
		t.Errorf("reserve(0): got %d and %d bytes, want 0 and what was there", got, frame.inCap)
	}
}

func TestTooLargeAnswer(t *testing.T) {
	install(t, &component{answer: func(context.Context, []byte) (Message, error) {
		return &wire.GetResponse{Data: make([]byte, 2<<20)}, nil
	}})
	garbage.limit = 4 << 20
	status, body := send(t, 1<<16|1, nil)
	if e := wireError(t, body); status != ResourceExhausted || !utf8.ValidString(e.Message) || !strings.Contains(e.Message, "2097157 bytes") {
		t.Errorf("got status %d %q, want RESOURCE_EXHAUSTED with the size", status, e.Message)
	}
}
