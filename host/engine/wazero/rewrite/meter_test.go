package rewrite

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/berth-run/berth/plugins/wasmfile"
	"github.com/tetratelabs/wazero"
)

// endless is a module whose function "f", of type (i32) -> (), never returns.
// The function has an i32 local beside its parameter.
func endless(code ...any) *mod {
	m := &mod{
		types:     [][]byte{functype(i32, ""), functype(i32, i32), functype(i32+i32, i32+i32)},
		tables:    [][]byte{{typeFuncref, 0, 4}, cat(typeExternref, 0, u(200))},
		memories:  [][]byte{cat(0, u(32))},
		globals:   [][]byte{cat(typeI32, 1, i32const(0), opEnd)},
		elements:  [][]byte{cat(0, i32const(0), opEnd, 3, u(0), u(1), u(6)), cat(1, 0, 3, u(0), u(0), u(0))},
		dataCount: true,
		datas:     [][]byte{cat(1, u(5000), make([]byte, 5000))},
	}
	m.fn(0, locals(typeI32), cat(code...))
	// 1: exponential recursion.
	m.fn(1, locals(), opLocalGet, 0, i32const(2), 0x48, opIf, blockEmpty, i32const(1), 0x0f, opEnd,
		opLocalGet, 0, i32const(1), opI32Sub, opCall, 1, opLocalGet, 0, i32const(2), opI32Sub, opCall, 1, opI32Add)
	// 2: the same through the table.
	m.fn(1, locals(), opLocalGet, 0, i32const(2), 0x48, opIf, blockEmpty, i32const(1), 0x0f, opEnd,
		opLocalGet, 0, i32const(1), opI32Sub, i32const(1), 0x11, 1, 0, opLocalGet, 0, i32const(2), opI32Sub, i32const(1), 0x11, 1, 0, opI32Add)
	// 3: calls itself in its place.
	m.fn(1, locals(), opLocalGet, 0, 0x12, 3)
	// 4 and 5: call each other in their places, through the table.
	m.fn(0, locals(), opLocalGet, 0, i32const(0), 0x13, 0, 0)
	// 5: a leaf of much code.
	m.fn(0, locals(), bytes.Repeat(cat(opLocalGet, 0, opLocalSet, 0), 1000))
	// 6: a leaf of little code.
	m.fn(0, locals(), bytes.Repeat(cat(opLocalGet, 0, opLocalSet, 0), 20))
	m.export("f", wasmfile.ExternFunc, 0)
	return m
}

// dispatched is code in Go's form: a loop around blocks, which jumps to the
// ends of the blocks by local 1. blocks are the codes after each of them.
func dispatched(table []byte, blocks ...[]byte) []byte {
	out := cat(opLoop, blockEmpty, bytes.Repeat([]byte{opBlock, blockEmpty}, len(blocks)), opLocalGet, 1, opBrTable, table, opEnd)
	for i, b := range blocks {
		out = append(out, b...)
		if i < len(blocks)-1 {
			out = append(out, opEnd)
		}
	}
	return append(out, opEnd)
}

// jumpTo is a jump in Go's form out of depth blocks.
func jumpTo(k int32, depth byte) []byte { return cat(i32const(k), opLocalSet, 1, opBr, depth) }

var spinning = []struct {
	name string
	code []byte
}{
	{"br", cat(opLoop, blockEmpty, opBr, 0, opEnd)},
	{"br_if", cat(opLoop, blockEmpty, i32const(1), opBrIf, 0, opEnd)},
	{"br_table", cat(opLoop, blockEmpty, i32const(1), opBrTable, 1, 0, 0, opEnd)},
	{"br out of blocks", cat(opLoop, blockEmpty, opBlock, blockEmpty, i32const(1), opIf, blockEmpty, opBr, 2, opEnd, opEnd, opEnd)},
	{"parameters and results", cat(i32const(1), i32const(2), opLoop, 2, opBr, 0, opEnd, 0x1a, 0x1a)},
	{"operands below", cat(i32const(1), opF64Const, make([]byte, 8), opLoop, blockEmpty, opBr, 0, opEnd, 0x1a, 0x1a)},
	{"nested, the inner ends", cat(opLoop, blockEmpty, opLoop, blockEmpty, opEnd, opBr, 0, opEnd)},
	{"nested, the inner goes out", cat(opLoop, blockEmpty, opLoop, blockEmpty, opBr, 1, opEnd, opEnd)},
	{"dispatch, back", dispatched(cat(1, 0, 1), jumpTo(0, 1), nil)},
	{"dispatch, back from the last", dispatched(cat(1, 0, 1), nil, jumpTo(0, 0))},
	{"dispatch, to the block itself", dispatched(cat(2, 0, 1, 2), nil, jumpTo(1, 1), nil)},
	{"dispatch, forward then back", dispatched(cat(3, 0, 1, 2, 3), jumpTo(2, 3), jumpTo(0, 2), jumpTo(1, 1), nil)},
	{"dispatch, constant beyond the table", dispatched(cat(1, 0, 0), jumpTo(9, 1), nil)},
	{"dispatch, negative constant", dispatched(cat(1, 0, 0), jumpTo(-1, 1), nil)},
	{"dispatch, table names the loop", dispatched(cat(1, 0, 2), cat(i32const(7), opLocalSet, 1, opBr, 1), nil)},
	{"dispatch, default is the loop", cat(opLoop, blockEmpty, opBlock, blockEmpty, opLocalGet, 1, opBrTable, 0, 1, opEnd, opEnd)},
	{"dispatch, other local", dispatched(cat(2, 0, 1, 2), cat(i32const(1), opLocalSet, 0, opBr, 2), nil, nil)},
	{"dispatch, no constant", dispatched(cat(2, 0, 1, 2), cat(opLocalGet, 0, opLocalSet, 1, opBr, 2), nil, nil)},
	{"dispatch, local changed again", dispatched(cat(2, 0, 1, 2), cat(i32const(1), opLocalSet, 1, i32const(0), opLocalSet, 1, 0x01, opBr, 2), nil, nil)},
	{"dispatch, constant not set", dispatched(cat(2, 0, 1, 2), cat(i32const(0), opLocalSet, 1, i32const(1), opBr, 2), nil, nil)},
	{"dispatch, label between", dispatched(cat(2, 0, 1, 2), cat(opBlock, blockEmpty, opBr, 0, i32const(1), opLocalSet, 1, opEnd, opBr, 2), nil, nil)},
	{"dispatch, br_if", dispatched(cat(2, 0, 1, 2), cat(i32const(0), opLocalSet, 1, i32const(1), opBrIf, 2), nil, nil)},
	{"dispatch, br_table", dispatched(cat(2, 0, 1, 2), cat(i32const(0), opBrTable, 1, 2, 2), nil, nil)},
	{"dispatch in a dispatch, back to the outer", dispatched(cat(1, 0, 1), dispatched(cat(1, 0, 1), cat(i32const(0), opLocalSet, 1, opBr, 3), nil), nil)},
	{"dispatch in a loop, back to the loop", cat(opLoop, blockEmpty, dispatched(cat(1, 0, 1), cat(i32const(0), opLocalSet, 1, opBr, 2), nil), opEnd)},
	{"loop in a dispatch, back to the dispatch", dispatched(cat(1, 0, 1), cat(opLoop, blockEmpty, jumpTo(0, 2), opEnd), nil)},
	{"dispatch in a dispatch, back to the outer by default", dispatched(cat(1, 0, 0), dispatched(cat(1, 0, 1), nil, cat(i32const(9), opLocalSet, 1, opBr, 2)), nil)},
	{"dispatch after a dispatch, default", dispatched(cat(1, 0, 0), cat(dispatched(cat(1, 0, 1), nil, nil), jumpTo(9, 1)), nil)},
	{"exponential recursion", cat(i32const(90), opCall, 1, 0x1a)},
	{"exponential recursion through a table", cat(i32const(90), i32const(1), 0x11, 1, 0, 0x1a)},
	{"tail call", cat(i32const(1), opCall, 3, 0x1a)},
	{"tail call through a table", cat(i32const(1), i32const(0), 0x13, 0, 0)},
	{"memory.fill", cat(opLoop, blockEmpty, i32const(0), i32const(1), i32const(1<<20), opMisc, miscMemoryFill, 0, opBr, 0, opEnd)},
	{"memory.copy", cat(opLoop, blockEmpty, i32const(1), i32const(0), i32const(1<<20), opMisc, miscMemoryCopy, 0, 0, opBr, 0, opEnd)},
	{"memory.init", cat(opLoop, blockEmpty, i32const(0), i32const(0), i32const(5000), opMisc, 8, 0, 0, opBr, 0, opEnd)},
	{"memory.grow", cat(opLoop, blockEmpty, i32const(0), opMemoryGrow, 0, 0x1a, opBr, 0, opEnd)},
	{"table.fill", cat(opLoop, blockEmpty, i32const(0), opRefNull, typeExternref, i32const(200), opMisc, 17, 1, opBr, 0, opEnd)},
	{"table.copy", cat(opLoop, blockEmpty, i32const(0), i32const(1), i32const(199), opMisc, 14, 1, 1, opBr, 0, opEnd)},
	{"table.init", cat(opLoop, blockEmpty, i32const(0), i32const(0), i32const(3), opMisc, 12, 1, 0, opBr, 0, opEnd)},
	{"table.grow", cat(opLoop, blockEmpty, opRefNull, typeExternref, i32const(0), opMisc, 15, 1, 0x1a, opBr, 0, opEnd)},
	{"large leaves", cat(opLoop, blockEmpty, bytes.Repeat(cat(i32const(1), opCall, 5), 100), opBr, 0, opEnd)},
	{"small leaves", cat(opLoop, blockEmpty, bytes.Repeat(cat(i32const(1), opCall, 6), 1000), opBr, 0, opEnd)},
	{"straight code", cat(opLoop, blockEmpty, bytes.Repeat(cat(opLocalGet, 0, i32const(3), 0x6c, opLocalSet, 0), 50_000), opBr, 0, opEnd)},
}

// TestEndlessGuestsAreStopped also holds the time between two exits against a
// bound that is far above what it takes, and far below what an unmetered turn
// of these loops could take.
func TestEndlessGuestsAreStopped(t *testing.T) {
	for _, c := range spinning {
		t.Run(c.name, func(t *testing.T) {
			wasm := endless(c.code).bytes()
			if err := newValidator(t).check(wasm); err != nil {
				t.Fatalf("the test's module: %v", err)
			}
			// The engine's own means end a guest that no check stops.
			ctx, rt := newRuntime(t, wazero.NewRuntimeConfig().WithCloseOnContextDone(true))
			ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			q := &irq{grant: 100_000, stopAt: 4}
			last, longest := time.Now(), time.Duration(0)
			q.during = func() {
				longest = max(longest, time.Since(last))
				last = time.Now()
			}
			g := instantiateRewritten(t, ctx, rt, mustRewrite(t, wasm), q, nil)
			if _, err := g.call("f", 0); !errors.Is(err, errStop) {
				t.Errorf("got error %v, want %v", err, errStop)
			}
			if longest > 5*time.Second {
				t.Errorf("an exit came only after %v", longest)
			}
		})
	}
}

// TestHostCollectsGarbageWhileGuestSpins: the engine's code cannot be
// preempted, so that a collection waits for the guest's next exit.
func TestHostCollectsGarbageWhileGuestSpins(t *testing.T) {
	ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
	stop := make(chan struct{})
	q := &irq{grant: 100_000}
	q.during = func() {
		select {
		case <-stop:
			panic(errStop)
		default:
		}
	}
	g := instantiateRewritten(t, ctx, rt, mustRewrite(t, endless(opLoop, blockEmpty, opBr, 0, opEnd).bytes()), q, nil)
	done := make(chan error)
	go func() {
		_, err := g.call("f", 0)
		done <- err
	}()
	for range 20 {
		runtime.GC()
	}
	close(stop)
	if err := <-done; !errors.Is(err, errStop) {
		t.Errorf("got error %v, want %v", err, errStop)
	}
}

// TestChargesDoNotWrap charges as much as one instruction can, from every
// amount of fuel that there may be. The tests' irq refuses to be called with
// fuel left, which a wrapped subtraction would look like; one that wraps to
// more fuel would not call it.
func TestChargesDoNotWrap(t *testing.T) {
	wasm := endless(i32const(0), i32const(0), opLocalGet, 0, opMisc, miscMemoryFill, 0).bytes()
	for _, fuel := range []int32{0, 1, 100_000, 1<<29 - 1000, -1, -1000, -1 << 27} {
		for _, length := range []uint32{1 << 31, 1<<31 - 1, 1<<32 - 1, 1 << 30} {
			q := &irq{grant: 1000}
			g := start(t, wasm, q)
			g.setFuel(fuel)
			_, err := g.call("f", uint64(length))
			if err == nil || err.Error() != "wasm error: out of bounds memory access" {
				t.Errorf("fuel %d, length %d: got error %v", fuel, length, err)
			}
			want := 0
			if int64(fuel) < int64(length>>3) {
				want = 1
			}
			// The check at the entry comes first and may refill.
			if q.exits < want || q.exits > want+1 {
				t.Errorf("fuel %d, length %d: got %d exits, want %d", fuel, length, q.exits, want)
			}
		}
	}
}

func TestWeight(t *testing.T) {
	for _, c := range []struct {
		cost int
		want int32
	}{
		{0, 1}, {costUnit - 1, 1}, {costUnit, 2}, {1000 * costUnit, 1001},
		{maxWeight * costUnit, maxWeight}, {math.MaxInt, maxWeight},
	} {
		got := weight(c.cost)
		if got != c.want {
			t.Errorf("weight(%d): got %d, want %d", c.cost, got, c.want)
		}
		b := make([]byte, 5)
		setWeight(b, got)
		for name, b := range map[string][]byte{"padded": b[:4], "short": appendS32(nil, got)} {
			r := wasmfile.Reader{B: b}
			if back := r.S32(); back != got || r.Err != nil || r.Off != len(b) {
				t.Errorf("%s weight %d: read back %d, %v", name, got, back, r.Err)
			}
		}
	}
	// From no fuel, and from the least that the host may set, nothing wraps.
	if int64(-1)-maxWeight < math.MinInt32 || int64(-1)-(1<<29-1) < math.MinInt32 {
		t.Error("a charge may wrap")
	}
}

// TestWeights runs code whose fuel can be reckoned: each piece of straight code
// costs some hundreds of units, which the rest, counted at the end, does not reach.
func TestWeights(t *testing.T) {
	straight := func(units int) []byte {
		return bytes.Repeat([]byte{opLocalGet, 0, opLocalSet, 0}, units*costUnit/2)
	}
	// once goes back to block k the first time it is met; depth is the loop's.
	once := func(k int32, depth byte) []byte {
		return cat(opGlobalGet, 0, opIf, blockEmpty, opElse, i32const(1), opGlobalSet, 0, jumpTo(k, depth+1), opEnd)
	}
	inner := dispatched(cat(2, 0, 1, 2), nil, nil, nil)
	for _, c := range []struct {
		name string
		code []byte
		want int64 // hundreds of units
	}{
		{"straight", straight(300), 3},
		{"loop of one turn", cat(opLoop, blockEmpty, straight(300), opEnd), 3},
		{"loop of two turns", cat(opLoop, blockEmpty, straight(300), once0(0), opEnd), 6},
		{"loop in a loop, the inner twice", cat(straight(100), opLoop, blockEmpty, straight(300), opLoop, blockEmpty, straight(500), once0(0), opEnd, straight(700), opEnd), 1 + 3 + 7 + 2*5},
		{"loop in a loop, the outer twice", cat(opLoop, blockEmpty, straight(300), opLoop, blockEmpty, straight(500), opEnd, straight(700), once0(0), opEnd), 2 * (3 + 5 + 7)},
		{"dispatch, one way through", dispatched(cat(1, 0, 1), straight(300), straight(500)), 3 + 5},
		{"dispatch, back over both", dispatched(cat(1, 0, 1), straight(300), cat(straight(500), once(0, 0))), 2 * (3 + 5)},
		{"dispatch, back over one", dispatched(cat(2, 0, 1, 2), straight(300), cat(straight(500), once(1, 1)), straight(900)), 3 + 2*5 + 9},
		{"dispatch, back by the default", dispatched(cat(1, 0, 1), straight(300), cat(straight(500), once(7, 0))), 3 + 2*5},
		{"dispatch, back by br_table", dispatched(cat(1, 0, 1), straight(300), cat(straight(500), opGlobalGet, 0, opIf, blockEmpty, opElse, i32const(1), opGlobalSet, 0, i32const(1), opLocalSet, 1, i32const(0), opBrTable, 0, 1, opEnd)), 2 * (3 + 5)},
		{"dispatch, back out of a loop", dispatched(cat(1, 0, 1), straight(300), cat(straight(500), opLoop, blockEmpty, straight(700), once(0, 1), opEnd)), 2 * (3 + 5 + 7)},
		{"dispatch, back after a dispatch", dispatched(cat(2, 0, 1, 2), cat(straight(300), inner, straight(500)), cat(straight(700), once(1, 1)), nil), 3 + 5 + 2*7},
		{"dispatch, back out of a dispatch", dispatched(cat(1, 0, 1), nil, cat(straight(500), dispatched(cat(1, 0, 1), straight(700), once(1, 1)))), 2 * (5 + 7)},
		{"if and else", cat(opLocalGet, 0, opIf, blockEmpty, straight(300), opElse, straight(500), opEnd), 3 + 5},
		{"call of a leaf", cat(straight(100), i32const(0), opCall, 5), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, endless(c.code).bytes(), &irq{grant: 1 << 30})
			if _, err := g.call("f", 0); err != nil {
				t.Fatal(err)
			}
			if got := g.spent(); got/100 != c.want {
				t.Errorf("got %d units, want %d hundred and some", got, c.want)
			}
		})
	}
}

// once0 is a branch back to a loop, taken the first time.
func once0(depth byte) []byte {
	return cat(opGlobalGet, 0, opIf, blockEmpty, opElse, i32const(1), opGlobalSet, 0, opBr, depth+1, opEnd)
}

// TestChecks counts checks, which says where they are.
func TestChecks(t *testing.T) {
	const entry = 1
	for _, c := range []struct {
		name            string
		code            []byte
		checks, forward int
	}{
		{"leaf", nil, 0, 0},
		{"leaf with a load", cat(i32const(0), 0x28, 2, 0, 0x1a), 0, 0},
		{"leaf with loads", bytes.Repeat(cat(i32const(0), 0x28, 2, 0, 0x1a), 2), entry, 0},
		{"long leaf", bytes.Repeat([]byte{opLocalGet, 0, opLocalSet, 0}, costCall/2), entry, 0},
		{"call", cat(i32const(0), opCall, 6), entry, 0},
		{"call through a table", cat(i32const(0), i32const(0), 0x11, 0, 0), entry, 0},
		{"memory.grow", cat(i32const(0), opMemoryGrow, 0, 0x1a), entry, 0},
		{"loop", cat(opLoop, blockEmpty, opEnd), 1, 0},
		{"large loop in a small function", cat(opLoop, blockEmpty, bytes.Repeat(cat(i32const(0), 0x28, 2, 0, 0x1a), 100), opEnd), 1, 0},
		{"nested loops", cat(opLoop, blockEmpty, opLoop, blockEmpty, opEnd, opEnd), 2, 0},
		{"bulk", cat(0x00, opMisc, miscMemoryFill, 0), entry + 1, 0},
		{"dispatch, falls through", dispatched(cat(2, 0, 1, 2), nil, nil, nil), 0, 0},
		{"dispatch, forward", dispatched(cat(2, 0, 1, 2), jumpTo(1, 2), nil, nil), 0, 1},
		{"dispatch, forward by default", dispatched(cat(1, 0, 2), jumpTo(5, 2), nil, nil), 0, 1},
		{"dispatch, forward out of blocks", dispatched(cat(2, 0, 1, 2), cat(opBlock, blockEmpty, opBlock, blockEmpty, jumpTo(2, 4), opEnd, opEnd), nil, nil), 0, 1},
		{"dispatch, forward out of a loop", dispatched(cat(2, 0, 1, 2), cat(opLoop, blockEmpty, jumpTo(2, 3), opEnd), nil, nil), 1, 1},
		{"dispatch, back", dispatched(cat(2, 0, 1, 2), nil, jumpTo(0, 1), nil), 1, 0},
		{"dispatch, to its own block", dispatched(cat(2, 0, 1, 2), nil, jumpTo(1, 1), nil), 1, 0},
		{"dispatch, forward by br_if", dispatched(cat(2, 0, 1, 2), cat(i32const(1), opLocalSet, 1, i32const(1), opBrIf, 2), nil, nil), 1, 0},
		{"dispatch, of one block", dispatched(cat(0, 0), jumpTo(0, 0)), 1, 0},
		{"loop of blocks, no table", cat(opLoop, blockEmpty, opBlock, blockEmpty, opLocalGet, 0, 0x1a, opEnd, opEnd), 1, 0},
		{"loop of blocks with results", cat(opLoop, blockEmpty, opBlock, 0x7f, opLocalGet, 0, opLocalGet, 1, opBrTable, 0, 0, opEnd, 0x1a, opEnd), 1, 0},
		{"dispatch to the function's end", dispatched(cat(1, 0, 3), jumpTo(1, 1), nil), 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			wasm := endless(c.code).bytes()
			if err := newValidator(t).check(wasm); err != nil {
				t.Fatalf("the test's module: %v", err)
			}
			base, res := mustRewrite(t, endless().bytes()), mustRewrite(t, wasm)
			if got := res.Checks - base.Checks; got != c.checks || res.placed.forward != c.forward {
				t.Errorf("got %d checks and %d branches without, want %d and %d", got, res.placed.forward, c.checks, c.forward)
			}
			if err := newValidator(t).check(res.Wasm); err != nil {
				t.Errorf("rewritten: %v", err)
			}
		})
	}
}
