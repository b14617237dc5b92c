package manifest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/pluginstest"
	"github.com/berth-run/berth/plugins/wasmfile"
)

func section(content []byte) []byte {
	return wasmfile.AppendCustom(nil, abi.ManifestSection, content)
}

func TestEmbedAndRead(t *testing.T) {
	m := full(t)
	plain := pluginstest.Minimal().Bytes()
	packed, err := manifest.Embed(plain, m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(packed, plain) {
		t.Error("packing changed the module in front of the manifest")
	}
	got, err := manifest.Read(packed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}

	again, err := manifest.Embed(packed, m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(packed, again) {
		t.Error("packing twice gives another module than packing once")
	}

	other := *m
	other.Version = "2.0.0"
	replaced, err := manifest.Embed(packed, &other)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := manifest.Read(replaced); err != nil || got.Version != "2.0.0" {
		t.Errorf("after replacing: got %v, %v", got, err)
	}
	if parsed, err := wasmfile.Parse(replaced); err != nil {
		t.Errorf("the packed module: %v", err)
	} else if _, n := parsed.CustomSection(abi.ManifestSection); n != 1 {
		t.Errorf("got %d manifests, want 1", n)
	}
}

// TestEmbedKeepsOtherSections puts the manifest between two custom sections,
// as a linker may: both stay where they are.
func TestEmbedKeepsOtherSections(t *testing.T) {
	m := full(t)
	plain := pluginstest.Minimal().Bytes()
	before := wasmfile.AppendCustom(nil, "producers", []byte("one"))
	after := wasmfile.AppendCustom(nil, "name", []byte("two"))
	wasm := slices.Concat(plain, before, section(m.Marshal()), after)
	got, err := manifest.Embed(wasm, m)
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Concat(plain, before, after, section(m.Marshal())); !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want %d: producers, name, manifest", len(got), len(want))
	}
}

func TestReadRefuses(t *testing.T) {
	good := full(t)
	plain := pluginstest.Minimal().Bytes()
	with := func(change func(*proto.Manifest)) []byte {
		m := *full(t)
		change(&m)
		return slices.Concat(plain, section(m.Marshal()))
	}
	for _, tc := range []struct {
		name string
		wasm []byte
		code plugins.Code
		want string // in the message
	}{
		{"empty file", nil, plugins.Empty, "empty"},
		{"text", []byte("name: redis\n"), plugins.NotWasm, "not a WebAssembly module"},
		{"half a preamble", plain[:6], plugins.Truncated, "truncated"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), plugins.ComponentModel, "component"},
		{"no manifest", plain, plugins.ManifestMissing, "has no manifest"},
		{"cut in a section", plain[:len(plain)-1], plugins.Truncated, "section at offset"},
		{"cut in the manifest", slices.Concat(plain, section(good.Marshal())[:50]), plugins.Truncated, "section at offset"},
		{"two manifests", slices.Concat(plain, section(good.Marshal()), section(good.Marshal())), plugins.ManifestDuplicate, "has 2 manifests"},
		{"huge manifest", slices.Concat(plain, section(make([]byte, manifest.MaxSection+1))), plugins.ManifestTooLarge, "262145 bytes"},
		{"section of 4 GiB", slices.Concat(plain, []byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f}), plugins.Truncated, "section of 4294967295 bytes"},
		{"section size without end", slices.Concat(plain, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}), plugins.MalformedWasm, "LEB128"},
		{"very many sections", slices.Concat(plain, bytes.Repeat([]byte{0, 1, 0}, 2000)), plugins.TooLarge, "over 1000 sections"},
		{"empty manifest", slices.Concat(plain, section(nil)), plugins.ManifestInvalid, "abi is missing"},
		{"not a message", slices.Concat(plain, section([]byte("\xff\xff\xff\xff"))), plugins.ManifestInvalid, "cannot be decoded"},
		{"name that is not UTF-8", slices.Concat(plain, section([]byte("\x12\x02\xff\xfe"))), plugins.ManifestInvalid, "UTF-8"},
		{"another major", with(func(m *proto.Manifest) { m.ABI = "2.0" }), plugins.ABIMajor, "abi is 2.0, this host speaks ABI 1"},
		{"unknown kind", with(func(m *proto.Manifest) {
			m.Kinds = append(m.Kinds, proto.Kind{Kind: "actors", Type: "actors.a", Versions: []string{"v1"}})
		}), plugins.ManifestInvalid, `kinds[3].kind "actors" is unknown`},
		{"unknown mode", with(func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: 9} }), plugins.ManifestInvalid, "concurrency.mode 9 is unknown"},
		{"negative mode", with(func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: -1} }), plugins.ManifestInvalid, "concurrency.mode -1 is unknown"},
		{"unknown field type", with(func(m *proto.Manifest) { m.Metadata[0].Type = "list" }), plugins.ManifestInvalid, `"list" is unknown`},
		{"escape sequence", with(func(m *proto.Manifest) { m.Vendor = "\x1b]0;owned\x07" }), plugins.ManifestInvalid, "control character U+001B"},
		{"long name", with(func(m *proto.Manifest) { m.Name = strings.Repeat("a", 129) }), plugins.ManifestInvalid, "name is 129 bytes long"},
		{"many kinds", with(func(m *proto.Manifest) { m.Kinds = slices.Repeat(m.Kinds, 6) }), plugins.ManifestInvalid, "kinds has 18 elements, the limit is 16"},
		{"many versions", with(func(m *proto.Manifest) { m.Kinds[0].Versions = slices.Repeat([]string{"v1"}, 17) }), plugins.ManifestInvalid, "versions has 17 elements"},
		{"many fields", with(func(m *proto.Manifest) { m.Metadata = slices.Repeat(m.Metadata, 100) }), plugins.ManifestInvalid, "metadata has 800 elements"},
		{"many hints", with(func(m *proto.Manifest) { m.Capabilities[0].Hints = slices.Repeat([]string{"x"}, 33) }), plugins.ManifestInvalid, "hints has 33 elements"},
		{"much memory", with(func(m *proto.Manifest) { m.Limits = &proto.ResourceLimits{MinMemoryBytes: 1 << 63} }), plugins.ManifestInvalid, "minMemory is over 4Gi"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := manifest.Read(tc.wasm)
			if err == nil {
				t.Fatalf("got %v, want an error", m)
			}
			if !plugins.Has(err, tc.code) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s with %q", err, tc.code, tc.want)
			}
		})
	}
}

// TestLaterMinor: minor versions only add, so a manifest of ABI 1.7 may use
// words that this version does not know. It is read all the same, so that the
// version can be named as the reason for the refusal (ABI-041).
func TestLaterMinor(t *testing.T) {
	m := full(t)
	m.ABI = "1.7"
	m.Kinds = append(m.Kinds, proto.Kind{Kind: "crypto", Type: "crypto.jwks", Versions: []string{"v1"}, Features: []string{"SIGN"}})
	m.Metadata = append(m.Metadata, proto.MetadataField{Name: "when", Type: "cron", Default: "@daily"})
	m.Capabilities = append(m.Capabilities, proto.Capability{Name: "gpu", Reason: "computes"})
	later := append(m.Marshal(), 0xba, 0x3f, 1, 'x') // field 1015, unknown
	got, err := manifest.Read(slices.Concat(pluginstest.Minimal().Bytes(), section(later)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Even there a name is a name.
	m.Kinds[3].Kind = "crypto\n"
	if _, err := manifest.Read(slices.Concat(pluginstest.Minimal().Bytes(), section(m.Marshal()))); !plugins.Has(err, plugins.ManifestInvalid) {
		t.Errorf("kind with a line break: got %v, want %s", err, plugins.ManifestInvalid)
	}
}

// TestHostileManifestIsCheap decodes manifests of the full size that are made
// of as many elements, problems or near misses as fit in.
func TestHostileManifestIsCheap(t *testing.T) {
	repeat := func(b string) []byte { return bytes.Repeat([]byte(b), manifest.MaxSection/len(b)) }
	near := full(t)
	const letters = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
	for i := range 400 {
		near.Metadata = append(near.Metadata, proto.MetadataField{Name: fmt.Sprintf("%s%03d", letters, i), Type: "string"})
	}
	near.Capabilities[0].Hints = slices.Repeat([]string{strings.Repeat("{"+letters+"abc}", 9)}, 32)
	for name, content := range map[string][]byte{
		"empty kinds":        repeat("\x2a\x00"),
		"empty fields":       repeat("\x32\x00"),
		"empty capabilities": repeat("\x3a\x00"),
		"empty profiles":     repeat("\x52\x00"),
		"empty versions":     append([]byte{0x2a, 0xfc, 0xff, 0x0f}, repeat("\x1a\x00")[:manifest.MaxSection-4]...),
		"repeated name":      repeat("\x12\x04aaaa"),
		"unknown fields":     repeat("\xba\x3f\x00"),
		"near misses":        near.Marshal(),
	} {
		t.Run(name, func(t *testing.T) {
			wasm := slices.Concat(pluginstest.Minimal().Bytes(), section(content))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := manifest.Read(wasm)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("got no error")
			}
			if n := len(plugins.All(err)); n > 50 {
				t.Errorf("got %d problems, want at most 50", n)
			}
			const limit = 128 << 20
			if got := after.TotalAlloc - before.TotalAlloc; got > limit {
				t.Errorf("got %d bytes allocated for a manifest of %d, want at most %d", got, len(content), limit)
			}
			t.Logf("%d bytes allocated", after.TotalAlloc-before.TotalAlloc)
		})
	}
}

// flaky fails at some offset, as a disk may.
type flaky struct {
	*bytes.Reader
	from int64
}

func (f flaky) ReadAt(b []byte, off int64) (int, error) {
	if off >= f.from {
		return 0, io.ErrUnexpectedEOF
	}
	return f.Reader.ReadAt(b, off)
}

func TestReadFromFailingFile(t *testing.T) {
	wasm := slices.Concat(pluginstest.Minimal().Bytes(), section(full(t).Marshal()))
	content := int64(len(wasm) - full(t).Size())
	for _, from := range []int64{0, 8, content} {
		_, err := manifest.ReadFrom(flaky{bytes.NewReader(wasm), from}, int64(len(wasm)))
		if !plugins.Has(err, plugins.Unreadable) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("failing from %d on: got %v, want %s", from, err, plugins.Unreadable)
		}
	}
	// A file that became shorter than it was said to be.
	if _, err := manifest.ReadFrom(bytes.NewReader(wasm[:len(wasm)-1]), int64(len(wasm))); err == nil {
		t.Error("shortened file: got no error")
	}
}

// TestReadFromReadsLittle: a module of any size is identified by a few reads.
func TestReadFromReadsLittle(t *testing.T) {
	big := slices.Concat(pluginstest.Minimal().Bytes(), wasmfile.AppendCustom(nil, ".debug_info", make([]byte, 32<<20)), section(full(t).Marshal()))
	r := &counting{r: bytes.NewReader(big)}
	if _, err := manifest.ReadFrom(r, int64(len(big))); err != nil {
		t.Fatal(err)
	}
	if r.bytes > 4096 {
		t.Errorf("got %d bytes read of %d, want at most 4096", r.bytes, len(big))
	}
}

type counting struct {
	r     io.ReaderAt
	bytes int
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(b, off)
	c.bytes += n
	return n, err
}

func TestEmbedRefuses(t *testing.T) {
	if _, err := manifest.Embed([]byte("text"), full(t)); !plugins.Has(err, plugins.NotWasm) {
		t.Errorf("text: got %v, want %s", err, plugins.NotWasm)
	}
	bad := full(t)
	bad.Name = ""
	if _, err := manifest.Embed(pluginstest.Minimal().Bytes(), bad); !plugins.Has(err, plugins.ManifestInvalid) {
		t.Errorf("invalid manifest: got %v, want %s", err, plugins.ManifestInvalid)
	}
	large := full(t)
	for i := range 40 {
		large.Metadata = append(large.Metadata, proto.MetadataField{Name: "f" + strings.Repeat("x", i), Type: "string", Description: strings.Repeat("d", 8000)})
	}
	if _, err := manifest.Embed(pluginstest.Minimal().Bytes(), large); !plugins.Has(err, plugins.ManifestTooLarge) {
		t.Errorf("large manifest: got %v, want %s", err, plugins.ManifestTooLarge)
	}
}
