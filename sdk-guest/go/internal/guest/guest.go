// Package guest is the guest's side of the ABI: the frame, the exports, the
// dispatch of operations to registered components, and the host's imports.
package guest

import (
	"context"
	"time"
	"unsafe"

	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// version is the ABI version that this SDK was built for.
const version = 1 << 16

// minIn is the request buffer's first size; the host asks for more when it needs it.
const minIn = 64 << 10

// maxIdle is the largest buffer that is kept from one call to the next.
const maxIdle = 1 << 20

// frame is the 80 bytes through which host and guest talk (ABI-011).
var frame struct {
	size, abi        uint32
	inPtr, inCap     uint32
	outPtr, outLen   uint32
	callID           uint64
	deadline         int64
	flags, reserved1 uint32
	traceID          [16]byte
	spanID           [8]byte
	instance         uint64
}

// The buffers that the frame points to. They are package variables so that the
// collector keeps them, and Go's collectors do not move.
var in, out []byte

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// frameAddress prepares the frame at its first call, and returns where it is.
func frameAddress() uint32 {
	if frame.size == 0 {
		frame.size, frame.abi = uint32(unsafe.Sizeof(frame)), version
		reserve(minIn)
	}
	return uint32(uintptr(unsafe.Pointer(&frame)))
}

// reserve makes the request buffer at least n bytes long.
func reserve(n uint32) int32 {
	if uint64(n) > 1<<31 {
		return 1
	}
	if uint32(cap(in)) < n {
		in = make([]byte, n)
	}
	frame.inPtr, frame.inCap = address(in), uint32(cap(in))
	return 0
}

// Message is a message of package wire.
type Message interface {
	Size() int
	MarshalTo([]byte) int
}

func reply(m Message) {
	frame.outPtr, frame.outLen = 0, 0
	if m == nil {
		return
	}
	n := m.Size()
	if cap(out) < n || cap(out) > maxIdle && n < maxIdle/2 {
		out = make([]byte, max(n, 4096))
	}
	m.MarshalTo(out[:n])
	frame.outPtr, frame.outLen = address(out), uint32(n)
}

// Handler answers the operations of one kind.
type Handler interface {
	// Call answers one operation; method is the operation's lower half, req its
	// body, which is valid during the call only.
	Call(ctx context.Context, method uint32, req []byte) (Message, error)
}

// Init is what a component is told before its first operation.
type Init struct {
	// Properties is the component's metadata: field name to value, without the
	// keys that are the host's.
	Properties map[string]string
	Component  string // the name the operator gave it
	Type       string // such as "state.redis"
	AppID      string
	Namespace  string
	// Capabilities that were granted, such as "net.dial".
	Capabilities []string
}

// Lifecycle is a component whatever its kind.
type Lifecycle interface {
	Init(ctx context.Context, in *Init) error
}

// Featurer, Pinger and Closer are optional parts of a component.
type (
	Featurer interface{ Features() []string }
	Pinger   interface {
		Ping(ctx context.Context) error
	}
	Closer interface {
		Close(ctx context.Context) error
	}
)

type registration struct {
	kind      uint32
	prefix    string // of the component types of this kind: "state."
	component Lifecycle
	handler   Handler
}

var registered []registration

// Register adds a component of one kind. It is called while the module initialises.
func Register(kind uint32, prefix string, c Lifecycle, h Handler) {
	registered = append(registered, registration{kind, prefix, c, h})
}

// current is the component that Init chose.
var current *registration

const yieldEvery = 256

var sinceYield int

// call answers one operation, and turns a panic into a status that carries its text and stack.
func call(op, n uint32) (status int32) {
	if sinceYield++; sinceYield >= yieldEvery {
		sinceYield = 0
		yield() // short calls starve the collector's own goroutines otherwise
	}
	defer func() {
		if r := recover(); r != nil {
			reply(&wire.Error{Message: "panic: " + panicText(r), Reason: "PANIC", Stack: stack()})
			status = int32(Panicked)
		}
	}()
	if uint64(n) > uint64(cap(in)) {
		reply(nil)
		return int32(InvalidArgument)
	}
	m, err := dispatch(op, in[:n:n])
	if cap(in) > maxIdle && n < maxIdle/2 {
		in = nil
		reserve(minIn)
	}
	if err != nil {
		e := asError(err)
		if m == nil || e.Status != Partial {
			m = &e.Body
		}
		reply(m)
		return int32(e.Status)
	}
	reply(m)
	return 0
}

func dispatch(op uint32, req []byte) (Message, error) {
	kind, method := op>>16, op&0xffff
	ctx := &callContext
	if kind == 0 {
		return lifecycle(ctx, method, req)
	}
	if current == nil {
		return nil, &Error{Status: FailedPrecondition, Body: wire.Error{Message: "operation before Init"}}
	}
	if current.kind != kind {
		return nil, unimplemented
	}
	return current.handler.Call(ctx, method, req)
}

func lifecycle(ctx context.Context, method uint32, req []byte) (Message, error) {
	switch method {
	case 1:
		var m wire.InitRequest
		if err := m.Unmarshal(req); err != nil {
			return nil, err
		}
		return initialise(ctx, &m)
	case 2:
		if current != nil {
			if p, ok := current.component.(Pinger); ok {
				return nil, p.Ping(ctx)
			}
		}
		return nil, nil
	case 3:
		if current != nil {
			if c, ok := current.component.(Closer); ok {
				return nil, c.Close(ctx)
			}
		}
		return nil, nil
	case 4:
		return nil, nil // nothing to stop: a component of this mode makes no events of its own
	}
	return nil, unimplemented
}

func initialise(ctx context.Context, m *wire.InitRequest) (Message, error) {
	var found *registration
	for i := range registered {
		r := &registered[i]
		if len(registered) == 1 || len(m.ComponentType) > len(r.prefix) && m.ComponentType[:len(r.prefix)] == r.prefix {
			found = r
			break
		}
	}
	if found == nil {
		return nil, &Error{Status: Unimplemented, Body: wire.Error{Message: "this module has no component of type " + m.ComponentType}}
	}
	in := &Init{Component: m.ComponentName, Type: m.ComponentType, AppID: m.AppID, Namespace: m.Namespace, Capabilities: m.Capabilities}
	if m.Metadata != nil {
		in.Properties = m.Metadata.Properties
	}
	if in.Properties == nil {
		in.Properties = map[string]string{}
	}
	if err := found.component.Init(ctx, in); err != nil {
		return nil, err
	}
	current = found
	resp := &wire.InitResponse{}
	if f, ok := found.component.(Featurer); ok {
		resp.Features = f.Features()
	}
	return resp, nil
}

// Context is the context of a call. Its deadline is the call's; Done never
// fires, since nothing runs beside a call: Err tells when the time is over.
type Context struct{}

var callContext Context

func (*Context) Deadline() (time.Time, bool) {
	if frame.deadline == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, frame.deadline), true
}

func (*Context) Done() <-chan struct{} { return nil }

func (*Context) Err() error {
	if frame.deadline != 0 && time.Now().UnixNano() >= frame.deadline {
		return context.DeadlineExceeded
	}
	if cancelled() {
		return context.Canceled
	}
	return nil
}

func (*Context) Value(any) any { return nil }

// Instance differs between instances, also between those of one snapshot.
func Instance() uint64 { return frame.instance }
