package rewrite

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// withBody is a module with one function of type () -> () and everything that
// instructions may refer to: two functions, one global, one local, one table,
// one memory, two types.
func withBody(body ...any) *mod {
	m := &mod{
		types:    [][]byte{functype("", ""), functype(i32, i32)},
		imports:  [][]byte{cat(str("env"), str("h"), 0, u(1))},
		tables:   [][]byte{{typeFuncref, 0, 4}},
		memories: [][]byte{{0, 1}},
		globals:  [][]byte{cat(typeI32, 1, i32const(0), opEnd)},
		elements: [][]byte{cat(3, 0, 1, u(1))},
	}
	m.fn(0, cat(body...))
	return m
}

func with(change func(*mod)) []byte {
	m := withBody(locals(typeI32))
	change(m)
	return m.bytes()
}

var refusals = []struct {
	name string
	wasm []byte
	err  error
	text string
}{
	{"empty file", nil, wasmfile.ErrEmpty, ""},
	{"component", []byte("\x00asm\x0d\x00\x01\x00"), wasmfile.ErrComponent, ""},
	{"truncated section", withBody(locals()).bytes()[:38], wasmfile.ErrTruncated, ""},

	// Indexes that name what the rewriter adds.
	{"call of the function after the last", withBody(locals(), i32const(0), opCall, u(2)).bytes(), wasmfile.ErrMalformed, "function 2 of 2"},
	{"call of the first helper", withBody(locals(), i32const(0), i32const(0), i32const(0), opCall, u(3)).bytes(), wasmfile.ErrMalformed, "function 3 of 2"},
	{"tail call of the function after the last", withBody(locals(), 0x12, u(2)).bytes(), wasmfile.ErrMalformed, "function 2 of 2"},
	{"ref.func of the function after the last", withBody(locals(), opRefFunc, u(2), 0x1a).bytes(), wasmfile.ErrMalformed, "function 2 of 2"},
	{"global.get of the fuel", withBody(locals(), opGlobalGet, u(1), 0x1a).bytes(), wasmfile.ErrMalformed, "global 1 of 1"},
	{"global.set of the fuel", withBody(locals(), i32const(9), opGlobalSet, u(1)).bytes(), wasmfile.ErrMalformed, "global 1 of 1"},
	{"global.set of the fuel, in a long form", withBody(locals(), i32const(9), opGlobalSet, 0x81, 0x80, 0).bytes(), wasmfile.ErrMalformed, "global 1 of 1"},
	{"global.set of the fuel, in code that is not reached", withBody(locals(), 0x00, opGlobalSet, u(1)).bytes(), wasmfile.ErrMalformed, "global 1 of 1"},
	{"the spare local", withBody(locals(), i32const(0), i32const(0), i32const(9), opMisc, miscMemoryFill, 0, opLocalGet, u(0), 0x1a).bytes(), wasmfile.ErrMalformed, "local 0 of 0"},
	{"the spare local, set", withBody(locals(typeI64), i32const(0), i32const(0), i32const(9), opMisc, miscMemoryFill, 0, i32const(1), opLocalSet, u(1)).bytes(), wasmfile.ErrMalformed, "local 1 of 1"},
	{"the spare local, tee", withBody(locals(), i32const(0), i32const(0), i32const(9), opLocalTee, u(0), opMisc, miscMemoryFill, 0).bytes(), wasmfile.ErrMalformed, "local 0 of 0"},
	{"call_indirect with irq's type", withBody(locals(), i32const(0), 0x11, u(2), 0, 0x1a).bytes(), wasmfile.ErrMalformed, "type 2 of 2"},
	{"return_call_indirect with the helpers' type", withBody(locals(), i32const(0), 0x13, u(3), 0).bytes(), wasmfile.ErrMalformed, "type 3 of 2"},
	{"block of an added type", withBody(locals(), opBlock, 2, 0x00, opEnd, 0x1a).bytes(), wasmfile.ErrMalformed, "block type 2 of 2"},
	{"loop of an added type", withBody(locals(), opLoop, 3, opEnd).bytes(), wasmfile.ErrMalformed, "block type 3 of 2"},
	{"function of an added type", with(func(m *mod) { m.fn(2, locals(), i32const(0)) }), wasmfile.ErrMalformed, "type 2 of 2"},
	{"import of an added type", with(func(m *mod) { m.imports = append(m.imports, cat(str("env"), str("k"), 0, u(2))) }), wasmfile.ErrMalformed, "type 2 of 2"},
	{"export of the function after the last", with(func(m *mod) { m.export("x", wasmfile.ExternFunc, 2) }), wasmfile.ErrMalformed, "function 2 of 2"},
	{"export of the fuel", with(func(m *mod) { m.export("x", wasmfile.ExternGlobal, 1) }), wasmfile.ErrMalformed, "global 1 of 1"},
	{"start function after the last", with(func(m *mod) { m.start = u(2) }), wasmfile.ErrMalformed, "function 2 of 2"},
	{"element after the last function", with(func(m *mod) { m.elements = [][]byte{cat(0, i32const(0), opEnd, 1, u(2))} }), wasmfile.ErrMalformed, "function 2 of 2"},
	{"element expression after the last function", with(func(m *mod) { m.elements = [][]byte{cat(5, typeFuncref, 1, opRefFunc, u(2), opEnd)} }), wasmfile.ErrMalformed, "function 2 of 2"},
	{"global with a function after the last", with(func(m *mod) { m.globals = [][]byte{cat(typeFuncref, 0, opRefFunc, u(2), opEnd)} }), wasmfile.ErrMalformed, "function 2 of 2"},
	{"global initialised from the fuel", with(func(m *mod) { m.globals = [][]byte{cat(typeI32, 0, opGlobalGet, u(1), opEnd)} }), wasmfile.ErrMalformed, "global 1 of 0"},
	{"start function with a result", with(func(m *mod) { m.start = u(0) }), wasmfile.ErrMalformed, "start function"},

	// Reserved names.
	{"import from the host's module", with(func(m *mod) { m.imports = append(m.imports, cat(str("$berth"), str("irq"), 0, u(0))) }), ErrReserved, `"$berth"."irq"`},
	{"import of the fuel of another", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("$berth.fuel"), 3, typeI32, 1)) }), ErrReserved, "$berth.fuel"},
	{"export of a reserved name", with(func(m *mod) { m.export("$berth.g0", wasmfile.ExternGlobal, 0) }), ErrReserved, "$berth.g0"},

	// What Berth does not offer.
	{"legacy exceptions", withBody(locals(), 0x06, blockEmpty, opEnd).bytes(), ErrUnsupported, "0x6 (exceptions)"},
	{"throw", withBody(locals(), 0x08, 0).bytes(), ErrUnsupported, "exceptions"},
	{"try_table", withBody(locals(), 0x1f, blockEmpty, 0, opEnd).bytes(), ErrUnsupported, "exceptions"},
	{"tag section", with(func(m *mod) { m.tags = [][]byte{{0, 0}} }), ErrUnsupported, "tag section"},
	{"imported tag", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("t"), 4, 0, 0)) }), ErrUnsupported, "tag"},
	{"atomics", withBody(locals(), i32const(0), 0xfe, 0x10, 2, 0, 0x1a).bytes(), ErrUnsupported, "threads"},
	{"shared memory", with(func(m *mod) { m.memories = [][]byte{{3, 1, 1}} }), ErrUnsupported, "shared memory"},
	{"64-bit memory", with(func(m *mod) { m.memories = [][]byte{{4, 1}} }), ErrUnsupported, "64-bit memory"},
	{"two memories", with(func(m *mod) { m.memories = [][]byte{{0, 1}, {0, 1}} }), ErrUnsupported, "more than one memory"},
	{"an imported and a defined memory", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("m"), 2, 0, 1)) }), ErrUnsupported, "more than one memory"},
	{"load from another memory", withBody(locals(), i32const(0), 0x28, 0x42, 1, 0, 0x1a).bytes(), ErrUnsupported, "multi-memory"},
	{"SIMD load from another memory", withBody(locals(), i32const(0), opSIMD, 0, 0x44, 1, 0, 0x1a).bytes(), ErrUnsupported, "multi-memory"},
	{"memory.grow of another memory", withBody(locals(), i32const(0), opMemoryGrow, 1, 0x1a).bytes(), ErrUnsupported, "multi-memory"},
	{"memory.copy to another memory", withBody(locals(), 0x00, opMisc, miscMemoryCopy, 0, 1).bytes(), ErrUnsupported, "multi-memory"},
	{"garbage collection", withBody(locals(), 0xfb, 0, 0).bytes(), ErrUnsupported, "garbage collection"},
	{"recursive types", with(func(m *mod) { m.types = [][]byte{cat(0x4e, 1, functype("", ""))} }), ErrUnsupported, "garbage collection"},
	{"call_ref", withBody(locals(), 0x14, 0).bytes(), ErrUnsupported, "typed function references"},
	{"typed reference in a type", with(func(m *mod) { m.types = append(m.types, cat(formFunc, 1, 0x63, 0x70, 0)) }), ErrUnsupported, "value type 0x63"},
	{"typed reference as a local", withBody(1, 1, 0x64, 0x70).bytes(), ErrUnsupported, "value type 0x64"},
	{"table with an initial value", with(func(m *mod) { m.tables = [][]byte{cat(0x40, 0, typeFuncref, 0, 1, opRefFunc, 0, opEnd)} }), ErrUnsupported, "table of type 0x40"},
	{"64-bit table", with(func(m *mod) { m.tables = [][]byte{{typeFuncref, 4, 1}} }), ErrUnsupported, "64-bit table"},
	{"relaxed SIMD", withBody(locals(), 0x00, opSIMD, u(0x100)).bytes(), ErrUnsupported, "relaxed SIMD"},
	{"SIMD opcode in a long form", withBody(locals(), 0x00, opSIMD, 0x8e, 0).bytes(), ErrUnsupported, "long form"},
	{"opcode after 0xfc in a long form", withBody(locals(), 0x00, opMisc, 0x8b, 0, 0).bytes(), ErrUnsupported, "0xfc 0x8b"},
	{"wide arithmetic", withBody(locals(), 0x00, opMisc, 19).bytes(), ErrUnsupported, "0xfc 0x13"},
	{"extended constant", with(func(m *mod) { m.globals = [][]byte{cat(typeI32, 0, i32const(1), i32const(2), opI32Add, opEnd)} }), ErrUnsupported, "extended-const"},
	{"global from a defined global", with(func(m *mod) {
		m.globals = append(m.globals, cat(typeI32, 0, opGlobalGet, 0, opEnd))
	}), wasmfile.ErrMalformed, "global 0 of 0"},
	{"data at an imported global", with(func(m *mod) {
		m.imports = append(m.imports, cat(str("a"), str("base"), 3, typeI32, 0))
		m.datas = [][]byte{cat(0, opGlobalGet, 0, opEnd, str("x"))}
	}), ErrUnsupported, "position-independent"},
	{"data at a sum", with(func(m *mod) { m.datas = [][]byte{cat(0, i32const(1), i32const(1), opI32Add, opEnd, str("x"))} }), ErrUnsupported, "data segment 0"},
	{"data at an i64", with(func(m *mod) { m.datas = [][]byte{cat(0, opI64Const, 1, opEnd, str("x"))} }), wasmfile.ErrMalformed, "data segment 0"},
	{"data without a memory", with(func(m *mod) { m.memories, m.datas = nil, [][]byte{cat(0, i32const(0), opEnd, str("x"))} }), wasmfile.ErrMalformed, "without a memory"},
	{"data with unknown flags", with(func(m *mod) { m.datas = [][]byte{cat(3, str("x"))} }), wasmfile.ErrMalformed, "flags 0x3"},
	{"data for another memory", with(func(m *mod) { m.datas = [][]byte{cat(2, 1, i32const(0), opEnd, str("x"))} }), ErrUnsupported, "memory 1"},

	// Structure.
	{"label too deep", withBody(locals(), opBr, 1).bytes(), wasmfile.ErrMalformed, "label 1 of 1"},
	{"label too deep in a table", withBody(locals(), i32const(0), opBrTable, 1, 0, 1).bytes(), wasmfile.ErrMalformed, "label 1 of 1"},
	{"else without if", withBody(locals(), opElse).bytes(), wasmfile.ErrMalformed, "else without if"},
	{"two elses", withBody(locals(), i32const(0), opIf, blockEmpty, opElse, opElse, opEnd).bytes(), wasmfile.ErrMalformed, "else without if"},
	{"bytes after the end", withBody(locals(), opEnd).bytes(), wasmfile.ErrMalformed, "after the function's end"},
	{"no end", withBody(locals(), opBlock, blockEmpty).bytes(), wasmfile.ErrTruncated, "without an end"},
	{"immediate cut off", withBody(locals(), 0x28).bytes(), wasmfile.ErrMalformed, "truncated immediate"},
	{"table of labels cut off", withBody(locals(), opBrTable, 0xff, 0xff, 0xff, 0xff, 0x0f).bytes(), wasmfile.ErrMalformed, ""},
	{"overlong index", withBody(locals(), opLocalGet, 0x80, 0x80, 0x80, 0x80, 0x10).bytes(), wasmfile.ErrMalformed, ""},
	{"overlong constant", withBody(locals(), opI32Const, 0xff, 0xff, 0xff, 0xff, 0x70, 0x1a).bytes(), wasmfile.ErrMalformed, ""},
	{"overlong i64 constant", withBody(locals(), opI64Const, bytes.Repeat([]byte{0x80}, 10), 0, 0x1a).bytes(), wasmfile.ErrMalformed, ""},
	{"overlong block type", withBody(locals(), opBlock, 0x80, 0x80, 0x80, 0x80, 0x20, opEnd).bytes(), wasmfile.ErrMalformed, ""},
	{"negative block type in a long form", withBody(locals(), opBlock, 0xc0, 0x7f, opEnd).bytes(), ErrUnsupported, "block type -64"},
	{"block type of another proposal", withBody(locals(), opBlock, 0x69, opEnd).bytes(), ErrUnsupported, "block type 0x69"},
	{"block type cut off", with(func(m *mod) { m.codes = [][]byte{cat(2, 0, opBlock)} }), wasmfile.ErrMalformed, ""},
	{"dispatch table cut off", with(func(m *mod) {
		m.codes = [][]byte{cat(9, 0, opLoop, blockEmpty, opBlock, blockEmpty, opLocalGet, 0, opBrTable, 0x80)}
	}), wasmfile.ErrMalformed, ""},
	{"dispatch table with an overlong label", withBody(locals(typeI32), opLoop, blockEmpty, opBlock, blockEmpty, opLocalGet, 0, opBrTable, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 0, opEnd, opEnd).bytes(), wasmfile.ErrMalformed, ""},
	{"select cut off", with(func(m *mod) { m.codes = [][]byte{cat(3, 0, 0x1c, 1)} }), wasmfile.ErrTruncated, ""},
	{"select of two values", withBody(locals(), 0x00, 0x1c, 2, typeI32, typeI32).bytes(), ErrUnsupported, "select of 2 values"},
	{"ref.null of another proposal", withBody(locals(), opRefNull, 0x6e, 0x1a).bytes(), ErrUnsupported, "heap type 0x6e"},
	{"SIMD opcode cut off", with(func(m *mod) { m.codes = [][]byte{cat(2, 0, opSIMD)} }), wasmfile.ErrMalformed, ""},
	{"0xfc opcode cut off", with(func(m *mod) { m.codes = [][]byte{cat(2, 0, opMisc)} }), wasmfile.ErrMalformed, ""},
	{"vector constant cut off", with(func(m *mod) { m.codes = [][]byte{cat(4, 0, opSIMD, simdV128Const, 0)} }), wasmfile.ErrMalformed, ""},
	{"mutability 2", with(func(m *mod) { m.globals = [][]byte{cat(typeI32, 2, i32const(0), opEnd)} }), wasmfile.ErrMalformed, "mutability 0x2"},
	{"constant of another proposal", with(func(m *mod) { m.globals = [][]byte{cat(typeI32, 0, 0xfb, 0, opEnd)} }), ErrUnsupported, "0xfb"},
	{"null of another proposal", with(func(m *mod) { m.globals = [][]byte{cat(typeFuncref, 0, opRefNull, 0x6e, opEnd)} }), ErrUnsupported, "heap type 0x6e"},
	{"SIMD instruction as a constant", with(func(m *mod) { m.globals = [][]byte{cat(typeV128, 0, opSIMD, 0x0f, make([]byte, 16), opEnd)} }), wasmfile.ErrMalformed, "SIMD instruction 0xf"},
	{"constant without an end", with(func(m *mod) { m.globals = [][]byte{cat(typeI32, 0, opF32Const, 0, 0, 0, 0)} }), wasmfile.ErrTruncated, ""},
	{"elements with unknown flags", with(func(m *mod) { m.elements = [][]byte{cat(8, 0)} }), wasmfile.ErrMalformed, "flags 0x8"},
	{"elements of another kind", with(func(m *mod) { m.elements = [][]byte{cat(1, 1, 0)} }), ErrUnsupported, "kind 0x1"},
	{"bytes after a section's entries", with(func(m *mod) { m.globals[0] = append(m.globals[0], 0) }), wasmfile.ErrMalformed, "1 bytes too many"},
	{"import of an unknown kind", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("x"), 5, 0)) }), wasmfile.ErrMalformed, "unknown kind 5"},
	{"a body too few", with(func(m *mod) { m.codes = nil }), wasmfile.ErrMalformed, "0 bodies for 1 functions"},
	{"a body too many", with(func(m *mod) { m.codes = append(m.codes, cat(2, 0, opEnd)) }), wasmfile.ErrMalformed, "2 bodies for 1 functions"},
	{"memory.fill without a memory", with(func(m *mod) {
		m.memories = nil
		m.codes = [][]byte{cat(8, 0, 0x00, opMisc, miscMemoryFill, 0, 0x01, 0x01, opEnd)}
	}), wasmfile.ErrMalformed, "without a memory"},

	// Limits.
	{"nested blocks", withBody(0, bytes.Repeat([]byte{opBlock, blockEmpty}, maxNesting+1)).bytes(), ErrLimit, "nested"},
	{"locals of one function", withBody(1, u(maxLocals+1), typeI32).bytes(), ErrLimit, ""},
	{"locals of one function, past 32 bits", withBody(2, u(1<<32-1), typeI32, u(2), typeI32).bytes(), ErrLimit, ""},
	{"locals of all functions", with(func(m *mod) {
		for range 3 {
			m.fn(0, 1, u(40_000), typeI64)
		}
	}), ErrLimit, "more locals"},
	{"parameters", with(func(m *mod) { m.types = append(m.types, functype(strings.Repeat(i32, maxParams+1), "")) }), ErrLimit, "1001"},
	{"results", with(func(m *mod) { m.types = append(m.types, functype("", strings.Repeat(i32, maxResults+1))) }), ErrLimit, "1001"},
	{"tables", with(func(m *mod) {
		for range maxTables {
			m.tables = append(m.tables, []byte{typeFuncref, 0, 0})
		}
	}), ErrLimit, "101 tables"},
	{"table length", with(func(m *mod) { m.tables = [][]byte{cat(typeFuncref, 0, u(maxTableLength+1))} }), ErrLimit, ""},
}

func TestRefusals(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			res, err := Rewrite(c.wasm)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got error %v, want %v that contains %q", err, c.err, c.text)
			}
			if res != nil {
				t.Error("got a result beside the error")
			}
		})
	}
}

// TestErrorsNameTheOffset looks the instruction up in the file.
func TestErrorsNameTheOffset(t *testing.T) {
	wasm := withBody(locals(), 0x01, 0x01, 0x06).bytes()
	at := strings.Index(string(wasm), "\x01\x01\x06") + 2
	_, err := Rewrite(wasm)
	want := "function 1: offset " + strconv.Itoa(at) + ": instruction 0x6 (exceptions): not supported"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestTablesCannotGrowWithoutBound(t *testing.T) {
	for _, c := range []struct {
		name  string
		table []byte
		grow  uint32
		want  int32
	}{
		{"no maximum, within", cat(typeExternref, 0, 4), 1000, 4},
		{"no maximum, to the limit", cat(typeExternref, 0, 4), maxTableLength - 4, 4},
		{"no maximum, beyond", cat(typeExternref, 0, 4), maxTableLength - 3, -1},
		{"no maximum, far beyond", cat(typeExternref, 0, 4), 1<<32 - 1, -1},
		{"maximum kept", cat(typeExternref, 1, 4, 10), 6, 4},
		{"maximum kept, beyond", cat(typeExternref, 1, 4, 10), 7, -1},
		{"large maximum lowered", cat(typeExternref, 1, 4, u(1<<32-1)), maxTableLength, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &mod{types: [][]byte{functype(i32, i32)}, tables: [][]byte{c.table}}
			m.fn(0, locals(), opRefNull, typeExternref, opLocalGet, 0, opMisc, 15, 0)
			m.export("grow", wasmfile.ExternFunc, 0)
			g := start(t, m.bytes(), &irq{grant: 100})
			out, err := g.call("grow", uint64(c.grow))
			if err != nil || int32(out[0]) != c.want {
				t.Errorf("got %v, %v, want %d", out, err, c.want)
			}
		})
	}
}

func TestSnapshotReasons(t *testing.T) {
	for _, c := range []struct {
		name string
		wasm []byte
		want string // "" = may be cloned
	}{
		{"nothing special", withBody(locals()).bytes(), ""},
		{"passive data", with(func(m *mod) { m.datas = [][]byte{cat(1, str("x"))} }), ""},
		{"table.get", withBody(locals(), i32const(0), 0x25, 0, 0x1a).bytes(), ""},
		{"table.set", withBody(locals(), i32const(0), opRefNull, typeFuncref, 0x26, 0).bytes(), "table.set"},
		{"table.grow", withBody(locals(), opRefNull, typeFuncref, i32const(0), opMisc, 15, 0, 0x1a).bytes(), "table.grow"},
		{"table.fill", withBody(locals(), i32const(0), opRefNull, typeFuncref, i32const(0), opMisc, 17, 0).bytes(), "table.fill"},
		{"table.copy", withBody(locals(), i32const(0), i32const(0), i32const(0), opMisc, 14, 0, 0).bytes(), "table.copy"},
		{"table.init", withBody(locals(), i32const(0), i32const(0), i32const(0), opMisc, 12, 0, 0).bytes(), "table.init"},
		{"elem.drop", withBody(locals(), opMisc, 13, 0).bytes(), "elem.drop"},
		{"data.drop", with(func(m *mod) {
			m.dataCount, m.datas = true, [][]byte{cat(1, str("x"))}
			m.fn(0, locals(), opMisc, 9, 0)
		}), "data.drop"},
		{"imported memory", with(func(m *mod) {
			m.memories, m.imports = nil, append(m.imports, cat(str("a"), str("m"), 2, 0, 1))
		}), `memory "a"."m"`},
		{"imported table", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("t"), 1, typeFuncref, 0, 1)) }), `table "a"."t"`},
		{"imported mutable global", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("g"), 3, typeI32, 1)) }), `global "a"."g"`},
		{"imported constant", with(func(m *mod) { m.imports = append(m.imports, cat(str("a"), str("g"), 3, typeI32, 0)) }), ""},
		{"mutable reference", with(func(m *mod) { m.globals = append(m.globals, cat(typeExternref, 1, opRefNull, typeExternref, opEnd)) }), "global 1"},
		{"mutable vector", with(func(m *mod) {
			m.globals = append(m.globals, cat(typeV128, 1, opSIMD, simdV128Const, make([]byte, 16), opEnd))
		}), "global 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := newValidator(t).check(c.wasm); err != nil {
				t.Fatalf("the test's module: %v", err)
			}
			res := mustRewrite(t, c.wasm)
			if err := newValidator(t).check(res.Wasm); err != nil {
				t.Errorf("rewritten: %v", err)
			}
			got := ""
			if res.Snapshot != nil {
				got = res.Snapshot.Error()
			}
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got reason %q, want %q", got, c.want)
			}
		})
	}
}
