package wazero

import (
	"context"
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/berth-run/berth/host/engine"
)

type instance struct {
	module *module
	mod    api.Module
	memory api.Memory
	ctx    callContext // of the call that runs; one at a time
}

func (in *instance) Memory() []byte {
	b, _ := in.memory.Read(0, in.memory.Size())
	return b
}

func (in *instance) Close() error { return in.mod.Close(context.Background()) }

func (in *instance) Func(name string) engine.Func {
	f := in.mod.ExportedFunction(name)
	if f == nil {
		return nil
	}
	d := f.Definition()
	return &function{in: in, fn: f, sig: engine.Signature{Params: engineTypes(d.ParamTypes()), Results: engineTypes(d.ResultTypes())}}
}

func engineTypes(types []api.ValueType) []engine.ValueType {
	var out []engine.ValueType
	for _, t := range types {
		out = append(out, engine.ValueType(t))
	}
	return out
}

type function struct {
	in  *instance
	fn  api.Function
	sig engine.Signature
}

func (f *function) Signature() engine.Signature { return f.sig }

func (f *function) Call(c *engine.Call, stack []uint64) error {
	c.Instance = f.in
	f.in.ctx.call = c
	err := f.fn.CallWithStack(&f.in.ctx, stack)
	f.in.ctx.call = nil
	if err != nil {
		return translate(err)
	}
	return nil
}

const traceHeader = "wasm stack trace:"

// translate turns wazero's errors into those of package engine. wazero hands
// back what a host function panicked with, wrapped; its own traps have a type
// that is internal, and are told by their text.
func translate(err error) error {
	var interrupt *engine.InterruptError
	var exit *engine.ExitError
	var closed *sys.ExitError
	switch {
	case errors.As(err, &interrupt):
		return interrupt
	case errors.As(err, &exit):
		return exit
	case errors.As(err, &closed):
		return engine.ErrClosed
	}
	text, stack, _ := strings.Cut(err.Error(), traceHeader)
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "(recovered by wazero)"))
	if reason, ok := strings.CutPrefix(text, "wasm error: "); ok {
		return &engine.TrapError{Reason: reason, Stack: trimStack(stack)}
	}
	if text == "stack overflow" {
		return &engine.TrapError{Reason: text}
	}
	if cause := engine.AbortCause(err); cause != nil {
		return cause
	}
	return &engine.HostError{Err: err}
}

func trimStack(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
