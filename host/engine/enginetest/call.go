package enginetest

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/berth-run/berth/host/engine"
)

func isTrap(t *testing.T, err error, reason string) {
	t.Helper()
	var trap *engine.TrapError
	if !errors.As(err, &trap) {
		t.Errorf("got %T %v, want a TrapError", err, err)
	} else if !strings.Contains(trap.Reason, reason) {
		t.Errorf("got trap %q, want %q", trap.Reason, reason)
	}
}

func (s *suite) testValues(t *testing.T) {
	in := instantiate(t, compile(t, s.engine(t), "basic"))
	const garbage = 0xdeadbeef << 32
	want(t, in, 5, "add", 2, 3)
	want(t, in, 5, "add", 2|garbage, 3|garbage)
	want(t, in, 0, "add", math.MaxUint32, 1)
	want(t, in, 1<<32+1, "add64", 1<<32, 1)
	want(t, in, math.MaxUint64, "add64", math.MaxUint64-1, 1)
	want(t, in, math.Float64bits(-1+1<<40+0.5+0.25), "mix",
		math.MaxUint32|garbage, 1<<40, uint64(math.Float32bits(0.5))|garbage, math.Float64bits(0.25))
	want(t, in, 0, "nothing")
	for i := range uint64(3) {
		want(t, in, i+1, "count")
	}
	if f := in.Func("no such export"); f != nil {
		t.Errorf("got %v for an export that is not there, want nil", f)
	}
	if f := in.Func("memory"); f != nil {
		t.Errorf("got %v for an export that is a memory, want nil", f)
	}
	types := func(v ...engine.ValueType) []engine.ValueType { return v }
	for name, want := range map[string]engine.Signature{
		"nothing": {},
		"mix":     {Params: types(engine.I32, engine.I64, engine.F32, engine.F64), Results: types(engine.F64)},
		"pass":    {Params: types(engine.I64), Results: types(engine.I64)},
	} {
		got := in.Func(name).Signature()
		if !slices.Equal(got.Params, want.Params) || !slices.Equal(got.Results, want.Results) {
			t.Errorf("signature of %s: got %v, want %v", name, got, want)
		}
	}
}

func (s *suite) testTraps(t *testing.T) {
	m := compile(t, s.engine(t), "basic")
	tests := []struct {
		name   string
		args   []uint64
		reason string
	}{
		{"unreachable", nil, "unreachable"},
		{"peek", []uint64{65533}, "out of bounds"},
		{"peek", []uint64{math.MaxUint32}, "out of bounds"},
		{"poke", []uint64{65536, 1}, "out of bounds"},
		{"copy", []uint64{0, 1, 65536}, "out of bounds"},
		{"fill", []uint64{65535, 0, math.MaxUint32}, "out of bounds"},
		{"divide", []uint64{1, 0}, "divide by zero"},
		{"divide", []uint64{1 << 31, math.MaxUint32}, "overflow"},
		{"truncate", []uint64{math.Float64bits(math.NaN())}, "conversion"},
		{"indirect", []uint64{1}, "indirect call"}, // another type
		{"indirect", []uint64{2}, ""},              // null
		{"indirect", []uint64{3}, ""},              // outside the table
		{"recurse", []uint64{0}, "stack"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := instantiate(t, m)
			_, err := invoke(in, tt.name, tt.args...)
			isTrap(t, err, tt.reason)
			want(t, instantiate(t, m), 42, "indirect", 0) // another instance is not touched
		})
	}
}

func (s *suite) testHostFunctions(t *testing.T) {
	m := compile(t, s.engine(t), "basic")
	t.Run("values", func(t *testing.T) {
		in := instantiate(t, m)
		want(t, in, 16<<8|'h', "pass", 0xdeadbeef<<32|16)
		want(t, in, 0xffffffff<<8|0xff, "pass", math.MaxUint64)
	})
	t.Run("sees memory as it grew in the same call", func(t *testing.T) {
		want(t, instantiate(t, m), 65536<<8|7, "grow_pass")
	})
	t.Run("call's host state", func(t *testing.T) {
		c := newCall(t.Context(), generous)
		c.Host = 4711
		got, err := invokeCall(instantiate(t, m), c, "fail", 8)
		if err != nil || got != 4711 {
			t.Errorf("got %d, %v, want 4711", got, err)
		}
	})
	for n, tt := range []struct {
		name  string
		check func(err error) bool
	}{
		{"returns", func(err error) bool { return err == nil }},
		{"panics with a text", isHostError},
		{"panics with an error", isHostError},
		{"writes to a nil map", isHostError},
		{"index out of range", isHostError},
		{"aborts", func(err error) bool { return errors.Is(err, errAborted) }},
		{"exits", func(err error) bool {
			var exit *engine.ExitError
			return errors.As(err, &exit) && exit.Code == 7
		}},
		{"interrupts", func(err error) bool {
			var stop *engine.InterruptError
			return errors.As(err, &stop) && errors.Is(err, engine.ErrCanceled)
		}},
		{"wants state of another type", isHostError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := instantiate(t, m)
			c := newCall(t.Context(), generous)
			c.Host = "no number"
			if _, err := invokeCall(in, c, "fail", uint64(n)); !tt.check(err) {
				t.Errorf("got %T %v", err, err)
			}
			want(t, instantiate(t, m), 0, "fail", 0)
		})
	}
}

// isHostError reports whether err is one, and not mistaken for the guest's fault.
func isHostError(err error) bool {
	var host *engine.HostError
	var trap *engine.TrapError
	return errors.As(err, &host) && !errors.As(err, &trap)
}
