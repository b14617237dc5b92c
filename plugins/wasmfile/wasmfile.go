// Package wasmfile reads the outer structure of a Wasm module: sections,
// imports, exports, custom sections. It executes and validates nothing beyond
// what it needs to find its way, so that a module can be identified before
// anyone trusts it with a compiler.
//
//	r, err := wasmfile.Sections(b)
//	imports, err := wasmfile.Imports(b)
//
// Section contents are the business of their readers; Reader is the cursor
// they share. The binary format is that of
// https://webassembly.github.io/spec/core/binary/.
package wasmfile

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Section ids of the binary format.
const (
	Custom    = 0
	Type      = 1
	Import    = 2
	Function  = 3
	Table     = 4
	Memory    = 5
	Global    = 6
	Export    = 7
	Start     = 8
	Element   = 9
	Code      = 10
	Data      = 11
	DataCount = 12
	Tag       = 13
)

// Preamble is the magic number and version that every core module starts with.
var Preamble = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// Errors of the outer structure. They come wrapped, with the offset.
var (
	ErrEmpty      = errors.New("the file is empty")
	ErrNotWasm    = errors.New("not a WebAssembly module: the file does not start with \\0asm")
	ErrComponent  = errors.New("a WebAssembly component or an unknown version: Berth loads core modules (version 1)")
	ErrTruncated  = errors.New("truncated")
	ErrMalformed  = errors.New("malformed")
	ErrOutOfOrder = errors.New("section out of order or repeated")
)

// Section is one section of a module.
type Section struct {
	ID      byte
	Name    string // of a custom section
	Offset  int    // of the section's id byte in the file
	Start   int    // of Content in the file
	Content []byte // without id and size; of a custom section, without the name
}

// order gives each id its place; tag sits between memory and global, data count between element and code.
var order = map[byte]int{Type: 1, Import: 2, Function: 3, Table: 4, Memory: 5, Tag: 6, Global: 7, Export: 8, Start: 9, Element: 10, DataCount: 11, Code: 12, Data: 13}

// Sections returns the module's sections in their order. The contents alias b.
func Sections(b []byte) ([]Section, error) {
	switch {
	case len(b) == 0:
		return nil, ErrEmpty
	case len(b) < 4 || string(b[:4]) != string(Preamble[:4]):
		return nil, ErrNotWasm
	case len(b) < 8:
		return nil, fmt.Errorf("preamble: %w", ErrTruncated)
	case string(b[:8]) != string(Preamble):
		return nil, ErrComponent
	}
	var out []Section
	r := Reader{B: b, Off: 8}
	last := 0
	for r.Off < len(b) {
		s := Section{Offset: r.Off}
		s.ID = r.Byte()
		content := r.Bytes(r.U32())
		if r.Err != nil {
			return nil, fmt.Errorf("section at offset %d: %w", s.Offset, r.Err)
		}
		s.Start = r.Off - len(content)
		if s.ID == Custom {
			c := Reader{B: content}
			s.Name = c.Name()
			if c.Err != nil {
				return nil, fmt.Errorf("custom section at offset %d: %w", s.Offset, c.Err)
			}
			content = content[c.Off:]
			s.Start += c.Off
		} else {
			place, ok := order[s.ID]
			if !ok {
				return nil, fmt.Errorf("section at offset %d: unknown id %d: %w", s.Offset, s.ID, ErrMalformed)
			}
			if place <= last {
				return nil, fmt.Errorf("section %d at offset %d: %w", s.ID, s.Offset, ErrOutOfOrder)
			}
			last = place
		}
		s.Content = content
		out = append(out, s)
	}
	return out, nil
}

// ExternKind is what an import or export is.
type ExternKind byte

const (
	ExternFunc ExternKind = iota
	ExternTable
	ExternMemory
	ExternGlobal
	ExternTag
)

func (k ExternKind) String() string {
	if int(k) < len(externNames) {
		return externNames[k]
	}
	return fmt.Sprintf("kind %d", byte(k))
}

var externNames = [...]string{"function", "table", "memory", "global", "tag"}

// FuncType is a function's type; values are the binary codes of value types.
type FuncType struct{ Params, Results []byte }

// Limits are those of a memory or table.
type Limits struct {
	Min, Max uint64
	HasMax   bool
	Shared   bool
	Is64     bool
}

// ImportEntry is one import.
type ImportEntry struct {
	Module, Name string
	Kind         ExternKind
	Type         uint32 // of a function: index into the type section
	Limits       Limits // of a memory or table
	ValType      byte   // of a global: value type; of a table: element type
	Mutable      bool   // of a global
}

// ExportEntry is one export.
type ExportEntry struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// Module is the outer structure of a module that a loader needs.
type Module struct {
	Sections []Section
	Types    []FuncType
	Imports  []ImportEntry
	Funcs    []uint32 // type index of each defined function
	Memories []Limits // defined ones
	Exports  []ExportEntry
	HasStart bool
}

// Parse reads the outer structure of b.
func Parse(b []byte) (*Module, error) {
	secs, err := Sections(b)
	if err != nil {
		return nil, err
	}
	m := &Module{Sections: secs}
	for _, s := range secs {
		r := Reader{B: s.Content}
		switch s.ID {
		case Type:
			m.Types = readTypes(&r)
		case Import:
			m.Imports = readImports(&r)
		case Function:
			for n := r.Count(1); n > 0 && r.Err == nil; n-- {
				m.Funcs = append(m.Funcs, r.U32())
			}
		case Memory:
			for n := r.Count(2); n > 0 && r.Err == nil; n-- {
				m.Memories = append(m.Memories, r.Limits())
			}
		case Export:
			for n := r.Count(3); n > 0 && r.Err == nil; n-- {
				m.Exports = append(m.Exports, ExportEntry{Name: r.Name(), Kind: ExternKind(r.Byte()), Index: r.U32()})
			}
		case Start:
			r.U32()
			m.HasStart = true
		default:
			continue
		}
		if r.Err == nil && r.Off != len(r.B) {
			r.Err = fmt.Errorf("%d bytes too many: %w", len(r.B)-r.Off, ErrMalformed)
		}
		if r.Err != nil {
			return nil, fmt.Errorf("section %d at offset %d: %w", s.ID, s.Offset, r.Err)
		}
	}
	return m, nil
}

// Export returns the export of that name.
func (m *Module) Export(name string) (ExportEntry, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return ExportEntry{}, false
}

// FuncTypeOf returns the type of the function with that index, imports first.
func (m *Module) FuncTypeOf(index uint32) (FuncType, bool) {
	for _, i := range m.Imports {
		if i.Kind != ExternFunc {
			continue
		}
		if index == 0 {
			return m.typeAt(i.Type)
		}
		index--
	}
	if uint64(index) >= uint64(len(m.Funcs)) {
		return FuncType{}, false
	}
	return m.typeAt(m.Funcs[index])
}

func (m *Module) typeAt(i uint32) (FuncType, bool) {
	if uint64(i) >= uint64(len(m.Types)) {
		return FuncType{}, false
	}
	return m.Types[i], true
}

// CustomSection returns the content of the custom section of that name and how many there are.
func (m *Module) CustomSection(name string) (content []byte, count int) {
	for _, s := range m.Sections {
		if s.ID == Custom && s.Name == name {
			if count == 0 {
				content = s.Content
			}
			count++
		}
	}
	return content, count
}

func readTypes(r *Reader) []FuncType {
	var out []FuncType
	for n := r.Count(3); n > 0 && r.Err == nil; n-- {
		if form := r.Byte(); form != 0x60 && r.Err == nil {
			r.Fail("type form 0x%x is not a function: %w", form, ErrMalformed)
		}
		out = append(out, FuncType{Params: r.Bytes(r.U32()), Results: r.Bytes(r.U32())})
	}
	return out
}

func readImports(r *Reader) []ImportEntry {
	var out []ImportEntry
	for n := r.Count(4); n > 0 && r.Err == nil; n-- {
		e := ImportEntry{Module: r.Name(), Name: r.Name(), Kind: ExternKind(r.Byte())}
		switch e.Kind {
		case ExternFunc:
			e.Type = r.U32()
		case ExternTable:
			e.ValType = r.Byte()
			e.Limits = r.Limits()
		case ExternMemory:
			e.Limits = r.Limits()
		case ExternGlobal:
			e.ValType = r.Byte()
			mut := r.Byte()
			if mut > 1 {
				r.Fail("import %s.%s: mutability 0x%x: %w", e.Module, e.Name, mut, ErrMalformed)
			}
			e.Mutable = mut == 1
		case ExternTag:
			r.Byte()
			e.Type = r.U32()
		default:
			if r.Err == nil {
				r.Fail("import %s.%s: unknown kind %d: %w", e.Module, e.Name, byte(e.Kind), ErrMalformed)
			}
		}
		out = append(out, e)
	}
	return out
}

// Reader is a cursor over a section's bytes. After the first failure Err is
// set and every further read returns zero.
type Reader struct {
	B   []byte
	Off int
	Err error
}

// Fail records the first error.
func (r *Reader) Fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = fmt.Errorf("offset %d: "+format, append([]any{r.Off}, args...)...)
	}
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.Err != nil || r.Off >= len(r.B) {
		r.Fail("%w", ErrTruncated)
		return 0
	}
	r.Off++
	return r.B[r.Off-1]
}

// Bytes reads n bytes, aliasing the input.
func (r *Reader) Bytes(n uint32) []byte {
	if r.Err != nil {
		return nil
	}
	if uint64(n) > uint64(len(r.B)-r.Off) {
		r.Fail("%d bytes wanted, %d left: %w", n, len(r.B)-r.Off, ErrTruncated)
		return nil
	}
	r.Off += int(n)
	return r.B[r.Off-int(n) : r.Off : r.Off]
}

// Name reads a UTF-8 name.
func (r *Reader) Name() string {
	b := r.Bytes(r.U32())
	if !utf8.Valid(b) {
		r.Fail("name is not UTF-8: %w", ErrMalformed)
		return ""
	}
	return string(b)
}

// Count reads a vector's length, and refuses one whose elements, of at least
// size bytes each, cannot be in what is left.
func (r *Reader) Count(size int) uint32 {
	n := r.U32()
	if r.Err == nil && uint64(n)*uint64(size) > uint64(len(r.B)-r.Off) {
		r.Fail("%d elements in %d bytes: %w", n, len(r.B)-r.Off, ErrTruncated)
		return 0
	}
	return n
}

// U32 reads an unsigned LEB128 of at most 32 bits.
func (r *Reader) U32() uint32 { return uint32(r.leb(32, false)) }

// U64 reads an unsigned LEB128 of at most 64 bits.
func (r *Reader) U64() uint64 { return r.leb(64, false) }

// S32 reads a signed LEB128 of at most 32 bits.
func (r *Reader) S32() int32 { return int32(r.leb(32, true)) }

// S33 reads a block type's signed LEB128 of at most 33 bits.
func (r *Reader) S33() int64 { return int64(r.leb(33, true)) }

// S64 reads a signed LEB128 of at most 64 bits.
func (r *Reader) S64() int64 { return int64(r.leb(64, true)) }

func (r *Reader) leb(bits uint, signed bool) uint64 {
	var v uint64
	var shift uint
	for {
		c := r.Byte()
		if r.Err != nil {
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if left := bits - shift; left < 7 && c&0x80 == 0 {
			// The last byte's bits beyond the type's width repeat the sign, or are zero.
			rest := c & 0x7f >> left
			negative := signed && c>>(left-1)&1 == 1
			if (!negative && rest != 0) || (negative && rest != 0x7f>>left) {
				r.Fail("LEB128 over %d bits: %w", bits, ErrMalformed)
				return 0
			}
		}
		shift += 7
		if c&0x80 == 0 {
			if signed && shift < 64 && c&0x40 != 0 {
				v |= ^uint64(0) << shift
			}
			return v
		}
		if shift >= bits {
			r.Fail("LEB128 over %d bits: %w", bits, ErrMalformed)
			return 0
		}
	}
}

// Limits reads a memory's or table's limits.
func (r *Reader) Limits() Limits {
	flags := r.Byte()
	if flags > 7 {
		r.Fail("limits flags 0x%x: %w", flags, ErrMalformed)
	}
	l := Limits{HasMax: flags&1 != 0, Shared: flags&2 != 0, Is64: flags&4 != 0}
	read := func() uint64 {
		if l.Is64 {
			return r.U64()
		}
		return uint64(r.U32())
	}
	l.Min = read()
	if l.HasMax {
		l.Max = read()
	}
	return l
}

// AppendU32 appends v as unsigned LEB128.
func AppendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// AppendName appends s with its length before it.
func AppendName(b []byte, s string) []byte {
	return append(AppendU32(b, uint32(len(s))), s...)
}

// AppendSection appends a section with its id and size.
func AppendSection(b []byte, id byte, content []byte) []byte {
	b = append(b, id)
	b = AppendU32(b, uint32(len(content)))
	return append(b, content...)
}

// AppendCustom appends a custom section.
func AppendCustom(b []byte, name string, content []byte) []byte {
	return AppendSection(b, Custom, append(AppendName(nil, name), content...))
}
