//go:build wasmtime && cgo

package wasmtime

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"

	"github.com/berth-run/berth/host/engine"
)

// instance is a store with the one instance in it. Whoever uses it owns its
// state, as package engine demands.
type instance struct {
	module *module
	ptr    *C.berth_instance // nil once closed
	handle cgo.Handle        // by which C names this to berthHostCall and berthInterrupt
	call   *engine.Call      // the one that runs
	cause  error             // why Go ended the guest
}

func (in *instance) Memory() []byte {
	if in.ptr == nil {
		return nil
	}
	return unsafe.Slice((*byte)(in.ptr.base), int(in.ptr.size))
}

func (in *instance) Close() error {
	if in.ptr != nil {
		C.berth_instance_delete(in.ptr)
		in.ptr = nil
		in.handle.Delete()
		in.module.engine.users.Add(-1)
	}
	return nil
}

func (in *instance) Func(name string) engine.Func {
	s, ok := in.module.exports[name]
	if !ok || in.ptr == nil {
		return nil
	}
	return in.function(name, s)
}

// function returns an export that there is, with the signature that it has.
func (in *instance) function(name string, s signature) *function {
	f := &function{in: in, sig: s, slots: max(len(s.Params), len(s.Results))}
	f.exists = bool(C.berth_function(in.ptr, chars(name), C.size_t(len(name)), &f.fn))
	return f
}

type function struct {
	in     *instance
	fn     C.wasmtime_func_t
	exists bool
	sig    signature
	slots  int
}

func (f *function) Signature() engine.Signature { return f.sig.Signature }

func (f *function) Call(c *engine.Call, stack []uint64) error {
	in := f.in
	switch {
	case in.ptr == nil:
		return engine.ErrClosed
	case !f.exists || !f.sig.scalar || len(stack) < f.slots: // C checks nothing of it
		return &engine.HostError{Err: fmt.Errorf("a function of %d parameters and %d results cannot be called with %d slots, or has types that the host cannot pass",
			len(f.sig.Params), len(f.sig.Results), len(stack))}
	}
	c.Instance = in
	outer := in.call
	in.call = c
	clock := &in.module.engine.clock
	clock.enter()
	ok := C.berth_call(in.ptr, &f.fn, (*C.uint64_t)(unsafe.SliceData(stack)), C.size_t(len(f.sig.Params)), C.size_t(len(f.sig.Results)))
	clock.leave()
	in.call = outer
	if ok {
		return nil
	}
	err := failure(&in.ptr.failure)
	switch {
	case in.cause != nil:
		err, in.cause = in.cause, nil
	case !bool(in.ptr.failure.trap):
		err = &engine.HostError{Err: err}
	}
	return err
}
