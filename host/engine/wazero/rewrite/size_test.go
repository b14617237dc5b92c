package rewrite

import (
	"bytes"
	"testing"
	"time"
)

// TestHostileSizes: what a module of a few megabytes costs to rewrite grows no
// faster than the module, however its code nests.
func TestHostileSizes(t *testing.T) {
	repeat := func(n int, code ...any) []byte { return bytes.Repeat(cat(code...), n) }
	dispatchHead := func(blocks int) []byte {
		return cat(opLoop, blockEmpty, repeat(blocks, opBlock, blockEmpty), opLocalGet, 1, opBrTable, 0, 0)
	}
	const size = 1 << 20
	// nested is as deep as may be, as often as fits.
	nested := func(opens int, ends int, open ...any) []byte {
		depth := maxNesting/opens - 1
		return repeat(size/depth/opens, repeat(depth, open...), repeat(depth*ends, opEnd))
	}
	for _, c := range []struct {
		name string
		code []byte
	}{
		{"blocks in blocks", nested(1, 1, opBlock, blockEmpty)},
		{"loops in loops", nested(1, 1, opLoop, blockEmpty)},
		{"dispatch loops in dispatch loops", nested(2, 2, dispatchHead(1))},
		{"blocks after a loop, many times", repeat(size/8, opLoop, blockEmpty, opBlock, blockEmpty, opBlock, blockEmpty, opEnd, opEnd, opEnd)},
		{"branches to a dispatch loop", cat(dispatchHead(1), opEnd, repeat(size, i32const(1), opBrIf, 0), opEnd)},
		{"jumps to a dispatch loop of many blocks", cat(dispatchHead(1000), repeat(1000, opEnd), repeat(size/8, jumpTo(0, 0)), opEnd)},
		{"tables of labels to a dispatch loop", cat(dispatchHead(1), opEnd, repeat(1000, i32const(1), opBrTable, u(1000), make([]byte, 1001)), opEnd)},
		{"table of labels of a dispatch loop", cat(opLoop, blockEmpty, opBlock, blockEmpty, opLocalGet, 1, opBrTable, u(size), make([]byte, size+1), opEnd, opEnd)},
		{"bulk instructions", cat(0x00, repeat(size, opMisc, miscMemoryFill, 0))},
		{"calls", repeat(size, opLocalGet, 0, opCall, 6)},
		{"memory.init", cat(0x00, repeat(size, opMisc, 8, 0, 0))},
	} {
		t.Run(c.name, func(t *testing.T) {
			wasm := endless(c.code).bytes()
			start := time.Now()
			allocs := testing.AllocsPerRun(1, func() {
				res, err := Rewrite(wasm)
				if err != nil {
					t.Fatal(err)
				}
				if most := 16 * len(wasm); len(res.Wasm) > most {
					t.Errorf("%d bytes became %d, want at most %d", len(wasm), len(res.Wasm), most)
				}
			})
			// Two runs take well under a second; a quadratic one would take hours.
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%d bytes took %v", len(wasm), took)
			}
			if allocs > 1000 {
				t.Errorf("got %v allocations", allocs)
			}
		})
	}
	t.Run("functions", func(t *testing.T) {
		m := endless()
		for range size / 8 {
			m.fn(0, 0, opLoop, blockEmpty, opEnd)
		}
		wasm := m.bytes()
		if res := mustRewrite(t, wasm); len(res.Wasm) > 16*len(wasm) {
			t.Errorf("%d bytes became %d", len(wasm), len(res.Wasm))
		}
	})
}
