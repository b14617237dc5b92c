//go:build wasmtime && cgo

package wasmtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/berth-run/berth/host/engine"
)

// FuzzModule gives the engine modules of any kind, and runs what it takes.
func FuzzModule(f *testing.F) {
	seeds, err := filepath.Glob("../enginetest/testdata/*.wasm")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range seeds {
		wasm, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wasm)
	}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		e := newEngine(t, "")
		defer func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}()
		m, err := e.Compile(t.Context(), engine.Config{Name: "fuzz", Wasm: wasm, MaxMemory: 8 << 20, Functions: functions()})
		if err != nil {
			var c *engine.CompileError
			if !errors.As(err, &c) {
				t.Errorf("got %T %v, want a CompileError", err, err)
			}
			return
		}
		defer m.Close()
		call := func() *engine.Call {
			return &engine.Call{Context: context.Background(), Host: 1, Deadline: time.Now().Add(5 * time.Millisecond).UnixNano()}
		}
		in, err := m.Instantiate(call())
		if err != nil {
			return
		}
		defer in.Close()
		n := 0
		for name, s := range m.(*module).exports {
			if n++; n > 8 {
				break
			}
			_ = in.Func(name).Call(call(), make([]uint64, max(len(s.Params), len(s.Results))))
			if mem := in.Memory(); len(mem) > 8<<20 {
				t.Errorf("got %d bytes of memory, over the limit", len(mem))
			}
		}
	})
}

// functions are those that the seeds import. They do as little as they can.
func functions() []engine.HostFunc {
	i32, i64 := []engine.ValueType{engine.I32}, []engine.ValueType{engine.I64}
	return []engine.HostFunc{
		{Module: "test", Name: "tick", Fn: func(*engine.Call, []uint64) {}},
		{Module: "test", Name: "pass", Signature: engine.Signature{Params: []engine.ValueType{engine.I32, engine.I64}, Results: i64},
			Fn: func(c *engine.Call, stack []uint64) { stack[0] = uint64(len(c.Memory())) }},
		{Module: "test", Name: "fail", Signature: engine.Signature{Params: i32, Results: i32},
			Fn: func(c *engine.Call, stack []uint64) { c.Exit(uint32(stack[0])) }},
	}
}
