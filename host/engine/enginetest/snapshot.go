package enginetest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/berth-run/berth/host/engine"
)

// snapshot takes one of in, or skips the test where that is not supported.
func snapshot(t *testing.T, m engine.Module, in engine.Instance) engine.Snapshot {
	t.Helper()
	s, err := m.Snapshot(in)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("no snapshots: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing snapshot: %v", err)
		}
	})
	return s
}

func clone(t *testing.T, s engine.Snapshot) engine.Instance {
	t.Helper()
	in, err := s.Clone()
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, in)
	return in
}

func (s *suite) testSnapshot(t *testing.T) {
	e := s.engine(t)
	// used returns an instance that has lived: count is 3, memory has 3 pages, 77 is at 64.
	used := func(t *testing.T, m engine.Module) engine.Instance {
		in := instantiate(t, m)
		for i := range uint64(3) {
			want(t, in, i+1, "count")
		}
		want(t, in, 1, "grow", 2)
		want(t, in, 0, "poke", 64, 77)
		want(t, in, 0, "poke", 3*page-4, 78)
		return in
	}
	t.Run("clone equals", func(t *testing.T) {
		m := compile(t, e, "basic")
		in := used(t, m)
		snap := snapshot(t, m, in)
		if snap.Size() != 3*page {
			t.Errorf("got size %d, want %d", snap.Size(), 3*page)
		}
		c := clone(t, snap)
		if !bytes.Equal(c.Memory(), in.Memory()) {
			t.Error("the clone's memory differs")
		}
		want(t, c, 42, "started") // the start function did not run again
		want(t, c, 4, "count")
		want(t, c, 77, "peek", 64)
		want(t, c, 3, "size")
		want(t, c, 42, "indirect", 0)
		want(t, c, 16<<8|'h', "pass", 16)
		want(t, in, 4, "count") // and the original goes on
	})
	t.Run("isolation", func(t *testing.T) {
		m := compile(t, e, "basic")
		in := used(t, m)
		snap := snapshot(t, m, in)
		a, b := clone(t, snap), clone(t, snap)
		want(t, a, 0, "poke", 64, 1)
		want(t, in, 0, "poke", 64, 2)
		want(t, a, 4, "count")
		want(t, in, 4, "count")
		for _, c := range []engine.Instance{b, clone(t, snap)} {
			want(t, c, 77, "peek", 64)
			want(t, c, 4, "count")
		}
		want(t, a, 1, "peek", 64)
		want(t, in, 2, "peek", 64)
	})
	t.Run("growth", func(t *testing.T) {
		m := compileConfig(t, e, engine.Config{Name: "x", Wasm: module(t, "basic"), Functions: functions(), MaxMemory: 16 * page})
		snap := snapshot(t, m, used(t, m))
		c := clone(t, snap)
		want(t, c, math.MaxUint32, "grow", 14)
		want(t, c, 3, "grow", 13)
		want(t, c, 77, "peek", 64)
		want(t, c, 78, "peek", 3*page-4)
		want(t, c, 0, "peek", 3*page)
		want(t, c, 0, "poke", 16*page-4, 5)
		want(t, c, 5, "peek", 16*page-4)
		want(t, clone(t, snap), 3, "size")
	})
	t.Run("outlives what it came from", func(t *testing.T) {
		m := compile(t, e, "basic")
		in := used(t, m)
		snap, err := m.Snapshot(in)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skipf("no snapshots: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		before := clone(t, snap)
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		after := clone(t, snap)
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
		for _, c := range []engine.Instance{before, after} {
			want(t, c, 77, "peek", 64)
			want(t, c, 78, "peek", 3*page-4) // a page not touched before
			want(t, c, 4, "count")
		}
	})
	t.Run("of a clone", func(t *testing.T) {
		m := compile(t, e, "basic")
		c := clone(t, snapshot(t, m, used(t, m)))
		want(t, c, 4, "count")
		want(t, c, 0, "poke", 64, 79)
		d := clone(t, snapshot(t, m, c))
		want(t, d, 5, "count")
		want(t, d, 79, "peek", 64)
	})
	t.Run("clones can be stopped and trap", func(t *testing.T) {
		m := compile(t, e, "basic")
		snap := snapshot(t, m, used(t, m))
		_, err := invoke(clone(t, snap), "unreachable")
		isTrap(t, err, "unreachable")
		_, err = invokeCall(clone(t, snap), newCall(t.Context(), 10*time.Millisecond), "spin")
		isInterrupt(t, err, engine.ErrDeadline)
	})
	t.Run("200 at once", func(t *testing.T) {
		m := compile(t, e, "basic")
		snap := snapshot(t, m, used(t, m))
		var wg sync.WaitGroup
		errs := make(chan error, 200)
		for n := range uint64(200) {
			c := clone(t, snap)
			wg.Go(func() {
				if _, err := invoke(c, "poke", 64, n); err != nil {
					errs <- err
				}
				count, err1 := invoke(c, "count")
				got, err2 := invoke(c, "peek", 64)
				if err1 != nil || err2 != nil || count != 4 || got != n {
					errs <- fmt.Errorf("clone %d: count %d (%v), peek %d (%v)", n, count, err1, got, err2)
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			t.Error(err)
		}
	})
	t.Run("passive segment", func(t *testing.T) {
		m := compile(t, e, "segment")
		in := instantiate(t, m)
		const text = 't' | 'e'<<8 | 'x'<<16 | 't'<<24
		want(t, in, 0, "init", 100)
		c := clone(t, snapshot(t, m, in))
		want(t, c, text, "word", 100)
		want(t, c, 0, "init", 200)
		want(t, c, text, "word", 200)
	})
	t.Run("of another module's instance", func(t *testing.T) {
		m, other := compile(t, e, "basic"), compile(t, e, "loops")
		if s, err := m.Snapshot(instantiate(t, other)); err == nil {
			s.Close()
			t.Error("got no error")
		}
	})
	// State beside memory and globals: a clone has it, or there is no clone.
	for _, tt := range []struct {
		name  string
		setup func(t *testing.T, in engine.Instance)
		check func(t *testing.T, c engine.Instance)
	}{
		{"table as declared", func(t *testing.T, in engine.Instance) {}, func(t *testing.T, c engine.Instance) {
			want(t, c, 2, "size")
			want(t, c, 0, "table_init")
			want(t, c, 2, "call", 1)
			want(t, c, 0, "init")
			want(t, c, 't'|'e'<<8|'x'<<16|'t'<<24, "word")
		}},
		{"data segment dropped", func(t *testing.T, in engine.Instance) { want(t, in, 0, "drop") }, func(t *testing.T, c engine.Instance) {
			_, err := invoke(c, "init")
			isTrap(t, err, "out of bounds")
		}},
		{"element segment dropped", func(t *testing.T, in engine.Instance) { want(t, in, 0, "table_drop") }, func(t *testing.T, c engine.Instance) {
			_, err := invoke(c, "table_init")
			isTrap(t, err, "")
		}},
		{"table changed", func(t *testing.T, in engine.Instance) { want(t, in, 0, "set", 1) }, func(t *testing.T, c engine.Instance) {
			want(t, c, 2, "call", 1)
		}},
		{"table grown", func(t *testing.T, in engine.Instance) { want(t, in, 2, "grow", 3) }, func(t *testing.T, c engine.Instance) {
			want(t, c, 5, "size")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := compile(t, e, "passive")
			in := instantiate(t, m)
			tt.setup(t, in)
			snap, err := m.Snapshot(in)
			if errors.Is(err, errors.ErrUnsupported) {
				t.Logf("refused: %v", err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer snap.Close()
			tt.check(t, clone(t, snap))
		})
	}
}
