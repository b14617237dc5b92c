package enginetest

import (
	"bytes"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/berth-run/berth/host/engine"
)

const page = 64 << 10

func (s *suite) testMemory(t *testing.T) {
	e := s.engine(t)
	t.Run("both sides see it", func(t *testing.T) {
		in := instantiate(t, compile(t, e, "basic"))
		copy(in.Memory()[100:], "\x01\x02\x03\x04")
		want(t, in, 0x04030201, "peek", 100)
		want(t, in, 0, "poke", 104, 0x41424344)
		if got := string(in.Memory()[104:108]); got != "DCBA" {
			t.Errorf("got %q, want DCBA", got)
		}
	})
	t.Run("grows up to the limit", func(t *testing.T) {
		in := instantiate(t, compileConfig(t, e, engine.Config{Name: "x", Wasm: module(t, "basic"), Functions: functions(), MaxMemory: 64 * page}))
		in.Memory()[page-1] = 9
		want(t, in, 1, "grow", 10)
		want(t, in, 11, "size")
		want(t, in, math.MaxUint32, "grow", 54)
		want(t, in, math.MaxUint32, "grow", math.MaxUint32)
		want(t, in, 11, "grow", 53)
		want(t, in, 64, "grow", 0)
		want(t, in, math.MaxUint32, "grow", 1)
		mem := in.Memory()
		if len(mem) != 64*page {
			t.Fatalf("got %d bytes, want %d", len(mem), 64*page)
		}
		if mem[page-1] != 9 || !bytes.Equal(mem[page:], make([]byte, 63*page)) {
			t.Error("the old page was not kept, or the new ones are not zero")
		}
		want(t, in, 0, "peek", 64*page-4)
		_, err := invoke(in, "peek", 64*page-3)
		isTrap(t, err, "out of bounds")
	})
	t.Run("grows up to its own maximum", func(t *testing.T) {
		in := instantiate(t, compile(t, e, "basic"))
		want(t, in, math.MaxUint32, "grow", 1000)
		want(t, in, 1, "grow", 999)
		want(t, in, 0, "peek", 1000*page-4)
	})
	t.Run("default limit", func(t *testing.T) {
		m, err := e.Compile(t.Context(), engine.Config{Name: "x", Wasm: module(t, "loops"), Functions: functions(), MaxMemory: 255 * page})
		if err == nil {
			m.Close()
			t.Error("a module that starts over its limit was compiled")
		}
	})
}

// A table is memory of the host's that the guest makes grow.
func (s *suite) testTables(t *testing.T) {
	e := s.engine(t)
	refused := func(m engine.Module, err error) bool {
		if err != nil {
			return true
		}
		defer m.Close()
		_, err = m.Instantiate(newCall(t.Context(), generous))
		return err != nil
	}
	t.Run("declared huge", func(t *testing.T) {
		if !refused(e.Compile(t.Context(), engine.Config{Name: "x", Wasm: module(t, "invalid/huge_table")})) {
			t.Error("a table of 4,000,000,000 elements was made")
		}
	})
	t.Run("grown", func(t *testing.T) {
		m, err := e.Compile(t.Context(), engine.Config{Name: "x", Wasm: module(t, "table_bomb")})
		if err != nil {
			t.Logf("refused: %v", err)
			return
		}
		defer m.Close()
		in := instantiate(t, m)
		for _, n := range []uint64{math.MaxUint32, 1 << 31, 1 << 30, 1 << 26} {
			want(t, in, math.MaxUint32, "grow", n)
		}
		const step = 1 << 20
		for range 64 {
			if got, err := invoke(in, "grow", step); err != nil || got == math.MaxUint32 {
				return
			}
		}
		t.Errorf("the table grew to %d elements", 64*step)
	})
}

func (s *suite) testIsolation(t *testing.T) {
	m := compile(t, s.engine(t), "basic")
	a, b := instantiate(t, m), instantiate(t, m)
	for range 5 {
		if _, err := invoke(a, "count"); err != nil {
			t.Fatal(err)
		}
	}
	want(t, a, 0, "poke", 64, 77)
	want(t, a, 1, "grow", 3)
	want(t, b, 1, "count")
	want(t, b, 0, "peek", 64)
	want(t, b, 1, "size")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, b, 2, "count")
	c := instantiate(t, m)
	want(t, c, 1, "count")
	want(t, c, 0, "peek", 64)
}

func (s *suite) testConcurrency(t *testing.T) {
	m := compile(t, s.engine(t), "basic")
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for g := range uint64(8) {
		wg.Go(func() {
			for round := range uint64(20) {
				in, err := m.Instantiate(newCall(t.Context(), generous))
				if err != nil {
					errs <- err
					return
				}
				for n := range uint64(200) {
					got, err := invoke(in, "count")
					sum, err2 := invoke(in, "add", g, round)
					if err != nil || err2 != nil || got != n+1 || sum != g+round {
						errs <- fmt.Errorf("goroutine %d: count %d (%v), add %d (%v)", g, got, err, sum, err2)
						return
					}
				}
				if round%2 == 0 { // a trap beside the others
					if _, err := invoke(in, "unreachable"); err == nil {
						errs <- fmt.Errorf("goroutine %d: no trap", g)
					}
				}
				if err := in.Close(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}
