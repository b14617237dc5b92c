package rewrite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// features are what the engine may turn on at most.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall

// validator says whether modules are valid.
type validator struct {
	ctx context.Context
	rt  wazero.Runtime
}

func newValidator(t testing.TB) *validator {
	ctx := context.Background()
	v := &validator{ctx, wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))}
	t.Cleanup(func() { v.rt.Close(ctx) })
	return v
}

func (v *validator) check(wasm []byte) error {
	m, err := v.rt.CompileModule(v.ctx, wasm)
	if err == nil {
		m.Close(v.ctx)
	}
	return err
}

// errStop is what the tests' irq interrupts a guest with.
var errStop = errors.New("stopped by the test")

// guest is an instance under test.
type guest struct {
	t   testing.TB
	ctx context.Context
	mod api.Module
	irq *irq // nil when the module is as it was
}

// irq is the host's side of metering.
type irq struct {
	grant   int32 // fuel given at each exit
	stopAt  int   // exit that interrupts, 0 = none
	exits   int
	charged int64 // fuel spent up to the last exit
	given   int32 // at the last exit
	during  func()
}

func (q *irq) call(_ context.Context, m api.Module, stack []uint64) {
	fuel := int32(m.ExportedGlobal(FuelGlobal).Get())
	if fuel >= 0 {
		panic(fmt.Sprintf("irq called with %d of fuel left", fuel))
	}
	q.charged += int64(q.given) - int64(fuel)
	q.given = q.grant
	q.exits++
	if q.during != nil {
		q.during()
	}
	if q.exits == q.stopAt {
		panic(errStop)
	}
	stack[0] = api.EncodeI32(q.grant)
}

// spent is the fuel that the guest was charged since its start.
func (g *guest) spent() int64 {
	return g.irq.charged + int64(g.irq.given) - int64(int32(g.mod.ExportedGlobal(FuelGlobal).Get()))
}

// setFuel does what the host may do from outside.
func (g *guest) setFuel(fuel int32) {
	g.mod.ExportedGlobal(FuelGlobal).(api.MutableGlobal).Set(api.EncodeI32(fuel))
}

// compiled keeps the large guests' code from one test to the next.
var compiled = wazero.NewCompilationCache()

func newRuntime(t testing.TB, config wazero.RuntimeConfig) (context.Context, wazero.Runtime) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features).WithMemoryLimitPages(2048))
	t.Cleanup(func() { rt.Close(ctx) })
	return ctx, rt
}

// instantiate makes an instance of wasm as it is. env may be nil.
func instantiate(t testing.TB, ctx context.Context, rt wazero.Runtime, wasm []byte, env func(wazero.HostModuleBuilder)) *guest {
	t.Helper()
	if env != nil && rt.Module("env") == nil {
		b := rt.NewHostModuleBuilder("env")
		env(b)
		if _, err := b.Instantiate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	m, err := rt.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatalf("instantiating: %v", err)
	}
	return &guest{t: t, ctx: ctx, mod: m}
}

// instantiateRewritten does for a rewritten module what the engine does.
func instantiateRewritten(t testing.TB, ctx context.Context, rt wazero.Runtime, res *Result, q *irq, env func(wazero.HostModuleBuilder)) *guest {
	t.Helper()
	host, err := rt.NewHostModuleBuilder(IrqModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(q.call), nil, []api.ValueType{api.ValueTypeI32}).Export(IrqName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = host
	g := instantiate(t, ctx, rt, res.Wasm, env)
	g.irq = q
	for _, d := range res.Data {
		if !g.mod.Memory().Write(d.Offset, d.Bytes) {
			t.Fatalf("data at %d is out of bounds", d.Offset)
		}
	}
	if res.Start != "" {
		if _, err := g.mod.ExportedFunction(res.Start).Call(ctx); err != nil {
			t.Fatalf("start function: %v", err)
		}
	}
	return g
}

// start rewrites a module without imports and makes an instance of it.
func start(t testing.TB, wasm []byte, q *irq) *guest {
	t.Helper()
	ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
	return instantiateRewritten(t, ctx, rt, mustRewrite(t, wasm), q, nil)
}

// call calls an exported function; a trap is reduced to its cause.
func (g *guest) call(name string, args ...uint64) ([]uint64, error) {
	fn := g.mod.ExportedFunction(name)
	if fn == nil {
		g.t.Fatalf("no export %q", name)
	}
	out, err := fn.Call(g.ctx, args...)
	if err != nil && !errors.Is(err, errStop) {
		cause, _, _ := strings.Cut(err.Error(), "\n")
		err = errors.New(cause)
	}
	return out, err
}

// mustRewrite rewrites a module that may not fail.
func mustRewrite(t testing.TB, wasm []byte) *Result {
	t.Helper()
	res, err := Rewrite(wasm)
	if err != nil {
		t.Fatalf("rewriting: %v", err)
	}
	return res
}
