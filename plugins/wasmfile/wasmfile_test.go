package wasmfile

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wasm is a module of the given sections.
func wasm(sections ...[]byte) []byte {
	return append(append([]byte{}, Preamble...), bytes.Join(sections, nil)...)
}

func section(id byte, content string) []byte { return AppendSection(nil, id, []byte(content)) }

func TestSections(t *testing.T) {
	module := wasm(
		section(Type, "\x00"),
		AppendCustom(nil, "between", []byte("abc")),
		section(DataCount, "\x00"),
		section(Code, "\x00"),
		AppendCustom(nil, "", nil),
	)
	got, err := Sections(module)
	if err != nil {
		t.Fatal(err)
	}
	want := []Section{
		{ID: Type, Offset: 8, Start: 10, Content: []byte{0}},
		{ID: Custom, Name: "between", Offset: 11, Start: 21, Content: []byte("abc")},
		{ID: DataCount, Offset: 24, Start: 26, Content: []byte{0}},
		{ID: Code, Offset: 27, Start: 29, Content: []byte{0}},
		{ID: Custom, Offset: 30, Start: 33, Content: []byte{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
	for _, s := range got {
		if end := s.Start + len(s.Content); !bytes.Equal(module[s.Start:end], s.Content) {
			t.Errorf("section %d: content is not at offset %d", s.ID, s.Start)
		}
	}
}

func TestSectionsRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ErrEmpty},
		{"text", []byte("(module)"), ErrNotWasm},
		{"three bytes", []byte("\x00as"), ErrNotWasm},
		{"no version", []byte("\x00asm"), ErrTruncated},
		{"half a version", []byte("\x00asm\x01\x00"), ErrTruncated},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), ErrComponent},
		{"version 2", []byte("\x00asm\x02\x00\x00\x00"), ErrComponent},
		{"size missing", wasm([]byte{Type}), ErrTruncated},
		{"size too large", wasm([]byte{Type, 2, 0}), ErrTruncated},
		{"size of 4 GiB", wasm([]byte{Type, 0xff, 0xff, 0xff, 0xff, 0x0f}), ErrTruncated},
		{"size over 32 bits", wasm([]byte{Type, 0xff, 0xff, 0xff, 0xff, 0x1f}), ErrMalformed},
		{"unknown id", wasm(section(14, "")), ErrMalformed},
		{"repeated", wasm(section(Type, "\x00"), section(Type, "\x00")), ErrOutOfOrder},
		{"out of order", wasm(section(Import, "\x00"), section(Type, "\x00")), ErrOutOfOrder},
		{"data count after code", wasm(section(Code, "\x00"), section(DataCount, "\x00")), ErrOutOfOrder},
		{"tag after global", wasm(section(Global, "\x00"), section(Tag, "\x00")), ErrOutOfOrder},
		{"custom name beyond the section", wasm(section(Custom, "\x05name")), ErrTruncated},
		{"custom name not UTF-8", wasm(section(Custom, "\x01\xff")), ErrMalformed},
		{"custom without a name", wasm(section(Custom, "")), ErrTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Sections(c.file); !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
		})
	}
}

var whole = wasm(
	section(Type, "\x02"+"\x60\x02\x7f\x7e\x01\x7d"+"\x60\x00\x00"),
	section(Import, "\x04"+
		"\x01m\x01f\x00\x01"+
		"\x01m\x01t\x01\x70\x01\x01\x05"+
		"\x01m\x01g\x03\x7e\x01"+
		"\x01m\x02e\x31\x04\x00\x00"),
	section(Function, "\x02\x00\x01"),
	section(Memory, "\x01\x03\x01\x02"),
	section(Export, "\x02"+"\x01f\x00\x01"+"\x06memory\x02\x00"),
	section(Start, "\x02"),
	AppendCustom(nil, "note", []byte("first")),
	AppendCustom(nil, "note", []byte("second")),
)

func TestParse(t *testing.T) {
	m, err := Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	want := &Module{
		Sections: m.Sections,
		Types:    []FuncType{{Params: []byte{0x7f, 0x7e}, Results: []byte{0x7d}}, {Params: []byte{}, Results: []byte{}}},
		Imports: []ImportEntry{
			{Module: "m", Name: "f", Kind: ExternFunc, Type: 1},
			{Module: "m", Name: "t", Kind: ExternTable, ValType: 0x70, Limits: Limits{Min: 1, Max: 5, HasMax: true}},
			{Module: "m", Name: "g", Kind: ExternGlobal, ValType: 0x7e, Mutable: true},
			{Module: "m", Name: "e1", Kind: ExternTag, Type: 0},
		},
		Funcs:    []uint32{0, 1},
		Memories: []Limits{{Min: 1, Max: 2, HasMax: true, Shared: true}},
		Exports:  []ExportEntry{{Name: "f", Kind: ExternFunc, Index: 1}, {Name: "memory", Kind: ExternMemory, Index: 0}},
		HasStart: true,
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("module (-want +got):\n%s", diff)
	}
	if e, ok := m.Export("memory"); !ok || e.Kind != ExternMemory {
		t.Errorf("Export(memory): got %+v, %v", e, ok)
	}
	if _, ok := m.Export("none"); ok {
		t.Error("Export(none): got one")
	}
	for index, want := range map[uint32]int{0: 0, 1: 2, 2: 0} {
		if ft, ok := m.FuncTypeOf(index); !ok || len(ft.Params) != want {
			t.Errorf("FuncTypeOf(%d): got %+v, %v, want %d parameters", index, ft, ok, want)
		}
	}
	for _, index := range []uint32{3, math.MaxUint32} {
		if ft, ok := m.FuncTypeOf(index); ok {
			t.Errorf("FuncTypeOf(%d): got %+v", index, ft)
		}
	}
	if content, n := m.CustomSection("note"); string(content) != "first" || n != 2 {
		t.Errorf("CustomSection(note): got %q, %d", content, n)
	}
	if _, n := m.CustomSection("other"); n != 0 {
		t.Errorf("CustomSection(other): got %d", n)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want error
		text string
	}{
		{"no module", []byte("x"), ErrNotWasm, ""},
		{"type that is no function", wasm(section(Type, "\x01\x5f\x00\x00")), ErrMalformed, "0x5f"},
		{"types that cannot be there", wasm(section(Type, "\xff\xff\xff\xff\x0f")), ErrTruncated, "4294967295 elements"},
		{"parameters that cannot be there", wasm(section(Type, "\x01\x60\x7f\x00")), ErrTruncated, ""},
		{"import of an unknown kind", wasm(section(Import, "\x01\x01m\x01f\x05\x00")), ErrMalformed, "unknown kind 5"},
		{"global that is neither mutable nor not", wasm(section(Import, "\x01\x01m\x01g\x03\x7f\x02")), ErrMalformed, "mutability"},
		{"limits with unknown flags", wasm(section(Memory, "\x01\x08\x01")), ErrMalformed, "limits flags 0x8"},
		{"export name not UTF-8", wasm(section(Export, "\x01\x01\xff\x00\x00")), ErrMalformed, "UTF-8"},
		{"function index missing", wasm(section(Start, "")), ErrTruncated, ""},
		{"bytes left over", wasm(section(Function, "\x00\x00")), ErrMalformed, "1 bytes too many"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.file)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got error %v, want %v that contains %q", err, c.want, c.text)
			}
			if m != nil {
				t.Error("got a module beside the error")
			}
		})
	}
}

func TestLimits64(t *testing.T) {
	r := Reader{B: []byte("\x05\x80\x80\x80\x80\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}
	want := Limits{Min: 1 << 35, Max: math.MaxUint64, HasMax: true, Is64: true}
	if got := r.Limits(); got != want || r.Err != nil || r.Off != len(r.B) {
		t.Errorf("got %+v, %v at %d, want %+v", got, r.Err, r.Off, want)
	}
}

func TestKindNames(t *testing.T) {
	for kind, want := range map[ExternKind]string{ExternFunc: "function", ExternTag: "tag", 9: "kind 9"} {
		if got := kind.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
