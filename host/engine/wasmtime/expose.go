//go:build wasmtime && cgo

package wasmtime

import (
	"errors"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// Export names that expose adds. A module that has such exports itself is
// refused by the compiler, for having two of a name.
const (
	memoryExport = "$berth.memory"
	startExport  = "$berth.start"
)

// expose makes sure that the host reaches the memory, which the C API only
// finds by an export's name, and that no code runs before there is an instance
// for the host functions to work with: the start function becomes an export
// and is called once the instance is complete. It notes both names in m.
func (m *module) expose(wasm []byte, parsed *wasmfile.Module) ([]byte, error) {
	var added []byte
	n := uint32(0)
	for _, e := range parsed.Exports {
		if e.Kind == wasmfile.ExternMemory { // there is only one memory
			m.memory = e.Name
			break
		}
	}
	if m.memory == "" {
		m.memory = memoryExport
		added = append(wasmfile.AppendName(added, memoryExport), byte(wasmfile.ExternMemory), 0)
		n++
	}
	for _, s := range parsed.Sections {
		if s.ID != wasmfile.Start {
			continue
		}
		index := (&wasmfile.Reader{B: s.Content}).U32()
		if t, ok := m.typeOf(parsed, index); !ok || len(t.Params)+len(t.Results) != 0 {
			return nil, errors.New("the start function does not exist, or takes or returns something")
		}
		added = append(wasmfile.AppendName(added, startExport), byte(wasmfile.ExternFunc))
		added = wasmfile.AppendU32(added, index)
		n++
		m.start = startExport
	}
	if n == 0 {
		return wasm, nil
	}
	out := append(make([]byte, 0, len(wasm)+len(added)+16), wasmfile.Preamble...)
	done := false
	start, end := 0, len(wasmfile.Preamble)
	for _, s := range parsed.Sections {
		start, end = end, s.Start+len(s.Content)
		switch {
		case s.ID == wasmfile.Export:
			r := &wasmfile.Reader{B: s.Content}
			count := r.U32()
			content := append(wasmfile.AppendU32(nil, count+n), s.Content[r.Off:]...)
			out = wasmfile.AppendSection(out, wasmfile.Export, append(content, added...))
			done = true
			continue
		case !done && afterExports(s.ID):
			out = wasmfile.AppendSection(out, wasmfile.Export, append(wasmfile.AppendU32(nil, n), added...))
			done = true
		}
		if s.ID != wasmfile.Start {
			out = append(out, wasm[start:end]...)
		}
	}
	if !done {
		out = wasmfile.AppendSection(out, wasmfile.Export, append(wasmfile.AppendU32(nil, n), added...))
	}
	return out, nil
}

// afterExports reports whether the section's place is behind the export section.
func afterExports(id byte) bool {
	switch id {
	case wasmfile.Start, wasmfile.Element, wasmfile.DataCount, wasmfile.Code, wasmfile.Data:
		return true
	}
	return false
}
