package wazero

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero/rewrite"
	"github.com/berth-run/berth/plugins/wasmfile"
)

const pageSize = 64 << 10

type module struct {
	name      string
	runtime   wazero.Runtime
	compiled  wazero.CompiledModule
	rewritten *rewrite.Result
	maxMemory uint64
	info      engine.ModuleInfo
	code      *cacheEntry
	memories  memories

	close    sync.Once
	closeErr error
}

func (m *module) Info() engine.ModuleInfo { return m.info }

func (m *module) Close() error {
	m.close.Do(func() { m.closeErr = errors.Join(m.runtime.Close(context.Background()), m.code.release()) })
	return m.closeErr
}

// link offers the module the functions that it imports, and no others.
func (m *module) link(ctx context.Context, parsed *wasmfile.Module, offered []engine.HostFunc) error {
	byName := make(map[[2]string]engine.HostFunc, len(offered))
	for _, f := range offered {
		byName[[2]string{f.Module, f.Name}] = f
	}
	builders := map[string]wazero.HostModuleBuilder{}
	builder := func(name string) wazero.HostModuleBuilder {
		if builders[name] == nil {
			builders[name] = m.runtime.NewHostModuleBuilder(name)
		}
		return builders[name]
	}
	for _, imp := range parsed.Imports {
		key := [2]string{imp.Module, imp.Name}
		f, ok := byName[key]
		if imp.Kind != wasmfile.ExternFunc || !ok {
			return fmt.Errorf("the module imports %s %s.%s, which this host does not offer", imp.Kind, imp.Module, imp.Name)
		}
		if int(imp.Type) >= len(parsed.Types) || !equal(parsed.Types[imp.Type], f.Signature) {
			return fmt.Errorf("the module imports %s.%s with another signature than the host's", imp.Module, imp.Name)
		}
		builder(imp.Module).NewFunctionBuilder().
			WithGoModuleFunction(adapt(f.Fn), valueTypes(f.Params), valueTypes(f.Results)).Export(imp.Name)
	}
	builder(rewrite.IrqModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(irq), nil, []api.ValueType{api.ValueTypeI32}).Export(rewrite.IrqName)
	for _, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func equal(t wasmfile.FuncType, s engine.Signature) bool {
	return string(t.Params) == string(valueTypes(s.Params)) && string(t.Results) == string(valueTypes(s.Results))
}

func valueTypes(types []engine.ValueType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = api.ValueType(t)
	}
	return out
}

// callContext carries a call through wazero to the host functions. Its Value
// finds nothing, so that wazero's look-ups of its own options cost nothing.
type callContext struct {
	context.Context // Background: deadlines are the meter's business
	call            *engine.Call
}

func (*callContext) Value(any) any { return nil }

func adapt(fn func(*engine.Call, []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, _ api.Module, stack []uint64) { fn(ctx.(*callContext).call, stack) }
}

// irq is what the meter calls when the fuel is used up; its result is the next portion.
func irq(ctx context.Context, _ api.Module, stack []uint64) {
	if err := ctx.(*callContext).call.Interrupt(); err != nil {
		panic(err)
	}
	stack[0] = engine.FuelPerExit
}

// Instantiate makes a fresh instance, writes its data and runs its start function.
func (m *module) Instantiate(c *engine.Call) (_ engine.Instance, err error) {
	in, err := m.instantiate(m.memories.alloc)
	if err != nil {
		return nil, fmt.Errorf("component %s: instantiating: %w", m.name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("component %s: instantiating: %w", m.name, err), in.Close())
		}
	}()
	for _, s := range m.rewritten.Data {
		if !in.mod.Memory().Write(s.Offset, s.Bytes) {
			return nil, &engine.TrapError{Reason: "out of bounds memory access by a data segment"}
		}
	}
	if m.rewritten.Start != "" {
		if err := in.Func(m.rewritten.Start).Call(c, nil); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// instantiate makes an instance with the memory that alloc returns for it.
func (m *module) instantiate(alloc func(max uint64) (experimental.LinearMemory, error)) (in *instance, err error) {
	var allocErr error
	ctx := experimental.WithMemoryAllocator(context.Background(), experimental.MemoryAllocatorFunc(
		func(_, max uint64) experimental.LinearMemory {
			mem, err := alloc(min(max, m.maxMemory))
			if err != nil {
				allocErr = err
				panic(err) // wazero's interface has no error here; recovered below
			}
			return mem
		}))
	defer func() {
		if p := recover(); p != nil {
			if allocErr == nil {
				allocErr = fmt.Errorf("the engine failed: %v", p)
			}
			in, err = nil, allocErr
		}
	}()
	mod, err := m.runtime.InstantiateModule(ctx, m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, translate(err)
	}
	in = &instance{module: m, mod: mod, ctx: callContext{Context: context.Background()}, memory: mod.Memory()}
	return in, nil
}
