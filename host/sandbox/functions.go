package sandbox

import (
	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// Functions returns every function that a module of this component may import:
// berth1_core and all of WASI preview 1, with the signatures of abi.Imports.
// They find their state in Call.Host, which must hold an *Instance of this sandbox.
func (s *Sandbox) Functions() []engine.HostFunc {
	core, wasi := coreFunctions(), wasiFunctions()
	var out []engine.HostFunc
	for _, imp := range abi.Imports() {
		h := engine.HostFunc{Module: imp.Module, Name: imp.Name, Signature: signature(imp.Signature)}
		if f := core[imp.Name]; f != nil && imp.Module == abi.ImportCore {
			h.Fn = f.host(h.Results)
		} else if f := wasi[imp.Name]; f != nil && imp.Module == abi.ImportWASI {
			h.Fn = f.host()
		} else {
			continue
		}
		out = append(out, h)
	}
	return out
}

func (f coreFunc) host(results []engine.ValueType) func(*engine.Call, []uint64) {
	mask := ^uint64(0)
	if results[0] == engine.I32 {
		mask = 1<<32 - 1 // an i32 lies in the lower half, the upper one clear
	}
	return func(c *engine.Call, stack []uint64) {
		i := instanceOf(c)
		i.step(c)
		stack[0] = uint64(f(i, c, stack)) & mask
	}
}

func (f wasiFunc) host() func(*engine.Call, []uint64) {
	return func(c *engine.Call, stack []uint64) {
		i := instanceOf(c)
		i.step(c)
		stack[0] = uint64(f(i, c, stack))
	}
}

// instanceOf returns the state of the guest that calls. Anything else in
// Call.Host is a mistake of the host, which the engine reports as such.
func instanceOf(c *engine.Call) *Instance { return c.Host.(*Instance) }

// signature puts the ABI's notation into the engine's.
func signature(s abi.Signature) engine.Signature {
	var out engine.Signature
	list := &out.Params
	for _, letter := range s {
		switch letter {
		case ':':
			list = &out.Results
		case 'i':
			*list = append(*list, engine.I32)
		case 'I':
			*list = append(*list, engine.I64)
		case 'f':
			*list = append(*list, engine.F32)
		case 'F':
			*list = append(*list, engine.F64)
		}
	}
	return out
}
