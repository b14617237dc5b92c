package wazero

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero/rewrite"
	"github.com/berth-run/berth/plugins/cache"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// features are what guests may use: WebAssembly 2.0 and tail calls.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall

const modulePath = "github.com/tetratelabs/wazero"

// Options of New.
type Options struct {
	// CacheDir keeps compiled code between runs; "" keeps none. It is created
	// with mode 0700. What lies in it is trusted as native code.
	CacheDir string
	// PortableMemory keeps memories as systems other than Linux have to: on the
	// Go heap, copied for each clone of a snapshot.
	PortableMemory bool
}

type wazeroEngine struct {
	cache    codeCache
	memories memories
}

// New returns the engine. The error names the cache folder when that is at fault.
func New(o Options) (engine.Engine, error) {
	e := &wazeroEngine{cache: codeCache{dir: o.CacheDir}, memories: system}
	if o.PortableMemory {
		e.memories = portable
	}
	if o.CacheDir != "" {
		if err := cache.EnsureDir(o.CacheDir); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *wazeroEngine) Name() string { return "wazero" }

func (e *wazeroEngine) Version() string { return version() + "-rewrite" + fmt.Sprint(rewrite.Version) }

var version = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == modulePath {
				return d.Version
			}
		}
	}
	return "unknown"
})

// Close has nothing to free: code goes with the last module that uses it.
func (e *wazeroEngine) Close() error { return nil }

// Compile rewrites, validates and compiles a module in a runtime of its own.
func (e *wazeroEngine) Compile(ctx context.Context, c engine.Config) (_ engine.Module, err error) {
	fail := func(err error) error { return &engine.CompileError{Component: c.Name, Err: err} }
	if c.MaxMemory == 0 {
		c.MaxMemory = engine.DefaultMaxMemory
	}
	parsed, err := wasmfile.Parse(c.Wasm)
	if err != nil {
		return nil, fail(err)
	}
	if err := engine.CheckMemory(parsed, c.MaxMemory); err != nil {
		return nil, fail(err)
	}
	rewritten, err := rewrite.Rewrite(c.Wasm)
	if err != nil {
		return nil, fail(err)
	}
	m := &module{name: c.Name, rewritten: rewritten, maxMemory: c.MaxMemory, memories: e.memories}
	m.info = engine.ModuleInfo{WasmBytes: len(c.Wasm), MeterChecks: rewritten.Checks, InitialPages: uint32(parsed.Memories[0].Min)}
	// By what is compiled, so that another rewriter never finds this one's code.
	if m.code, err = e.cache.acquire(rewritten.Wasm); err != nil {
		return nil, err
	}
	m.info.Cached, err = m.code.compile(func(code wazero.CompilationCache) error {
		return m.compile(ctx, wazero.NewRuntimeConfigCompiler().WithCompilationCache(code), parsed, c)
	})
	if err != nil {
		return nil, errors.Join(fail(err), m.code.release())
	}
	m.forgetWasm()
	return m, nil
}

// compile makes the module's runtime and compiles it there.
func (m *module) compile(ctx context.Context, rc wazero.RuntimeConfig, parsed *wasmfile.Module, c engine.Config) (err error) {
	m.runtime = wazero.NewRuntimeWithConfig(ctx, rc.
		WithCoreFeatures(features).
		WithMemoryLimitPages(uint32(min(c.MaxMemory/pageSize, 65536))).
		WithDebugInfoEnabled(false))
	defer func() {
		if err != nil {
			err = errors.Join(err, m.runtime.Close(ctx))
		}
	}()
	if err := m.link(ctx, parsed, c.Functions); err != nil {
		return err
	}
	m.compiled, err = compile(ctx, m.runtime, m.rewritten.Wasm)
	return err
}

// forgetWasm keeps the data segments alone of what was rewritten: the rest is
// not needed once compiled, and would be megabytes that stay.
func (m *module) forgetWasm() {
	m.rewritten.Wasm = nil
	size := 0
	for _, s := range m.rewritten.Data {
		size += len(s.Bytes)
	}
	all := make([]byte, 0, size)
	for i := range m.rewritten.Data {
		s := &m.rewritten.Data[i]
		from := len(all)
		all = append(all, s.Bytes...)
		s.Bytes = all[from:len(all):len(all)]
	}
}

// compile contains a panic of the compiler: a module that upsets it is refused.
// It uses all processors, and ends early when ctx is done.
func compile(ctx context.Context, r wazero.Runtime, wasm []byte) (m wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler failed: %v", p)
		}
	}()
	return r.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), wasm)
}
