package rewrite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"pgregory.net/rapid"
)

// observed is what can be seen of a run from outside.
type observed struct {
	Results []uint64
	Err     string
	Trace   []uint32
	Memory  [32]byte
	Pages   uint32
	Globals map[string]uint64
}

func observe(g *guest, trace []uint32, results []uint64, err error) observed {
	o := observed{Results: results, Trace: trace, Globals: map[string]uint64{}}
	if err != nil {
		o.Err = err.Error()
	}
	mem := g.mod.Memory()
	o.Pages = mem.Size() >> 16
	b, _ := mem.Read(0, mem.Size())
	o.Memory = sha256.Sum256(b)
	for _, name := range []string{"budget", "ticks", "i32", "i64", "f64"} {
		o.Globals[name] = g.mod.ExportedGlobal(name).Get()
	}
	return o
}

// TestProgramsBehaveTheSame runs random programs before and after rewriting,
// and compares what ran with what was charged.
func TestProgramsBehaveTheSame(t *testing.T) {
	var ran, trapped, looped int
	rapid.Check(t, func(rt *rapid.T) {
		wasm := programModule(rt)
		args := []uint64{uint64(rapid.Uint32().Draw(rt, "argument")), uint64(rapid.Uint32().Draw(rt, "argument"))}
		grant := rapid.Int32Range(0, 3000).Draw(rt, "grant")
		ctx, host := newRuntime(t, wazero.NewRuntimeConfig())
		defer host.Close(ctx)
		var trace []uint32
		env := func(b wazero.HostModuleBuilder) {
			b.NewFunctionBuilder().WithFunc(func(_ context.Context, v uint32) { trace = append(trace, v) }).Export("trace")
		}
		if err := newValidator(t).check(wasm); err != nil {
			rt.Fatalf("the test's module: %v", err)
		}
		before := instantiate(t, ctx, host, wasm, env)
		results, err := before.call("f", args...)
		want := observe(before, slices.Clone(trace), results, err)

		trace = nil
		q := &irq{grant: grant}
		after := instantiateRewritten(t, ctx, host, mustRewrite(t, wasm), q, env)
		results, err = after.call("f", args...)
		got := observe(after, trace, results, err)
		if a, b := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); a != b {
			rt.Fatalf("before: %s\n after: %s", a, b)
		}
		ran++
		if want.Err != "" {
			trapped++
		}
		if q.exits > 3 {
			looped++
		}
		if cost, paid := int64(got.Globals["ticks"])*tickCost, after.spent()*costUnit+costCall; cost > paid {
			rt.Errorf("code that costs at least %d was charged %d", cost, paid)
		}
	})
	if ran == 0 || trapped > ran*3/4 || looped < ran/20 {
		t.Errorf("of %d programs %d trapped and %d ran for long: the test says little", ran, trapped, looped)
	}
	t.Logf("%d programs, %d trapped, %d ran for long", ran, trapped, looped)
}

// TestLongFillsAndCopies runs them in the helpers, which do them in pieces,
// and compares with the instructions.
func TestLongFillsAndCopies(t *testing.T) {
	const pages, piece = 80, 1 << pieceLog
	build := func(op ...any) []byte {
		m := &mod{types: [][]byte{functype(i32+i32+i32, "")}, memories: [][]byte{{0, pages}}, datas: [][]byte{cat(0, i32const(1000), opEnd, str("seed"))}}
		m.fn(0, locals(), opLocalGet, 0, opLocalGet, 1, opLocalGet, 2, cat(op...))
		m.export("f", 0, 0)
		m.export("memory", 2, 0)
		return m.bytes()
	}
	const all = pages << 16
	ranges := [][3]uint32{
		{0, 7, 0}, {0, 7, piece}, {0, 7, piece + 1}, {5, 9, 3*piece + 17}, {0, 0, all},
		{all - piece - 1, 3, piece + 1}, {all - piece, 3, piece + 1}, {1, 0, all}, {0, 1, all}, {all, all, 0}, {all + 1, 0, 0},
		{3 * piece, 1, piece + 5}, {1, 3 * piece, piece + 5}, {100, 50, 3 * piece}, {50, 100, 3 * piece},
		{piece, 0, 3*piece + 1}, {0, piece, 3*piece + 1}, {1<<32 - 1, 0, 1<<32 - 1}, {0, 1<<32 - 1, 2 * piece}, {77, 77, 2*piece + 3},
	}
	for _, c := range []struct {
		name string
		wasm []byte
	}{
		{"fill", build(opMisc, miscMemoryFill, 0)},
		{"copy", build(opMisc, miscMemoryCopy, 0, 0)},
	} {
		for _, r := range ranges {
			t.Run(fmt.Sprint(c.name, r), func(t *testing.T) {
				ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
				q := &irq{grant: 0}
				guests := []*guest{instantiate(t, ctx, rt, c.wasm, nil), instantiateRewritten(t, ctx, rt, mustRewrite(t, c.wasm), q, nil)}
				var memories [][]byte
				var errs []string
				for _, g := range guests {
					b, _ := g.mod.Memory().Read(0, all)
					for i := range b {
						b[i] = byte(i>>3) ^ byte(i>>13)
					}
					_, err := g.call("f", uint64(r[0]), uint64(r[1]), uint64(r[2]))
					errs = append(errs, fmt.Sprint(err))
					memories = append(memories, b)
				}
				if errs[0] != errs[1] {
					t.Errorf("got error %s, want %s", errs[1], errs[0])
				}
				if !bytes.Equal(memories[0], memories[1]) {
					t.Error("memories differ")
				}
				// One exit at the function's entry, one on entering the helper, and one a piece but the last.
				want := 1
				if r[2] >= 8 {
					want++
				}
				if errs[0] == "<nil>" && r[2] > 0 {
					want += int((r[2] - 1) / piece)
				}
				if q.exits != want {
					t.Errorf("got %d exits, want %d", q.exits, want)
				}
			})
		}
	}
}
