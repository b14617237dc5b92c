//go:build wasmtime && cgo

package wasmtime

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/plugins/wasmfile"
)

type module struct {
	engine    *wasmtimeEngine
	name      string
	maxMemory uint64
	maxTable  int64
	info      engine.ModuleInfo
	functions []hostFunc           // those that the module imports
	exports   map[string]signature // of exported functions
	memory    string               // export name of the memory
	start     string               // export name of the start function, or ""

	mu  sync.RWMutex // guards pre against Close
	pre *C.wasmtime_instance_pre_t
}

// hostFunc is one that C knows by its place in module.functions.
type hostFunc struct {
	engine.HostFunc
	slots int // the larger one of the numbers of parameters and results
}

type signature struct {
	engine.Signature
	scalar bool // nothing but integers and floats
}

func (m *module) Info() engine.ModuleInfo { return m.info }

func (m *module) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pre != nil {
		C.wasmtime_instance_pre_delete(m.pre)
		m.pre = nil
		m.engine.users.Add(-1)
	}
	return nil
}

// choose finds the functions that the module imports among those offered, and
// the signatures of those that it exports.
func (m *module) choose(parsed *wasmfile.Module, offered []engine.HostFunc) error {
	byName := make(map[[2]string]engine.HostFunc, len(offered))
	for _, f := range offered {
		byName[[2]string{f.Module, f.Name}] = f
	}
	chosen := map[[2]string]bool{}
	for _, imp := range parsed.Imports {
		key := [2]string{imp.Module, imp.Name}
		f, ok := byName[key]
		if imp.Kind != wasmfile.ExternFunc || !ok {
			return fmt.Errorf("the module imports %s %s.%s, which this host does not offer", imp.Kind, imp.Module, imp.Name)
		}
		if int(imp.Type) >= len(parsed.Types) || !equal(parsed.Types[imp.Type], f.Signature) {
			return fmt.Errorf("the module imports %s.%s with another signature than the host's", imp.Module, imp.Name)
		}
		if !chosen[key] {
			chosen[key] = true
			m.functions = append(m.functions, hostFunc{f, max(len(f.Params), len(f.Results))})
		}
	}
	m.exports = map[string]signature{}
	for _, e := range parsed.Exports {
		if e.Kind != wasmfile.ExternFunc {
			continue
		}
		t, ok := m.typeOf(parsed, e.Index)
		if !ok {
			return fmt.Errorf("the export %s is a function that does not exist", e.Name)
		}
		m.exports[e.Name] = signatureOf(t)
	}
	return nil
}

// typeOf returns a function's type. All imports are functions, as choose made sure.
func (m *module) typeOf(parsed *wasmfile.Module, index uint32) (wasmfile.FuncType, bool) {
	i := uint64(index)
	t := uint32(0)
	switch imports := uint64(len(parsed.Imports)); {
	case i < imports:
		t = parsed.Imports[i].Type
	case i-imports < uint64(len(parsed.Funcs)):
		t = parsed.Funcs[i-imports]
	default:
		return wasmfile.FuncType{}, false
	}
	if uint64(t) >= uint64(len(parsed.Types)) {
		return wasmfile.FuncType{}, false
	}
	return parsed.Types[t], true
}

func equal(t wasmfile.FuncType, s engine.Signature) bool {
	return string(t.Params) == string(codes(s.Params)) && string(t.Results) == string(codes(s.Results))
}

func codes(types []engine.ValueType) []byte {
	b := make([]byte, len(types))
	for i, t := range types {
		b[i] = byte(t)
	}
	return b
}

func signatureOf(t wasmfile.FuncType) signature {
	s := signature{scalar: true}
	convert := func(codes []byte) (out []engine.ValueType) {
		for _, c := range codes {
			out = append(out, engine.ValueType(c))
			s.scalar = s.scalar && c >= byte(engine.F64) && c <= byte(engine.I32)
		}
		return out
	}
	s.Params, s.Results = convert(t.Params), convert(t.Results)
	return s
}

// link binds the machine code to the host functions.
func (m *module) link(code *C.wasmtime_module_t) error {
	var f C.berth_failure
	linker := C.wasmtime_linker_new(m.engine.ptr)
	defer C.wasmtime_linker_delete(linker)
	for i, h := range m.functions {
		params, results := codes(h.Params), codes(h.Results)
		ok := C.berth_define(linker, chars(h.Module), C.size_t(len(h.Module)), chars(h.Name), C.size_t(len(h.Name)), C.uint32_t(i),
			(*C.uint8_t)(unsafe.SliceData(params)), C.size_t(len(params)), (*C.uint8_t)(unsafe.SliceData(results)), C.size_t(len(results)), &f)
		if !ok {
			return failure(&f)
		}
	}
	runtime.KeepAlive(m)
	if !C.berth_link(linker, code, &m.pre, &f) {
		return failure(&f)
	}
	return nil
}

// chars is s as C takes it: without a zero, with the length beside it.
func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }

// Instantiate makes a fresh instance and runs its start function.
func (m *module) Instantiate(c *engine.Call) (engine.Instance, error) {
	in, err := m.instantiate()
	if err != nil {
		return nil, fmt.Errorf("component %s: instantiating: %w", m.name, err)
	}
	if m.start != "" {
		if err := in.function(m.start, signature{scalar: true}).Call(c, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("component %s: instantiating: %w", m.name, err), in.Close())
		}
	}
	return in, nil
}

func (m *module) instantiate() (*instance, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.pre == nil {
		return nil, engine.ErrClosed
	}
	var f C.berth_failure
	in := &instance{module: m}
	in.handle = cgo.NewHandle(in)
	in.ptr = C.berth_instance_new(m.engine.ptr, m.pre, C.uintptr_t(in.handle), m.engine.stack,
		C.int64_t(m.maxMemory), C.int64_t(m.maxTable), chars(m.memory), C.size_t(len(m.memory)), &f)
	if in.ptr == nil {
		in.handle.Delete()
		return nil, failure(&f)
	}
	m.engine.users.Add(1)
	return in, nil
}

// Snapshot is not supported: wasmtime hides the globals that a module does not
// export, and fresh instances already share the pages of their data segments.
func (m *module) Snapshot(in engine.Instance) (engine.Snapshot, error) {
	return nil, fmt.Errorf("component %s: %w: wasmtime gives no access to a module's own globals", m.name, errors.ErrUnsupported)
}
