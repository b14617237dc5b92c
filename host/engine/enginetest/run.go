package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// generous bounds what takes milliseconds, on a machine that has other work.
const generous = 20 * time.Second

// Run runs all tests. newEngine returns an engine that keeps compiled code in
// cacheDir, or none when that is ""; the folder need not exist. The tests close it.
func Run(t *testing.T, newEngine func(t *testing.T, cacheDir string) engine.Engine) {
	s := &suite{newEngine}
	for _, group := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Compile", s.testCompile},
		{"Start", s.testStart},
		{"Values", s.testValues},
		{"Traps", s.testTraps},
		{"HostFunctions", s.testHostFunctions},
		{"Memory", s.testMemory},
		{"Tables", s.testTables},
		{"Isolation", s.testIsolation},
		{"Concurrency", s.testConcurrency},
		{"Interrupt", s.testInterrupt},
		{"SpinningGuestStopsNobody", s.testSpinning},
		{"Snapshot", s.testSnapshot},
		{"Cache", s.testCache},
	} {
		t.Run(group.name, group.run)
	}
}

type suite struct {
	newEngine func(t *testing.T, cacheDir string) engine.Engine
}

func (s *suite) engine(t *testing.T) engine.Engine {
	t.Helper()
	return s.engineAt(t, "")
}

func (s *suite) engineAt(t *testing.T, dir string) engine.Engine {
	t.Helper()
	e := s.newEngine(t, dir)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing engine: %v", err)
		}
	})
	return e
}

// compile compiles testdata/NAME.wasm with the functions of package test.
func compile(t *testing.T, e engine.Engine, name string) engine.Module {
	t.Helper()
	return compileConfig(t, e, engine.Config{Name: name, Wasm: module(t, name), Functions: functions()})
}

func compileConfig(t *testing.T, e engine.Engine, c engine.Config) engine.Module {
	t.Helper()
	m, err := e.Compile(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("closing module: %v", err)
		}
	})
	return m
}

func instantiate(t *testing.T, m engine.Module) engine.Instance {
	t.Helper()
	in, err := m.Instantiate(newCall(t.Context(), generous))
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, in)
	return in
}

func closeLater(t *testing.T, in engine.Instance) {
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Errorf("closing instance: %v", err)
		}
	})
}

// newCall makes a call with a deadline after d.
func newCall(ctx context.Context, d time.Duration) *engine.Call {
	return &engine.Call{Context: ctx, Deadline: time.Now().Add(d).UnixNano()}
}

// invoke calls an export and returns its result, 0 when it has none.
func invoke(in engine.Instance, name string, args ...uint64) (uint64, error) {
	return invokeCall(in, newCall(context.Background(), generous), name, args...)
}

func invokeCall(in engine.Instance, c *engine.Call, name string, args ...uint64) (uint64, error) {
	f := in.Func(name)
	if f == nil {
		return 0, errors.New("test: no export " + name)
	}
	sig := f.Signature()
	if len(args) != len(sig.Params) {
		return 0, errors.New("test: wrong number of arguments for " + name)
	}
	stack := make([]uint64, max(len(sig.Params), len(sig.Results)))
	copy(stack, args)
	if err := f.Call(c, stack); err != nil {
		return 0, err
	}
	switch {
	case len(sig.Results) == 0:
		return 0, nil
	case sig.Results[0] == engine.I32:
		return uint64(uint32(stack[0])), nil
	}
	return stack[0], nil
}

// want calls an export and compares its result.
func want(t *testing.T, in engine.Instance, result uint64, name string, args ...uint64) {
	t.Helper()
	got, err := invoke(in, name, args...)
	if err != nil {
		t.Errorf("%s%v: %v", name, args, err)
	} else if got != result {
		t.Errorf("%s%v: got %#x, want %#x", name, args, got, result)
	}
}

// errAborted is what the host function test.fail aborts with.
var errAborted = errors.New("aborted by the host function")

// functions are those that the modules of testdata import from "test".
func functions() []engine.HostFunc {
	i32, i64 := []engine.ValueType{engine.I32}, []engine.ValueType{engine.I64}
	return []engine.HostFunc{
		{Module: "test", Name: "tick", Fn: func(*engine.Call, []uint64) {}},
		// pass returns its i32 and, as the lowest byte, what is in memory there.
		{Module: "test", Name: "pass", Signature: engine.Signature{Params: []engine.ValueType{engine.I32, engine.I64}, Results: i64},
			Fn: func(c *engine.Call, stack []uint64) {
				at := uint32(stack[0])
				b := byte(0xff)
				if p, ok := abi.Range(c.Memory(), at, 1); ok {
					b = p[0]
				}
				stack[0] = uint64(at)<<8 | uint64(b)
			}},
		// fail fails in the way of its argument's number.
		{Module: "test", Name: "fail", Signature: engine.Signature{Params: i32, Results: i32},
			Fn: func(c *engine.Call, stack []uint64) {
				switch uint32(stack[0]) {
				case 0:
					stack[0] = 0
				case 1:
					panic("a text")
				case 2:
					panic(errors.New("an error"))
				case 3:
					noMap()["x"] = 1
				case 4:
					_ = stack[uint32(stack[0])+100]
				case 5:
					c.Abort(errAborted)
				case 6:
					c.Exit(7)
				case 7:
					c.Abort(&engine.InterruptError{Cause: engine.ErrCanceled})
				case 8:
					stack[0] = uint64(c.Host.(int))
				}
			}},
	}
}

func noMap() map[string]int { return nil }
