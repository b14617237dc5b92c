//go:build wasmtime && cgo

package wasmtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bytecodealliance/wasmtime-go/v39"
	"go.uber.org/goleak"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEngine(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, dir string) engine.Engine { return newEngine(t, dir) })
}

func newEngine(t *testing.T, dir string) engine.Engine {
	t.Helper()
	e, err := New(Options{CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func assemble(t *testing.T, text string) []byte {
	t.Helper()
	wasm, err := wasmtime.Wat2Wasm(text)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// load compiles a module and closes it, and its engine, after the test.
func load(t *testing.T, text string, functions ...engine.HostFunc) engine.Module {
	t.Helper()
	e := newEngine(t, "")
	m, err := e.Compile(t.Context(), engine.Config{Name: "test", Wasm: assemble(t, text), Functions: functions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func start(t *testing.T, m engine.Module) engine.Instance {
	t.Helper()
	in, err := m.Instantiate(newCall())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

func newCall() *engine.Call {
	return &engine.Call{Context: context.Background(), Deadline: time.Now().Add(time.Minute).UnixNano()}
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"start function with a parameter", `(module (memory 1) (func (param i32)) (start 0))`, "start function"},
		{"start function with a result", `(module (memory 1) (func (result i32) i32.const 0) (start 0))`, "start function"},
		{"reserved export", `(module (memory 1) (func (export "$berth.start")))`, "reserved"},
		{"tables too long together", `(module (memory 1) (table 600000 funcref) (table 1 funcref))`, "table of 600000 elements"},
		{"relaxed simd", `(module (memory 1) (func (param v128 v128) (result v128) local.get 0 local.get 1 i8x16.relaxed_swizzle))`, ""},
		{"garbage collection", `(module (type (struct)) (memory 1))`, ""},
		{"threads", `(module (memory 1) (func i32.const 0 i32.const 0 i32.atomic.store))`, ""},
		{"wide arithmetic", `(module (memory 1) (func (param i64 i64) (result i64 i64) local.get 0 local.get 1 i64.mul_wide_u))`, ""},
	}
	e := newEngine(t, "")
	defer e.Close()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := e.Compile(t.Context(), engine.Config{Name: "test", Wasm: assemble(t, tt.text)})
			var c *engine.CompileError
			if !errors.As(err, &c) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a CompileError with %q", err, tt.want)
			}
			if err == nil {
				m.Close()
			}
		})
	}
}

// The host has to reach what the module does not export.
func TestExpose(t *testing.T) {
	const data = `(data (i32.const 3) "x")`
	tests := []struct{ name, text string }{
		{"nothing to add", `(module (memory (export "m") 2) ` + data + `)`},
		{"no exports at all", `(module (memory 2) ` + data + `)`},
		{"no section behind the exports", `(module (memory (export "memory") 2))`},
		{"only sections before the exports", `(module (memory 2))`},
		{"exports and a start function", `(module (memory 2) (func (export "f")) (func $s i32.const 3 i32.const 120 i32.store8) (start $s))`},
		{"a start function alone", `(module (memory 2) (func $s i32.const 3 i32.const 120 i32.store8) (start $s))`},
		{"data count", `(module (memory 2) (func (export "f") i32.const 0 i32.const 0 i32.const 0 memory.init 0) (data "y") ` + data + `)`},
		{"custom sections", `(module (@custom "a" "b") (memory 2) (@custom "c" (before export) "d") (func (export "f")) ` + data + ` (@custom "e" "f"))`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := start(t, load(t, tt.text))
			mem := in.Memory()
			if len(mem) != 2*pageSize {
				t.Fatalf("got %d bytes of memory, want %d", len(mem), 2*pageSize)
			}
			if strings.Contains(tt.text, "(data (i32") || strings.Contains(tt.text, "(start") {
				if mem[3] != 'x' {
					t.Errorf("got %q in memory, want x", mem[3])
				}
			}
			if strings.Contains(tt.text, `"f"))`) {
				if err := in.Func("f").Call(newCall(), nil); err != nil {
					t.Error(err)
				}
			}
			for _, name := range []string{memoryExport, startExport} {
				if in.Func(name) != nil {
					t.Errorf("%s is visible", name)
				}
			}
		})
	}
}

// Host functions work in the start function like anywhere else.
func TestHostFunctionInStart(t *testing.T) {
	var seen byte
	peek := engine.HostFunc{Module: "h", Name: "peek", Fn: func(c *engine.Call, _ []uint64) { seen = c.Memory()[3] }}
	in := start(t, load(t, `(module (import "h" "peek" (func $p)) (memory 1) (data (i32.const 3) "x") (start $p))`, peek))
	if seen != 'x' {
		t.Errorf("got %q, want x", seen)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	abort := engine.HostFunc{Module: "h", Name: "abort", Fn: func(c *engine.Call, _ []uint64) { c.Exit(3) }}
	_, err := load(t, `(module (import "h" "abort" (func $p)) (memory 1) (start $p))`, abort).Instantiate(newCall())
	var exit *engine.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 {
		t.Errorf("got %v, want exit code 3", err)
	}
}

// A module may import the same function twice.
func TestImportedTwice(t *testing.T) {
	n := 0
	f := engine.HostFunc{Module: "h", Name: "f", Fn: func(*engine.Call, []uint64) { n++ }}
	in := start(t, load(t, `(module (import "h" "f" (func $a)) (import "h" "f" (func $b)) (memory 1) (func (export "both") call $a call $b))`, f))
	if err := in.Func("both").Call(newCall(), nil); err != nil || n != 2 {
		t.Errorf("got %d calls and %v, want 2", n, err)
	}
}

func TestManyValues(t *testing.T) {
	types := make([]engine.ValueType, 20)
	for i := range types {
		types[i] = engine.I64
	}
	swap := engine.HostFunc{Module: "h", Name: "reverse", Signature: engine.Signature{Params: types, Results: types},
		Fn: func(_ *engine.Call, stack []uint64) {
			for i := range len(stack) / 2 {
				stack[i], stack[len(stack)-1-i] = stack[len(stack)-1-i], stack[i]
			}
		}}
	many := "(param" + strings.Repeat(" i64", 20) + ") (result" + strings.Repeat(" i64", 20) + ")"
	var gets strings.Builder
	for i := range 20 {
		gets.WriteString(" local.get " + string(rune('0'+i/10)) + string(rune('0'+i%10)))
	}
	in := start(t, load(t, `(module (import "h" "reverse" (func $r `+many+`)) (memory 1)
		(func (export "f") `+many+strings.ReplaceAll(gets.String(), " 0", " ")+` call $r))`, swap))
	stack := make([]uint64, 20)
	for i := range stack {
		stack[i] = uint64(i) << 40
	}
	if err := in.Func("f").Call(newCall(), stack); err != nil {
		t.Fatal(err)
	}
	for i, v := range stack {
		if want := uint64(19-i) << 40; v != want {
			t.Errorf("result %d: got %#x, want %#x", i, v, want)
		}
	}
}

// What C would take for a reference must not come from the host's numbers.
func TestTypesThatHaveNoSlot(t *testing.T) {
	in := start(t, load(t, `(module (memory 1)
		(func (export "ref") (param funcref)) (func (export "vector") (result v128) v128.const i64x2 1 2) (func (export "two") (param i32 i32)))`))
	for _, tt := range []struct {
		name  string
		slots int
	}{{"ref", 1}, {"vector", 2}, {"two", 1}} {
		err := in.Func(tt.name).Call(newCall(), make([]uint64, tt.slots))
		var host *engine.HostError
		if !errors.As(err, &host) {
			t.Errorf("%s: got %v, want a HostError", tt.name, err)
		}
	}
}

func TestStack(t *testing.T) {
	in := start(t, load(t, `(module (memory 1) (func $inner unreachable) (func $outer (export "f") call $inner)
		(func $r (export "r") (param i32) local.get 0 i32.eqz if unreachable end local.get 0 i32.const 1 i32.sub call $r))`))
	var trap *engine.TrapError
	if err := in.Func("f").Call(newCall(), nil); !errors.As(err, &trap) {
		t.Fatalf("got %v, want a trap", err)
	}
	if lines := strings.Split(trap.Stack, "\n"); len(lines) != 2 || !strings.Contains(lines[0], "inner") || !strings.Contains(lines[1], "outer") {
		t.Errorf("got stack %q, want inner and outer", trap.Stack)
	}
	if err := in.Func("r").Call(newCall(), []uint64{10_000}); !errors.As(err, &trap) {
		t.Fatalf("got %v, want a trap", err)
	}
	if n := strings.Count(trap.Stack, "\n") + 1; n != maxFrames {
		t.Errorf("got %d frames of 10,000, want %d", n, maxFrames)
	}
}

// Guests that reach each other through host functions share a thread's stack.
// When it is used up the next one traps, and the process goes on.
func TestNestedGuestsShareAStack(t *testing.T) {
	var m engine.Module
	depth := 0
	var innermost error
	// Each guest goes some thousand frames deep and then enters another instance.
	down := engine.HostFunc{Module: "h", Name: "down", Fn: func(c *engine.Call, _ []uint64) {
		depth++
		in, err := m.Instantiate(newCall())
		if err != nil {
			c.Abort(err)
		}
		defer in.Close()
		if err := in.Func("deep").Call(newCall(), []uint64{20_000}); err != nil {
			if innermost == nil {
				innermost = err
			}
			c.Abort(err)
		}
	}}
	m = load(t, `(module (import "h" "down" (func $down)) (memory 1)
		(func $deep (export "deep") (param i32)
			local.get 0 i32.eqz if call $down return end
			local.get 0 i32.const 1 i32.sub call $deep))`, down)
	in := start(t, m)
	err := in.Func("deep").Call(newCall(), []uint64{20_000})
	var trap *engine.TrapError
	if !errors.As(innermost, &trap) || trap.Reason != "stack overflow" {
		t.Errorf("got %v in the innermost guest, want a stack overflow", innermost)
	}
	if err == nil || depth == 0 {
		t.Errorf("got error %v after %d guests", err, depth)
	}
	t.Logf("%d guests on one thread", depth)
}

// One guest's end is not another's, although they share an engine and its epoch.
func TestInterruptOne(t *testing.T) {
	m := load(t, `(module (memory 1) (func (export "spin") loop br 0 end))`)
	spin := func(ctx context.Context) chan error {
		in, done := start(t, m), make(chan error, 1)
		go func() { done <- in.Func("spin").Call(&engine.Call{Context: ctx}, nil) }()
		return done
	}
	one, cancelOne := context.WithCancel(t.Context())
	two, cancelTwo := context.WithCancel(t.Context())
	first, second := spin(one), spin(two)
	cancelOne()
	if err := <-first; !errors.Is(err, engine.ErrCanceled) {
		t.Errorf("got %v, want %v", err, engine.ErrCanceled)
	}
	for range 3 { // of the other's epochs pass while these guests end
		short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if err := <-spin(short); !errors.Is(err, engine.ErrDeadline) {
			t.Errorf("got %v, want %v", err, engine.ErrDeadline)
		}
		cancel()
	}
	select {
	case err := <-second:
		t.Errorf("the other guest ended as well: %v", err)
	default:
	}
	cancelTwo()
	if err := <-second; !errors.Is(err, engine.ErrCanceled) {
		t.Errorf("got %v, want %v", err, engine.ErrCanceled)
	}
}

// A context may be anybody's; one that panics must not unwind into C.
func TestContextThatPanics(t *testing.T) {
	in := start(t, load(t, `(module (memory 1) (func (export "spin") loop br 0 end))`))
	err := in.Func("spin").Call(&engine.Call{Context: badContext{t.Context()}}, nil)
	var host *engine.HostError
	if !errors.As(err, &host) || !strings.Contains(err.Error(), "bad context") {
		t.Errorf("got %v, want a HostError", err)
	}
}

type badContext struct{ context.Context }

func (badContext) Err() error { panic("bad context") }

// Several tables have one table's length together.
func TestTablesTogether(t *testing.T) {
	const tables = 8
	in := start(t, load(t, `(module (memory 1) `+strings.Repeat("(table 1 funcref)", tables)+`
		(func (export "grow") (param i32) (result i32) ref.null func local.get 0 table.grow 3))`))
	grow := func(n uint64) uint32 {
		stack := []uint64{n}
		if err := in.Func("grow").Call(newCall(), stack); err != nil {
			t.Fatal(err)
		}
		return uint32(stack[0])
	}
	if got := grow(maxTableLength / tables); got != 1<<32-1 {
		t.Errorf("growing beyond the limit: got %d, want -1", int32(got))
	}
	if got := grow(maxTableLength/tables - 1); got != 1 {
		t.Errorf("growing to the limit: got %d, want 1", int32(got))
	}
}

func TestClosed(t *testing.T) {
	e := newEngine(t, "")
	m, err := e.Compile(t.Context(), engine.Config{Name: "test", Wasm: assemble(t, `(module (memory 1) (func (export "f")))`)})
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.Instantiate(newCall())
	if err != nil {
		t.Fatal(err)
	}
	f := in.Func("f")
	if err := e.Close(); err == nil {
		t.Error("the engine closed below a module and an instance")
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Instantiate(newCall()); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("got %v from a closed module, want %v", err, engine.ErrClosed)
	}
	if err := f.Call(newCall(), nil); err != nil {
		t.Errorf("an instance outlives its module, got %v", err)
	}
	if err := e.Close(); err == nil {
		t.Error("the engine closed below an instance")
	}
	for range 2 {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := f.Call(newCall(), nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("got %v from a closed instance, want %v", err, engine.ErrClosed)
	}
	if in.Memory() != nil || in.Func("f") != nil {
		t.Error("a closed instance has memory or functions")
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCancelledCompile(t *testing.T) {
	e := newEngine(t, "")
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Compile(ctx, engine.Config{Name: "test", Wasm: assemble(t, `(module (memory 1))`)})
	var c *engine.CompileError
	if !errors.Is(err, context.Canceled) || errors.As(err, &c) {
		t.Errorf("got %v, want a cancellation that does not blame the module", err)
	}
}

func TestCacheFolder(t *testing.T) {
	t.Run("others can write", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{CacheDir: dir}); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
			t.Errorf("got %v, want what to do", err)
		}
	})
	t.Run("digest is a path", func(t *testing.T) {
		dir := t.TempDir()
		e := newEngine(t, dir)
		defer e.Close()
		for _, digest := range []string{"sha256:../../../x", "sha256:", "md5:00", strings.Repeat("/", 71)} {
			m, err := e.Compile(t.Context(), engine.Config{Name: "test", Digest: digest, Wasm: assemble(t, `(module (memory 1))`)})
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
		}
		files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		if err != nil || len(files) != 1 || filepath.Ext(files[0]) != ".cwasm" {
			t.Fatalf("got %v, %v, want the one module", files, err)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v, %v, want 600", info.Mode(), err)
		}
	})
}
