//go:build wasmtime && cgo && linux

package wasmtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"testing"

	"github.com/berth-run/berth/host/engine"
)

// What C allocates is out of the garbage collector's sight: instances that came
// to every kind of end have to give back all of it.
func TestNothingLeaks(t *testing.T) {
	fail := engine.HostFunc{Module: "h", Name: "fail", Fn: func(*engine.Call, []uint64) { panic("a bug") }}
	m := load(t, `(module (import "h" "fail" (func $fail)) (memory 5)
		(func (export "touch") i32.const 0 i32.const 1 i32.const 327680 memory.fill)
		(func $deep (export "deep") (param i32) local.get 0 i32.eqz if unreachable end local.get 0 i32.const 1 i32.sub call $deep)
		(func (export "fail") call $fail)
		(func (export "spin") loop br 0 end))`, fail)
	expired := &engine.Call{Context: context.Background(), Deadline: 1}
	round := func() {
		in, err := m.Instantiate(newCall())
		if err != nil {
			t.Fatal(err)
		}
		call := func(name string, c *engine.Call, stack ...uint64) error { return in.Func(name).Call(c, stack) }
		var trap *engine.TrapError
		var host *engine.HostError
		if err := call("touch", newCall()); err != nil {
			t.Fatal(err)
		}
		if err := call("deep", newCall(), 1000); !errors.As(err, &trap) {
			t.Fatalf("got %v, want a trap", err)
		}
		if err := call("fail", newCall()); !errors.As(err, &host) {
			t.Fatalf("got %v, want a HostError", err)
		}
		if err := call("spin", expired); !errors.Is(err, engine.ErrDeadline) {
			t.Fatalf("got %v, want %v", err, engine.ErrDeadline)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		round()
	}
	before := resident(t)
	const rounds = 500
	for range rounds {
		round()
	}
	// The memory alone of the instances would be 160 MB, the texts of their traps 20.
	if grew := resident(t) - before; grew > 10<<20 {
		t.Errorf("the process grew by %d KiB in %d rounds", grew>>10, rounds)
	}
}

// resident is the process's memory in bytes.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(b)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
