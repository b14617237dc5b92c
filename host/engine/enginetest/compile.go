package enginetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/berth-run/berth/host/engine"
)

func (s *suite) testCompile(t *testing.T) {
	e := s.engine(t)
	if e.Name() == "" || e.Version() == "" {
		t.Errorf("got name %q and version %q, want both", e.Name(), e.Version())
	}
	valid := module(t, "basic")
	refused := map[string][]byte{
		"empty":              {},
		"text":               []byte("#!/bin/sh\n"),
		"preamble cut":       valid[:7],
		"nothing but a head": valid[:8],
		"component":          append([]byte("\x00asm\x0d\x00\x01\x00"), valid[8:]...),
		"cut":                valid[:len(valid)/2],
		"bytes appended":     append(append([]byte{}, valid...), 1, 2, 3),
	}
	for _, name := range []string{"type_mismatch", "unknown_local", "no_memory", "two_memories", "memory64", "shared_memory",
		"imported_memory", "imported_global", "imported_table", "unknown_import", "unknown_module", "import_signature",
		"memory_over_limit", "exceptions"} {
		refused[name] = module(t, "invalid/"+name)
	}
	for name, wasm := range refused {
		t.Run(name, func(t *testing.T) {
			m, err := e.Compile(t.Context(), engine.Config{Name: "statestore", Wasm: wasm, Functions: functions()})
			if err == nil {
				m.Close()
				t.Fatal("got no error, want a CompileError")
			}
			var c *engine.CompileError
			if !errors.As(err, &c) || c.Component != "statestore" || !strings.HasPrefix(err.Error(), "component statestore: ") {
				t.Errorf("got %T %v, want a CompileError that names the component", err, err)
			}
		})
	}
	t.Run("import named in the error", func(t *testing.T) {
		_, err := e.Compile(t.Context(), engine.Config{Name: "x", Wasm: module(t, "invalid/unknown_import"), Functions: functions()})
		if err == nil || !strings.Contains(err.Error(), "no_such_function") {
			t.Errorf("got %v, want the name of the import", err)
		}
	})
	t.Run("Info", func(t *testing.T) {
		info := compile(t, e, "basic").Info()
		if info.WasmBytes != len(valid) || info.InitialPages != 1 || info.Cached {
			t.Errorf("got %+v, want %d bytes, 1 page, not cached", info, len(valid))
		}
	})
	t.Run("damaged modules", func(t *testing.T) { damaged(t, e, valid) })
	t.Run("valid after all of them", func(t *testing.T) {
		want(t, instantiate(t, compile(t, e, "basic")), 5, "add", 2, 3)
	})
}

// damaged compiles modules with some bytes changed or missing. Most are
// refused; what is not is run. None may do harm.
func damaged(t *testing.T, e engine.Engine, valid []byte) {
	rnd := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 400 {
		wasm := append([]byte{}, valid...)
		for range 1 + rnd.IntN(3) {
			at := 8 + rnd.IntN(len(wasm)-8)
			if rnd.IntN(8) == 0 {
				wasm = wasm[:at+1]
			}
			wasm[at] = byte(rnd.Uint32())
		}
		m, err := e.Compile(t.Context(), engine.Config{Name: "damaged", Wasm: wasm, Functions: functions(), MaxMemory: 8 << 20})
		var c *engine.CompileError
		if err != nil {
			if !errors.As(err, &c) {
				t.Fatalf("got %T %v, want a CompileError; module %x", err, err, wasm)
			}
			continue
		}
		accepted++
		for _, name := range []string{"add", "count", "mix", "pass", "indirect", "grow", "recurse", "divide"} {
			call := newCall(context.Background(), 50*time.Millisecond)
			in, err := m.Instantiate(call)
			if err != nil {
				break
			}
			if f := in.Func(name); f != nil {
				args := make([]uint64, len(f.Signature().Params))
				for n := range args {
					args[n] = rnd.Uint64()
				}
				_, _ = invokeCall(in, call, name, args...)
			}
			if err := in.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
		if err := m.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
	if accepted == 0 {
		t.Error("all were refused: the test tries too little")
	}
}

func (s *suite) testStart(t *testing.T) {
	e := s.engine(t)
	t.Run("runs once", func(t *testing.T) {
		in := instantiate(t, compile(t, e, "basic"))
		want(t, in, 42, "started")
		want(t, in, 42, "started")
		if got := string(in.Memory()[16:21]); got != "hello" {
			t.Errorf("got %q in the data segment, want hello", got)
		}
	})
	t.Run("traps", func(t *testing.T) {
		_, err := compile(t, e, "start_trap").Instantiate(newCall(t.Context(), generous))
		isTrap(t, err, "unreachable")
	})
	t.Run("data outside the memory", func(t *testing.T) {
		_, err := compile(t, e, "data_outside").Instantiate(newCall(t.Context(), generous))
		isTrap(t, err, "out of bounds")
	})
	t.Run("loops", func(t *testing.T) {
		start := time.Now()
		_, err := compile(t, e, "start_loop").Instantiate(newCall(t.Context(), 20*time.Millisecond))
		isInterrupt(t, err, engine.ErrDeadline)
		if took := time.Since(start); took > generous {
			t.Errorf("stopped after %v", took)
		}
	})
}
