//go:build wasmtime && cgo

package wasmtime

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	_ "github.com/bytecodealliance/wasmtime-go/v39" // brings the library

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero/rewrite"
	"github.com/berth-run/berth/plugins/wasmfile"
)

const (
	modulePath = "github.com/bytecodealliance/wasmtime-go/v39"
	// revision is part of the cache key, with that of package rewrite. It changes
	// whenever this package would take or compile the same module differently.
	revision = 1

	pageSize = 64 << 10

	// A guest gets half of its thread's stack, which is 8 MiB with glibc's
	// defaults, and as much as maxStack. With less than minStack Go programs of
	// no unusual depth would fail.
	maxStack = 4 << 20
	minStack = 256 << 10
)

// Options of New.
type Options struct {
	// CacheDir keeps compiled code between runs; "" keeps none. It is created
	// with mode 0700. What lies in it is trusted as native code.
	CacheDir string
}

type wasmtimeEngine struct {
	ptr   *C.wasm_engine_t
	stack C.size_t
	cache *cache // nil when there is none
	clock clock
	users atomic.Int64 // modules and instances that are open
	close sync.Once
}

// New returns the engine. The error names the cache folder when that is at fault.
func New(o Options) (engine.Engine, error) {
	stack := min(C.berth_thread_stack()/2, maxStack)
	if stack < minStack {
		return nil, fmt.Errorf("wasmtime: threads have stacks of %d KiB, and need %d; raise ulimit -s", stack*2>>10, minStack*2>>10)
	}
	e := &wasmtimeEngine{stack: stack}
	if o.CacheDir != "" {
		var err error
		if e.cache, err = openCache(o.CacheDir, e.Name()+"-"+e.Version()); err != nil {
			return nil, err
		}
	}
	if e.ptr = C.berth_engine_new(stack); e.ptr == nil {
		return nil, errors.New("wasmtime: the engine does not start on this system")
	}
	e.clock.tick = func() { C.wasmtime_engine_increment_epoch(e.ptr) }
	return e, nil
}

func (e *wasmtimeEngine) Name() string { return "wasmtime" }

func (e *wasmtimeEngine) Version() string {
	return fmt.Sprintf("%s-berth%d.%d", version(), revision, rewrite.Version)
}

var version = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == modulePath {
				return d.Version
			}
		}
	}
	return "unknown" // wasmtime refuses code of another version by itself
})

// Close fails while there are modules or instances that use the engine.
func (e *wasmtimeEngine) Close() error {
	if n := e.users.Load(); n > 0 {
		return fmt.Errorf("wasmtime: closing the engine while %d modules and instances are open", n)
	}
	e.close.Do(func() {
		e.clock.close()
		C.wasm_engine_delete(e.ptr)
	})
	return nil
}

// Compile validates and compiles a module, or takes it from the cache, and links it.
func (e *wasmtimeEngine) Compile(ctx context.Context, c engine.Config) (engine.Module, error) {
	if err := ctx.Err(); err != nil { // what follows takes seconds and cannot be stopped
		return nil, fmt.Errorf("component %s: compiling module: %w", c.Name, err)
	}
	m, err := e.compile(c)
	if err != nil {
		return nil, &engine.CompileError{Component: c.Name, Err: err}
	}
	e.users.Add(1)
	return m, nil
}

func (e *wasmtimeEngine) compile(c engine.Config) (*module, error) {
	if c.MaxMemory == 0 {
		c.MaxMemory = engine.DefaultMaxMemory
	}
	parsed, err := wasmfile.Parse(c.Wasm)
	if err != nil {
		return nil, err
	}
	m := &module{engine: e, name: c.Name, maxMemory: c.MaxMemory}
	if err := engine.CheckMemory(parsed, c.MaxMemory); err != nil {
		return nil, err
	}
	if m.maxTable, err = checkTables(parsed); err != nil {
		return nil, err
	}
	if err := m.choose(parsed, c.Functions); err != nil {
		return nil, err
	}
	wasm, err := m.expose(c.Wasm, parsed)
	if err != nil {
		return nil, err
	}
	m.info = engine.ModuleInfo{WasmBytes: len(c.Wasm), InitialPages: uint32(parsed.Memories[0].Min)}
	code, cached, err := e.code(c, wasm)
	if err != nil {
		return nil, err
	}
	defer C.wasmtime_module_delete(code) // what is linked keeps its own reference
	m.info.Cached = cached
	return m, m.link(code)
}

// code returns the machine code of wasm. The cache knows it by the digest of
// c.Wasm, of which wasm is made.
func (e *wasmtimeEngine) code(c engine.Config, wasm []byte) (code *C.wasmtime_module_t, cached bool, err error) {
	var f C.berth_failure
	var key string
	if e.cache != nil {
		key = cacheKey(c.Digest, c.Wasm)
		if e.cache.load(key, func(p unsafe.Pointer, n int) bool {
			if C.berth_load(e.ptr, (*C.uint8_t)(p), C.size_t(n), &code, &f) {
				return true
			}
			_ = take(&f, 0) // from another build of wasmtime or for another processor
			return false
		}) {
			return code, true, nil
		}
	}
	if err := accept(c.Wasm); err != nil { // what is in the cache was accepted
		return nil, false, err
	}
	ok := C.berth_compile(e.ptr, (*C.uint8_t)(unsafe.SliceData(wasm)), C.size_t(len(wasm)), &code, &f)
	runtime.KeepAlive(wasm)
	if !ok {
		return nil, false, failure(&f)
	}
	if e.cache != nil {
		var b C.wasm_byte_vec_t
		if C.berth_serialize(code, &b, &f) {
			// The cache saves time, and a full disk is no reason not to run.
			_ = e.cache.store(key, unsafe.Slice((*byte)(unsafe.Pointer(b.data)), int(b.size)))
			C.wasm_byte_vec_delete(&b)
		} else {
			_ = take(&f, 0)
		}
	}
	return code, false, nil
}
