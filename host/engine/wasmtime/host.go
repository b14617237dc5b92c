//go:build wasmtime && cgo

package wasmtime

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"

	"github.com/berth-run/berth/host/engine"
)

// berthHostCall runs a host function on the goroutine and thread of the call.
// What it panics with must not unwind into C: it is kept, the guest is ended by
// a trap, and function.Call finds it.
//
//export berthHostCall
func berthHostCall(handle C.uintptr_t, index C.uint32_t, stack *C.uint64_t) (end C.bool) {
	in := cgo.Handle(handle).Value().(*instance)
	defer func() {
		if p := recover(); p != nil {
			in.cause, end = cause(p), true
		}
	}()
	f := &in.module.functions[index]
	f.Fn(in.call, unsafe.Slice((*uint64)(stack), f.slots))
	return false
}

// berthInterrupt asks the call whether the guest may go on for an epoch.
//
//export berthInterrupt
func berthInterrupt(handle C.uintptr_t) (end C.bool) {
	in := cgo.Handle(handle).Value().(*instance)
	defer func() {
		if p := recover(); p != nil { // a context may be of any kind
			in.cause, end = cause(p), true
		}
	}()
	in.cause = in.call.Interrupt()
	return in.cause != nil
}

// cause is what a host function's panic becomes.
func cause(p any) error {
	err, ok := p.(error)
	if !ok {
		err = fmt.Errorf("%v", p)
	}
	var interrupt *engine.InterruptError
	var exit *engine.ExitError
	switch {
	case errors.As(err, &interrupt):
		return interrupt
	case errors.As(err, &exit):
		return exit
	}
	if cause := engine.AbortCause(err); cause != nil {
		return cause
	}
	return &engine.HostError{Err: err}
}
