package hostile

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// Set gives the cases their modules.
type Set struct {
	tb  testing.TB
	dir string
}

// NewSet reads from the repository in which the test runs.
func NewSet(tb testing.TB) *Set {
	tb.Helper()
	return &Set{tb, filepath.Join(guesttest.Root(tb), "conformance", "testdata", "hostile")}
}

func (s *Set) read(name string) []byte {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.tb.Fatal(err)
	}
	return b
}

func (s *Set) file(name string) []byte { return s.read(name + ".wasm") }

// manifest is the common one.
func (s *Set) manifest() *proto.Manifest {
	m, err := manifest.Parse("plugin.yaml", s.read("plugin.yaml"))
	if err != nil {
		s.tb.Fatal(err)
	}
	return m
}

func (s *Set) pack(wasm []byte) []byte {
	packed, err := manifest.Embed(wasm, s.manifest())
	if err != nil {
		s.tb.Fatal(err)
	}
	return packed
}

// good is a module that loads.
func (s *Set) good() []byte { return s.pack(s.file("call")) }

func goGuest(s *Set) []byte {
	return s.pack(guesttest.Build(s.tb, filepath.Join(s.dir, "goguest")))
}

// withManifest is the good module with its manifest changed, past all checks.
func withManifest(change func(m *proto.Manifest)) func(s *Set) []byte {
	return func(s *Set) []byte {
		m := s.manifest()
		change(m)
		return manifestOf(m.Marshal())(s)
	}
}

func manifestOf(content []byte) func(s *Set) []byte {
	return func(s *Set) []byte {
		return wasmfile.AppendCustom(bytes.Clone(s.file("call")), abi.ManifestSection, content)
	}
}

func manifestABI(version string) func(s *Set) []byte {
	return withManifest(func(m *proto.Manifest) { m.ABI = version })
}

func manifestType(t string) func(s *Set) []byte {
	return withManifest(func(m *proto.Manifest) { m.Kinds[0].Type = t })
}

func manifestKind(kind, t string) func(s *Set) []byte {
	return withManifest(func(m *proto.Manifest) { m.Kinds[0].Kind, m.Kinds[0].Type = kind, t })
}

func manifestServe(s *Set) []byte {
	return withManifest(func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: proto.ModeServe} })(s)
}

func manifestFeatures(s *Set) []byte {
	return withManifest(func(m *proto.Manifest) {
		m.Kinds[0].Features = []string{"ETAG", "TRANSACTIONAL", "TTL", "QUERY_API", "DELETE_WITH_PREFIX", "KEYS_LIKE"}
	})(s)
}

func twoManifests(s *Set) []byte {
	return wasmfile.AppendCustom(bytes.Clone(s.good()), abi.ManifestSection, s.manifest().Marshal())
}

func hugeCustom(s *Set) []byte {
	return wasmfile.AppendCustom(bytes.Clone(s.good()), "producers", make([]byte, 16<<20))
}

func component(s *Set) []byte {
	return append([]byte("\x00asm\x0d\x00\x01\x00"), s.good()[8:]...)
}

func random(*Set) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 100_000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// randomBehindPreamble starts with a section of an id that there is not.
func randomBehindPreamble(s *Set) []byte {
	return s.behindPreamble(append([]byte{0x77, 4, 1, 2, 3, 4}, random(s)...))
}

// behindPreamble is a module of the manifest and then these bytes.
func (s *Set) behindPreamble(b []byte) []byte {
	m := wasmfile.AppendCustom(bytes.Clone(wasmfile.Preamble), abi.ManifestSection, s.manifest().Marshal())
	return append(m, b...)
}

func sectionOf4GiB(s *Set) []byte {
	return append(bytes.Clone(s.good()), wasmfile.Custom, 0xff, 0xff, 0xff, 0xff, 0x0f)
}

func manySections(s *Set) []byte {
	return append(bytes.Clone(s.good()), bytes.Repeat([]byte{wasmfile.Custom, 1, 0}, 1_000_000)...)
}

func manyExports(s *Set) []byte {
	const n = 2_000_000
	content := wasmfile.AppendU32(nil, n)
	content = append(content, bytes.Repeat([]byte{0, 0, 0}, n)...)
	return s.behindPreamble(wasmfile.AppendSection(nil, wasmfile.Export, content))
}

// withFunction is a module of the shape that the host wants, whose berth1_call
// has that body: local declarations and code, without the size in front. types
// may take the place of its type section, and further data segments follow its own.
func (s *Set) withFunction(types, body []byte, segments ...[]byte) []byte {
	section := func(out []byte, id byte, items ...[]byte) []byte {
		content := wasmfile.AppendU32(nil, uint32(len(items)))
		for _, item := range items {
			content = append(content, item...)
		}
		return wasmfile.AppendSection(out, id, content)
	}
	export := func(name string, kind, index byte) []byte {
		return append(wasmfile.AppendName(nil, name), kind, index)
	}
	code := func(body []byte) []byte {
		return append(wasmfile.AppendU32(nil, uint32(len(body))), body...)
	}
	out := bytes.Clone(wasmfile.Preamble)
	if types == nil {
		// () -> i32, (i32) -> i32, (i32, i32) -> i32
		types = []byte{3, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7f}
	}
	out = wasmfile.AppendSection(out, wasmfile.Type, types)
	out = section(out, wasmfile.Function, []byte{0}, []byte{1}, []byte{2})
	out = section(out, wasmfile.Memory, []byte{0, 1})
	out = section(out, wasmfile.Export, export(abi.ExportMemory, 2, 0), export(abi.ExportFrame, 0, 0), export(abi.ExportReserve, 0, 1), export(abi.ExportCall, 0, 2))
	zero := []byte{0, 0x41, 0, 0x0b} // no locals; i32.const 0; end
	out = section(out, wasmfile.Code, code(zero), code(zero), code(body))
	// The frame at 0: its size, ABI 1.0, the request buffer.
	frame := []byte{0, 0x41, 0, 0x0b, 16, 80, 0, 0, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 0}
	return s.pack(section(out, wasmfile.Data, append([][]byte{frame}, segments...)...))
}

func manyLocals(s *Set) []byte {
	body := append([]byte{1}, wasmfile.AppendU32(nil, math.MaxUint32)...)
	return s.withFunction(nil, append(body, 0x7f, 0x41, 0, 0x0b))
}

func manyParams(s *Set) []byte {
	const n = 10_000
	types := wasmfile.AppendU32(nil, n+3)
	types = append(types, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7f)
	one := append(wasmfile.AppendU32([]byte{0x60}, 1001), bytes.Repeat([]byte{0x7f}, 1001)...)
	types = append(types, bytes.Repeat(append(one, 0), n)...)
	return s.withFunction(types, []byte{0, 0x41, 0, 0x0b})
}

// deepBlocks is a good module whose blocks an engine would compile for hours.
func deepBlocks(s *Set) []byte {
	const n = 1_000_000
	body := append([]byte{0}, bytes.Repeat([]byte{0x02, 0x40}, n)...) // block
	body = append(body, bytes.Repeat([]byte{0x0b}, n)...)             // end
	return s.withFunction(nil, append(body, 0x41, 0, 0x0b))           // i32.const 0; end
}

// dataOfNoMemory has an active segment of memory 7.
func dataOfNoMemory(s *Set) []byte {
	return s.withFunction(nil, []byte{0, 0x41, 0, 0x0b}, []byte{2, 7, 0x41, 0, 0x0b, 1, 'x'})
}
