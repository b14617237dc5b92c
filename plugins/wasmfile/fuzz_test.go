package wasmfile

import (
	"bytes"
	"testing"
)

// FuzzParse: whatever the bytes, reading ends, stays inside of them, and what
// was read makes the same module again.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add([]byte{})
	f.Add([]byte("\x00asm\x0d\x00\x01\x00"))
	f.Add(wasm(section(Type, "\x01\x60\xff\xff\xff\xff\x0f")))
	f.Add(wasm(section(Custom, "\x05name"), section(Data, "\x00")))
	f.Fuzz(func(t *testing.T, b []byte) {
		sections, err := Sections(b)
		if err != nil {
			if _, err := Parse(b); err == nil {
				t.Error("Parse takes what Sections refuses")
			}
			return
		}
		again := append([]byte{}, Preamble...)
		for _, s := range sections {
			if !bytes.Equal(b[s.Start:s.Start+len(s.Content)], s.Content) || b[s.Offset] != s.ID {
				t.Fatalf("section %d is not at offset %d with content at %d", s.ID, s.Offset, s.Start)
			}
			if s.ID == Custom {
				again = AppendCustom(again, s.Name, s.Content)
			} else {
				again = AppendSection(again, s.ID, s.Content)
			}
		}
		second, err := Sections(again)
		if err != nil || len(second) != len(sections) {
			t.Fatalf("written again: got %d sections, %v, want %d", len(second), err, len(sections))
		}
		for i := range second {
			if second[i].ID != sections[i].ID || second[i].Name != sections[i].Name || !bytes.Equal(second[i].Content, sections[i].Content) {
				t.Errorf("section %d changed", i)
			}
		}
		m, err := Parse(b)
		if err != nil {
			return
		}
		if most := len(b); len(m.Types) > most || len(m.Imports) > most || len(m.Funcs) > most || len(m.Exports) > most {
			t.Error("more entries than bytes")
		}
		for i := range uint32(len(m.Imports) + len(m.Funcs) + 1) {
			m.FuncTypeOf(i)
		}
	})
}
