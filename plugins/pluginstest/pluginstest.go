// Package pluginstest makes modules and plugins for tests: the smallest one
// that a host takes, and that one with any part of it changed. Each is a valid
// module, unless a test asks for what cannot be; its functions return zero, so
// it is none to call.
//
//	wasm := pluginstest.Minimal().Bytes()
//	packed := pluginstest.Pack(t, "name: a\nversion: 1.0.0\nkinds: [{type: state.a}]\n")
package pluginstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// Module is the outer structure of a module.
type Module struct {
	Imports []Import
	Exports []Export // functions; each gets one of its own
	// Memories of the module, in the limits' binary form: flags, minimum, maximum.
	Memories [][]byte
	// ExportMemory is the name under which the first memory is exported, "" for none.
	ExportMemory string
	// Extra is put behind everything else.
	Extra []byte
}

// Import is an imported function, or whatever Desc says in binary form.
type Import struct {
	Module, Name string
	Signature    abi.Signature
	Desc         []byte // instead of a function: kind and type
}

// Export is an exported function.
type Export struct {
	Name      string
	Signature abi.Signature
}

// Minimal is the smallest module that is a plugin but for its manifest: a
// memory of one page, and the required exports.
func Minimal() Module {
	m := Module{Memories: [][]byte{{0, 1}}, ExportMemory: abi.ExportMemory}
	for _, e := range abi.Exports() {
		if e.Required {
			m.Exports = append(m.Exports, Export{e.Name, e.Signature})
		}
	}
	return m
}

// With returns m with further imports; each is "module.name" with its signature.
func (m Module) With(module, name string, s abi.Signature) Module {
	m.Imports = append(slices.Clip(m.Imports), Import{Module: module, Name: name, Signature: s})
	return m
}

// Export returns m with the export of that name set to s, or removed when s is "".
func (m Module) Export(name string, s abi.Signature) Module {
	m.Exports = slices.DeleteFunc(slices.Clone(m.Exports), func(e Export) bool { return e.Name == name })
	if s != "" {
		m.Exports = append(m.Exports, Export{name, s})
	}
	return m
}

// Bytes encodes the module.
func (m Module) Bytes() []byte {
	var types []abi.Signature
	typeOf := func(s abi.Signature) uint32 {
		i := slices.Index(types, s)
		if i < 0 {
			i = len(types)
			types = append(types, s)
		}
		return uint32(i)
	}
	var imports, functions, memories, exports, code []byte
	imported := 0
	for _, i := range m.Imports {
		imports = wasmfile.AppendName(wasmfile.AppendName(imports, i.Module), i.Name)
		if i.Desc != nil {
			imports = append(imports, i.Desc...)
			if i.Desc[0] == byte(wasmfile.ExternFunc) {
				imported++
			}
			continue
		}
		imports = wasmfile.AppendU32(append(imports, byte(wasmfile.ExternFunc)), typeOf(i.Signature))
		imported++
	}
	for n, e := range m.Exports {
		functions = wasmfile.AppendU32(functions, typeOf(e.Signature))
		exports = wasmfile.AppendName(exports, e.Name)
		exports = wasmfile.AppendU32(append(exports, byte(wasmfile.ExternFunc)), uint32(imported+n))
		body := []byte{0} // no locals
		_, results, _ := strings.Cut(string(e.Signature), ":")
		for _, r := range results {
			body = append(body, zero[r]...)
		}
		body = append(body, 0x0b)
		code = append(wasmfile.AppendU32(code, uint32(len(body))), body...)
	}
	for _, l := range m.Memories {
		memories = append(memories, l...)
	}
	exported := len(m.Exports)
	if m.ExportMemory != "" {
		exports = append(wasmfile.AppendName(exports, m.ExportMemory), byte(wasmfile.ExternMemory), 0)
		exported++
	}
	var typeSection []byte
	for _, s := range types {
		params, results, _ := strings.Cut(string(s), ":")
		typeSection = append(typeSection, 0x60)
		for _, list := range []string{params, results} {
			typeSection = wasmfile.AppendU32(typeSection, uint32(len(list)))
			for _, l := range list {
				typeSection = append(typeSection, codes[l])
			}
		}
	}
	out := slices.Clone(wasmfile.Preamble)
	section := func(id byte, n int, content []byte) {
		if n > 0 {
			out = wasmfile.AppendSection(out, id, append(wasmfile.AppendU32(nil, uint32(n)), content...))
		}
	}
	section(wasmfile.Type, len(types), typeSection)
	section(wasmfile.Import, len(m.Imports), imports)
	section(wasmfile.Function, len(m.Exports), functions)
	section(wasmfile.Memory, len(m.Memories), memories)
	section(wasmfile.Export, exported, exports)
	section(wasmfile.Code, len(m.Exports), code)
	return append(out, m.Extra...)
}

// codes are the binary codes of a signature's letters.
var codes = map[rune]byte{'i': 0x7f, 'I': 0x7e, 'f': 0x7d, 'F': 0x7c}

// zero is the instruction that pushes a zero.
var zero = map[rune][]byte{
	'i': {0x41, 0}, 'I': {0x42, 0},
	'f': {0x43, 0, 0, 0, 0}, 'F': {0x44, 0, 0, 0, 0, 0, 0, 0, 0},
}

// Pack returns the minimal module with the manifest of that plugin.yaml.
func Pack(t testing.TB, source string) []byte {
	t.Helper()
	return Minimal().Pack(t, source)
}

// Pack returns the module with the manifest of that plugin.yaml.
func (m Module) Pack(t testing.TB, source string) []byte {
	t.Helper()
	parsed, err := manifest.Parse("plugin.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := manifest.Embed(m.Bytes(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}
