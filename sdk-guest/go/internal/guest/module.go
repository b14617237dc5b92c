package guest

import (
	"context"

	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// Message is a message of package wire.
type Message interface {
	Size() int
	MarshalTo([]byte) int
}

// Handler answers the operations of one kind.
type Handler interface {
	// Call answers one operation; method is the operation's lower half, req its
	// body, which is valid during the call only. With an error whose status is
	// Partial the message is the answer, with any other it is not looked at.
	Call(ctx context.Context, method uint32, req []byte) (Message, error)
}

// Init is what a component is told before its first operation.
type Init struct {
	// Properties is the component's metadata: field name to value, without the
	// keys that are the host's. It is never nil.
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

// Module is the components of one module, of which Init chooses one.
type Module struct {
	registered []registration
	current    *registration
}

type registration struct {
	kind      uint32
	prefix    string // of the component types of this kind: "state."
	component Lifecycle
	handler   Handler
}

// Register adds a component of one kind. prefix is that of the kind's types.
func (m *Module) Register(kind uint32, prefix string, c Lifecycle, h Handler) {
	m.registered = append(m.registered, registration{kind, prefix, c, h})
}

// Operations of every component, the upper half of op being 0.
const (
	opInit = iota + 1
	opPing
	opClose
	opDrain
)

// Answer does one operation and returns its status and body, which may be nil.
// A panic becomes a status that carries its text and stack.
func (m *Module) Answer(ctx context.Context, op uint32, req []byte) (status Status, body Message) {
	defer func() {
		if r := recover(); r != nil {
			e := &Error{Status: Panicked, Body: wire.Error{Message: "panic: " + panicText(r), Reason: "PANIC"}}
			e = e.clean()
			e.Body.Stack = stack()
			status, body = Panicked, &e.Body
		}
	}()
	body, err := m.dispatch(ctx, op, req)
	if err == nil {
		return 0, body
	}
	e := asError(err)
	if body == nil || e.Status != Partial {
		body = &e.Body
	}
	return e.Status, body
}

func (m *Module) dispatch(ctx context.Context, op uint32, req []byte) (Message, error) {
	kind, method := op>>16, op&0xffff
	switch c := m.current; {
	case kind == 0 && method == opInit:
		return m.init(ctx, req)
	case kind == 0:
		return nil, c.lifecycle(ctx, method)
	case c == nil:
		return nil, &Error{Status: FailedPrecondition, Body: wire.Error{Message: "operation before Init"}}
	case c.kind != kind:
		return nil, ErrUnimplemented()
	default:
		return c.handler.Call(ctx, method, req)
	}
}

// lifecycle does an operation without request and answer. r is nil before Init.
func (r *registration) lifecycle(ctx context.Context, method uint32) error {
	switch method {
	case opPing:
		if r != nil {
			if p, ok := r.component.(Pinger); ok {
				return p.Ping(ctx)
			}
		}
		return nil
	case opClose:
		if r != nil {
			if c, ok := r.component.(Closer); ok {
				return c.Close(ctx)
			}
		}
		return nil
	case opDrain:
		return nil // nothing to stop: a component that is called makes no events of its own
	}
	return ErrUnimplemented()
}

func (m *Module) init(ctx context.Context, req []byte) (Message, error) {
	var r wire.InitRequest
	if err := r.Unmarshal(req); err != nil {
		return nil, BadRequest(err)
	}
	var found *registration
	for i := range m.registered {
		if c := &m.registered[i]; len(m.registered) == 1 || hasPrefix(r.ComponentType, c.prefix) {
			found = c
			break
		}
	}
	if found == nil {
		return nil, &Error{Status: Unimplemented, Body: wire.Error{Message: "this module has no component of type " + r.ComponentType}}
	}
	in := &Init{Component: r.ComponentName, Type: r.ComponentType, AppID: r.AppID, Namespace: r.Namespace, Capabilities: r.Capabilities}
	if r.Metadata != nil {
		in.Properties = r.Metadata.Properties
	}
	if in.Properties == nil {
		in.Properties = map[string]string{}
	}
	if err := found.component.Init(ctx, in); err != nil {
		return nil, err
	}
	m.current = found
	if f, ok := found.component.(Featurer); ok {
		return &wire.InitResponse{Features: f.Features()}, nil
	}
	return nil, nil
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

// BadRequest is the answer to a request that cannot be decoded.
func BadRequest(err error) error {
	return &Error{Status: InvalidArgument, Body: wire.Error{Message: "request: " + err.Error()}}
}
