package rewrite

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/berth-run/berth/plugins/wasmfile"
	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// env offers two functions: h adds 1000, k adds 2000.
func env(b wazero.HostModuleBuilder) {
	for name, add := range map[string]uint32{"h": 1000, "k": 2000} {
		b.NewFunctionBuilder().WithFunc(func(_ context.Context, v uint32) uint32 { return v + add }).Export(name)
	}
}

// indexed is a module that names functions everywhere a module may.
func indexed() *mod {
	m := &mod{
		types: [][]byte{functype("", i32), functype(i32, i32), functype("", "")},
		imports: [][]byte{
			cat(str("env"), str("h"), 0, u(1)),
			cat(str("env"), str("k"), 0, u(1)),
		},
		tables:   [][]byte{{typeFuncref, 0, 16}, {typeFuncref, 0, 4}},
		memories: [][]byte{{1, 1, 2}},
		globals: [][]byte{
			cat(typeI32, 1, i32const(7), opEnd),
			cat(typeFuncref, 0, opRefFunc, u(4), opEnd),
			cat(typeI64, 1, opI64Const, 5, opEnd),
			cat(typeI64, 0, opI64Const, 6, opEnd),
			cat(typeF64, 1, opF64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, opEnd),
			cat(typeV128, 0, opSIMD, simdV128Const, make([]byte, 16), opEnd),
		},
		start:     u(12),
		dataCount: true,
		datas: [][]byte{
			cat(0, i32const(16), opEnd, str("active")),
			cat(1, str("passive")),
			cat(2, 0, i32const(65530), opEnd, str("end")),
		},
		names: cat(
			0, u(4), str("mod"),
			1, u(10), 2, u(2), str("two"), u(0), str("h"),
			2, u(11), 1, u(2), 2, u(0), str("a"), u(1), str("b"),
			7, u(4), 1, u(0), str("g"),
		),
	}
	// Functions 2 to 9 return 100 plus their index.
	for i := int32(2); i < 10; i++ {
		m.fn(0, locals(), i32const(100+i))
	}
	fn := func(i uint32) []byte { return cat(opRefFunc, u(i), opEnd) }
	m.elements = [][]byte{
		cat(0, i32const(0), opEnd, 1, u(2)),
		cat(1, 0, 1, u(3)),
		cat(2, 0, i32const(2), opEnd, 0, 1, u(4)),
		cat(3, 0, 1, u(5)),
		cat(4, i32const(4), opEnd, 1, fn(6)),
		cat(5, typeFuncref, 2, fn(7), opRefNull, typeFuncref, opEnd),
		cat(6, 0, i32const(6), opEnd, typeFuncref, 1, fn(8)),
		cat(7, typeFuncref, 1, fn(9)),
		cat(2, 1, i32const(1), opEnd, 0, 2, u(2), u(3)),
	}
	// 10: call through table 0, after filling the gaps from the passive segments and ref.func.
	m.fn(1, locals(),
		i32const(1), i32const(0), i32const(1), opMisc, 12, u(1), u(0),
		i32const(5), i32const(0), i32const(1), opMisc, 12, u(5), u(0),
		i32const(3), opRefFunc, u(5), 0x26, u(0),
		i32const(7), opRefFunc, u(9), 0x26, u(0),
		opLocalGet, 0, 0x11, u(0), u(0))
	// 11: calls the imports and a defined function, directly.
	m.fn(1, locals(), opLocalGet, 0, opCall, u(0), opCall, u(1), opCall, u(9), opI32Add)
	// 12: the start function.
	m.fn(2, locals(), i32const(42), opGlobalSet, u(0))
	// 13: a tail call, direct and through a table.
	m.fn(1, locals(), opLocalGet, 0, opIf, blockEmpty, opLocalGet, 0, 0x12, u(11), opEnd, i32const(0), 0x13, u(0), u(0))
	// 14: through table 1.
	m.fn(1, locals(), opLocalGet, 0, 0x11, u(0), u(1))
	// 15: the function reference in global 1, put into table 0.
	m.fn(0, locals(), i32const(9), opGlobalGet, u(1), 0x26, u(0), i32const(9), 0x11, u(0), u(0))
	// 16: memory from the passive segment.
	m.fn(2, locals(), i32const(0), i32const(0), i32const(7), opMisc, 8, u(1), 0)
	for i, name := range map[uint32]string{0: "host", 10: "table0", 11: "direct", 13: "tail", 14: "table1", 15: "global", 16: "init"} {
		m.export(name, wasmfile.ExternFunc, i)
	}
	m.export("memory", wasmfile.ExternMemory, 0)
	m.export("g", wasmfile.ExternGlobal, 0)
	m.export("t", wasmfile.ExternTable, 1)
	return m
}

func TestIndexesAreShifted(t *testing.T) {
	wasm := indexed().bytes()
	res := mustRewrite(t, wasm)
	ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
	before := instantiate(t, ctx, rt, wasm, env)
	after := instantiateRewritten(t, ctx, rt, res, &irq{grant: 1000}, env)
	type call struct {
		name string
		arg  []uint64
		want string
	}
	calls := []call{
		{"host", []uint64{1}, "[1001]"},
		{"direct", []uint64{1}, "[3110]"},
		{"tail", []uint64{1}, "[3110]"},
		{"global", nil, "[104]"},
		{"table1", []uint64{0}, "wasm error: invalid table access"},
		{"table1", []uint64{1}, "[102]"},
		{"table1", []uint64{2}, "[103]"},
		{"init", nil, "[]"},
	}
	for i := range uint64(8) {
		calls = append(calls, call{"table0", []uint64{i}, fmt.Sprintf("[%d]", 102+i)})
	}
	calls = append(calls, call{"tail", []uint64{0}, "[102]"})
	for _, c := range calls {
		t.Run(fmt.Sprint(c.name, c.arg), func(t *testing.T) {
			for _, g := range []*guest{before, after} {
				out, err := g.call(c.name, c.arg...)
				got := fmt.Sprint(out)
				if err != nil {
					got = err.Error()
				}
				if got != c.want {
					t.Errorf("rewritten: %v: got %s, want %s", g.irq != nil, got, c.want)
				}
			}
		})
	}
	a, _ := before.mod.Memory().Read(0, 65536)
	b, _ := after.mod.Memory().Read(0, 65536)
	if !bytes.Equal(a, b) {
		t.Error("memories differ")
	}
	if got := after.mod.ExportedGlobal("g").Get(); got != 42 {
		t.Errorf("global set by the start function: got %d, want 42", got)
	}
}

func TestResult(t *testing.T) {
	res := mustRewrite(t, indexed().bytes())
	want := []Segment{{16, []byte("active")}, {65530, []byte("end")}}
	if diff := cmp.Diff(want, res.Data); diff != "" {
		t.Errorf("Data (-want +got):\n%s", diff)
	}
	globals := []string{"$berth.g0", "$berth.g2", "$berth.g4", FuelGlobal}
	if diff := cmp.Diff(globals, res.Globals); diff != "" {
		t.Errorf("Globals (-want +got):\n%s", diff)
	}
	if res.Start != "$berth.start" {
		t.Errorf("Start: got %q", res.Start)
	}
	if res.Snapshot == nil || !strings.Contains(res.Snapshot.Error(), "table.init") {
		t.Errorf("Snapshot: got %v, want a reason that names table.init", res.Snapshot)
	}
	m, err := wasmfile.Parse(res.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	if m.HasStart {
		t.Error("there is a start section still")
	}
	last := m.Imports[len(m.Imports)-1]
	if last.Module != IrqModule || last.Name != IrqName || last.Kind != wasmfile.ExternFunc {
		t.Errorf("last import: got %s.%s", last.Module, last.Name)
	}
	ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
	c, err := rt.CompileModule(ctx, res.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range res.Globals {
		e, ok := m.Export(name)
		if !ok || e.Kind != wasmfile.ExternGlobal {
			t.Errorf("export %q: got %+v, %v", name, e, ok)
		}
	}
	if got := c.ExportedFunctions()[startExport].ParamTypes(); len(got) != 0 {
		t.Errorf("the start function's export has parameters %v", got)
	}
}

// TestNames looks for a function's name in a trap's stack, which the engine
// takes from the name section.
func TestNames(t *testing.T) {
	names := func(functions []byte) []byte { return cat(1, u(uint32(len(functions))), functions) }
	for _, c := range []struct {
		name  string
		names []byte
		want  string
	}{
		{"moved with the function", names(cat(2, u(0), str("h"), u(1), str("boom"))), "boom"},
		{"with locals and labels", cat(names(cat(1, u(1), str("boom"))), 2, 6, 1, u(1), 1, u(0), str("l"), 3, 6, 1, u(1), 1, u(0), str("b")), "boom"},
		{"other subsections", cat(9, 2, "xy", names(cat(1, u(1), str("boom")))), "boom"},
		{"none", nil, "$2"},
		{"left out: truncated", names(cat(2, u(1), str("boom"))), "$2"},
		{"left out: unknown function", names(cat(2, u(1), str("boom"), u(9), str("x"))), "$2"},
		{"left out: not UTF-8", names(cat(1, u(1), 1, 0xff)), "$2"},
		{"left out: bytes too many", names(cat(1, u(1), str("boom"), 0)), "$2"},
		{"left out: huge count", names(cat(0xff, 0xff, 0xff, 0xff, 0x0f, u(1), str("boom"))), "$2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &mod{types: [][]byte{functype(i32, i32)}, imports: [][]byte{cat(str("env"), str("h"), 0, u(0))}, names: c.names}
			m.fn(0, locals(typeI32), 0x00)
			m.export("f", wasmfile.ExternFunc, 1)
			ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
			g := instantiateRewritten(t, ctx, rt, mustRewrite(t, m.bytes()), &irq{grant: 1}, env)
			_, err := g.mod.ExportedFunction("f").Call(ctx, 1)
			if err == nil || !strings.Contains(err.Error(), c.want+"(") {
				t.Errorf("got error %v, want one that names %q", err, c.want)
			}
		})
	}
}

func TestCustomSections(t *testing.T) {
	m := &mod{customs: [][]byte{
		wasmfile.AppendCustom(nil, "name", cat(0, u(4), str("mod"))),
		wasmfile.AppendCustom(nil, ".debug_info", make([]byte, 1000)),
		wasmfile.AppendCustom(nil, "producers", []byte("x")),
		wasmfile.AppendCustom(nil, "berth.manifest", []byte("x")),
		wasmfile.AppendCustom(nil, "name", cat(0, u(6), str("other"))),
	}}
	sections, err := wasmfile.Sections(mustRewrite(t, m.bytes()).Wasm)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sections {
		if s.ID == wasmfile.Custom {
			got = append(got, s.Name+" "+string(s.Content[len(s.Content)-3:]))
		}
	}
	if want := []string{"name mod"}; !slices.Equal(got, want) {
		t.Errorf("custom sections: got %q, want %q", got, want)
	}
}

// TestDataSections: segments that no instruction can name are left out.
func TestDataSections(t *testing.T) {
	for _, c := range []struct {
		name      string
		dataCount bool
		want      []byte // content of the section, nil = none
	}{
		{"named by index", true, cat(3, 0, opI32Const, 0, opEnd, 0, 1, str("passive"), 0, opI32Const, 0, opEnd, 0)},
		{"not named", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := indexed()
			m.dataCount = c.dataCount
			if !c.dataCount {
				m.codes[14] = cat(2, 0, opEnd) // it has memory.init
			}
			res := mustRewrite(t, m.bytes())
			if err := newValidator(t).check(res.Wasm); err != nil {
				t.Error(err)
			}
			if len(res.Data) != 2 {
				t.Errorf("got %d active segments, want 2", len(res.Data))
			}
			sections, err := wasmfile.Sections(res.Wasm)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, s := range sections {
				if s.ID == wasmfile.Data {
					got = s.Content
				}
			}
			if !bytes.Equal(got, c.want) {
				t.Errorf("data section: got %x, want %x", got, c.want)
			}
		})
	}
}

func TestMutableGlobalsAreExported(t *testing.T) {
	m := indexed()
	res := mustRewrite(t, m.bytes())
	ctx, rt := newRuntime(t, wazero.NewRuntimeConfig())
	g := instantiateRewritten(t, ctx, rt, res, &irq{grant: 1000}, env)
	for i, want := range []uint64{42, 5, api.EncodeF64(1)} {
		global, ok := g.mod.ExportedGlobal(res.Globals[i]).(api.MutableGlobal)
		if !ok {
			t.Fatalf("%s is not mutable", res.Globals[i])
		}
		if got := global.Get(); got != want {
			t.Errorf("%s: got %d, want %d", res.Globals[i], got, want)
		}
	}
}
