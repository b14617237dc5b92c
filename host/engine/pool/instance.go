package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
)

// Message is a request: one of package abi/proto.
type Message interface {
	Size() int
	MarshalTo([]byte) int
}

// Unmarshaler takes a response. It copies what it keeps.
type Unmarshaler interface{ Unmarshal([]byte) error }

// StatusError is an operation that the guest answered with a status other than
// OK. The instance is fine.
type StatusError struct {
	Status abi.Status
	Body   proto.Error
}

func (e *StatusError) Error() string {
	if e.Body.Message != "" {
		return e.Body.Message
	}
	return e.Status.String()
}

// PoisonError is an operation that cost the instance its life.
type PoisonError struct {
	Err    error  // what happened: an engine error, a *ViolationError or a *StatusError with Panicked
	Output string // the last lines the guest wrote to its standard error
}

func (e *PoisonError) Error() string { return e.Err.Error() }
func (e *PoisonError) Unwrap() error { return e.Err }

// ViolationError is a guest that broke the ABI.
type ViolationError struct {
	Clause string // of SPEC.md
	Text   string
}

func (e *ViolationError) Error() string {
	return "guest broke the ABI (" + e.Clause + "): " + e.Text
}

func violation(clause, format string, args ...any) error {
	return &ViolationError{clause, fmt.Sprintf(format, args...)}
}

// TooLargeError is a message over the component's limit.
type TooLargeError struct {
	What        string // "request" or "response"
	Size, Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s of %d bytes is over the limit of %d; raise wasm.maxMessageSize", e.What, e.Size, e.Limit)
}

// instance is one sandbox that speaks the ABI. It belongs to whoever borrowed it.
type instance struct {
	in         engine.Instance
	call       engine.Func
	reserve    engine.Func
	frame      uint32 // address, fixed for the instance's life
	maxMessage int
	state      State
	ctx        engine.Call
	stack      [2]uint64
	fields     abi.HostFields

	calls     uint64
	idleSince time.Time
}

// signatures of the exports (ABI-001 to ABI-009).
var (
	sigFrame   = engine.Signature{Results: []engine.ValueType{engine.I32}}
	sigReserve = engine.Signature{Params: []engine.ValueType{engine.I32}, Results: []engine.ValueType{engine.I32}}
	sigCall    = engine.Signature{Params: []engine.ValueType{engine.I32, engine.I32}, Results: []engine.ValueType{engine.I32}}
	sigNone    = engine.Signature{}
)

func export(in engine.Instance, name string, want engine.Signature) (engine.Func, error) {
	f := in.Func(name)
	if f == nil {
		return nil, violation("ABI-003", "the module does not export the function %s", name)
	}
	if got := f.Signature(); !sameTypes(got.Params, want.Params) || !sameTypes(got.Results, want.Results) {
		return nil, violation("ABI-003", "the export %s has another signature than the ABI's", name)
	}
	return f, nil
}

func sameTypes(a, b []engine.ValueType) bool { return string(valueBytes(a)) == string(valueBytes(b)) }

func valueBytes(t []engine.ValueType) []byte {
	b := make([]byte, len(t))
	for i := range t {
		b[i] = byte(t[i])
	}
	return b
}

// adopt makes an instance of one that the engine instantiated or cloned. A
// fresh one is initialised; a clone knows all that already.
func adopt(in engine.Instance, id uint64, maxMessage int, state State, c *engine.Call, fresh bool) (*instance, error) {
	i := &instance{in: in, maxMessage: maxMessage, state: state}
	i.ctx = *c
	i.fields.Instance = id
	var err error
	if i.call, err = export(in, abi.ExportCall, sigCall); err != nil {
		return nil, err
	}
	if i.reserve, err = export(in, abi.ExportReserve, sigReserve); err != nil {
		return nil, err
	}
	frame, err := export(in, abi.ExportFrame, sigFrame)
	if err != nil {
		return nil, err
	}
	if in.Func(abi.ExportInitialize) != nil && fresh {
		init, err := export(in, abi.ExportInitialize, sigNone)
		if err != nil {
			return nil, err
		}
		if err := init.Call(&i.ctx, nil); err != nil {
			return nil, err
		}
	}
	if err := frame.Call(&i.ctx, i.stack[:]); err != nil {
		return nil, err
	}
	i.frame = uint32(i.stack[0])
	return i, i.checkFrame()
}

func (i *instance) checkFrame() error {
	if i.frame%8 != 0 {
		return violation("ABI-010", "the frame's address %#x is not a multiple of 8", i.frame)
	}
	f, ok := abi.Range(i.in.Memory(), i.frame, abi.FrameSize)
	if !ok {
		return violation("ABI-010", "the frame at %#x is not inside the memory", i.frame)
	}
	g := abi.Guest(f)
	switch {
	case g.Size < abi.FrameSize:
		return violation("ABI-010", "the frame says it has %d bytes, and needs %d", g.Size, abi.FrameSize)
	case g.ABI>>16 != abi.Major:
		return violation("ABI-041", "the frame says ABI %d.%d, this host speaks %d.%d", g.ABI>>16, g.ABI&0xffff, abi.Major, abi.Minor)
	case g.ABI&0xffff > abi.Minor:
		return violation("ABI-041", "the guest needs ABI %d.%d, this host speaks %d.%d; upgrade the sidecar", g.ABI>>16, g.ABI&0xffff, abi.Major, abi.Minor)
	}
	return nil
}

// do runs one operation. The error is a *StatusError, a *TooLargeError, or
// anything else, after which the instance is not used again.
func (i *instance) do(ctx context.Context, deadline int64, op abi.Op, req Message, resp Unmarshaler) error {
	i.ctx.Reset(ctx, deadline)
	i.calls++
	n := 0
	if req != nil {
		n = req.Size()
	}
	if n > i.maxMessage {
		return &TooLargeError{"request", n, i.maxMessage}
	}
	mem := i.in.Memory()
	f, ok := abi.Range(mem, i.frame, abi.FrameSize)
	if !ok {
		return violation("ABI-010", "the frame is no longer inside the memory")
	}
	g := abi.Guest(f)
	if uint64(g.InCap) < uint64(n) {
		i.stack[0] = uint64(n)
		if err := i.reserve.Call(&i.ctx, i.stack[:]); err != nil {
			return err
		}
		if r := uint32(i.stack[0]); r != 0 {
			return &StatusError{Status: abi.ResourceExhausted, Body: proto.Error{Message: fmt.Sprintf("the guest has no memory for a request of %d bytes; raise wasm.memory", n)}}
		}
		mem = i.in.Memory()
		f, _ = abi.Range(mem, i.frame, abi.FrameSize) // memory never shrinks
		g = abi.Guest(f)
		if uint64(g.InCap) < uint64(n) {
			return violation("ABI-005", "berth1_reserve(%d) succeeded, and the buffer has %d bytes", n, g.InCap)
		}
	}
	if n > 0 {
		in, ok := abi.Range(mem, g.InPtr, uint32(n))
		if !ok {
			return violation("ABI-013", "the request buffer at %#x is not inside the memory", g.InPtr)
		}
		if overlaps(g.InPtr, uint32(n), i.frame) {
			return violation("ABI-013", "the request buffer overlaps the frame")
		}
		req.MarshalTo(in)
	}
	i.fields.CallID++
	i.fields.Deadline = deadline
	abi.PutHost(f, &i.fields)

	i.stack[0], i.stack[1] = uint64(op), uint64(n)
	if err := i.call.Call(&i.ctx, i.stack[:]); err != nil {
		return err
	}
	return i.answer(abi.Status(int32(uint32(i.stack[0]))), resp)
}

func overlaps(ptr, n, frame uint32) bool {
	return uint64(ptr) < uint64(frame)+abi.FrameSize && uint64(frame) < uint64(ptr)+uint64(n)
}

// answer reads what the guest left behind.
func (i *instance) answer(status abi.Status, resp Unmarshaler) error {
	if !status.Known() {
		return violation("ABI-024", "the status %d is none of the ABI's", int32(status))
	}
	mem := i.in.Memory()
	f, ok := abi.Range(mem, i.frame, abi.FrameSize)
	if !ok {
		return violation("ABI-010", "the frame is no longer inside the memory")
	}
	g := abi.Guest(f)
	out, ok := abi.Range(mem, g.OutPtr, g.OutLen)
	if !ok {
		return violation("ABI-013", "the response at %#x with %d bytes is not inside the memory", g.OutPtr, g.OutLen)
	}
	if len(out) > i.maxMessage {
		return &TooLargeError{"response", len(out), i.maxMessage}
	}
	if status == abi.OK || status == abi.Partial && resp != nil {
		if resp != nil {
			if err := resp.Unmarshal(out); err != nil {
				return violation("ABI-050", "the response does not decode: %v", err)
			}
		}
		if status == abi.OK {
			return nil
		}
		return &StatusError{Status: status}
	}
	e := &StatusError{Status: status}
	if err := e.Body.Unmarshal(out); err != nil {
		return violation("ABI-026", "the error body does not decode: %v", err)
	}
	e.Body.Message = truncate(e.Body.Message, abi.MaxErrorMessage)
	return e
}

// truncate cuts s, which is UTF-8, to at most n bytes without splitting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// fatal reports whether err ends the instance.
func fatal(err error) bool {
	var status *StatusError
	var large *TooLargeError
	switch {
	case err == nil, errors.As(err, &large):
		return false
	case errors.As(err, &status):
		return status.Status == abi.Panicked
	}
	return true
}
