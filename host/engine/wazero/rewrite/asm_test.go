package rewrite

import (
	"fmt"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// cat joins bytes, ints below 256, byte slices and strings.
func cat(parts ...any) []byte {
	out := []byte{}
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			if p < 0 || p > 255 {
				panic(fmt.Sprintf("%d is no byte", p))
			}
			out = append(out, byte(p))
		case byte:
			out = append(out, p)
		case []byte:
			out = append(out, p...)
		case string:
			out = append(out, p...)
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	return out
}

func u(v uint32) []byte { return wasmfile.AppendU32(nil, v) }

func s(v int32) []byte {
	var out []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

func str(name string) []byte { return wasmfile.AppendName(nil, name) }

func i32const(v int32) []byte { return cat(opI32Const, s(v)) }

// locals declares one group a type.
func locals(types ...byte) []byte {
	out := u(uint32(len(types)))
	for _, t := range types {
		out = append(out, 1, t)
	}
	return out
}

// functype is an entry of the type section.
func functype(params, results string) []byte {
	return cat(formFunc, u(uint32(len(params))), params, u(uint32(len(results))), results)
}

const (
	i32 = "\x7f"
	i64 = "\x7e"
	f32 = "\x7d"
	f64 = "\x7c"
)

// mod is a module to be assembled. Entries are written as they stand in their sections.
type mod struct {
	types, imports, funcs, tables, memories, globals, exports, elements, codes, datas [][]byte

	start     []byte
	dataCount bool
	tags      [][]byte
	names     []byte // content of the name section
	customs   [][]byte
}

// fn adds a function of a type with its body: locals and code without the end.
func (m *mod) fn(t uint32, body ...any) {
	m.funcs = append(m.funcs, u(t))
	b := append(cat(body...), opEnd)
	m.codes = append(m.codes, cat(u(uint32(len(b))), b))
}

func (m *mod) export(name string, kind wasmfile.ExternKind, index uint32) {
	m.exports = append(m.exports, cat(str(name), int(kind), u(index)))
}

func (m *mod) bytes() []byte {
	out := append([]byte{}, wasmfile.Preamble...)
	section := func(id byte, entries [][]byte) {
		if len(entries) == 0 {
			return
		}
		content := u(uint32(len(entries)))
		for _, e := range entries {
			content = append(content, e...)
		}
		out = wasmfile.AppendSection(out, id, content)
	}
	section(wasmfile.Type, m.types)
	section(wasmfile.Import, m.imports)
	section(wasmfile.Function, m.funcs)
	section(wasmfile.Table, m.tables)
	section(wasmfile.Memory, m.memories)
	section(wasmfile.Tag, m.tags)
	section(wasmfile.Global, m.globals)
	section(wasmfile.Export, m.exports)
	if m.start != nil {
		out = wasmfile.AppendSection(out, wasmfile.Start, m.start)
	}
	section(wasmfile.Element, m.elements)
	if m.dataCount {
		out = wasmfile.AppendSection(out, wasmfile.DataCount, u(uint32(len(m.datas))))
	}
	section(wasmfile.Code, m.codes)
	section(wasmfile.Data, m.datas)
	if m.names != nil {
		out = wasmfile.AppendCustom(out, "name", m.names)
	}
	for _, c := range m.customs {
		out = append(out, c...)
	}
	return out
}
