package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/pluginstest"
)

// FuzzRead reads any bytes as a module. What is taken survives packing: the
// manifest comes out equal, the rest of the module unchanged.
func FuzzRead(f *testing.F) {
	plain := pluginstest.Minimal().Bytes()
	m := full(f)
	f.Add([]byte(nil))
	f.Add(plain)
	f.Add(slices.Concat(plain, section(m.Marshal())))
	f.Add(slices.Concat(plain, section(nil)))
	f.Add(slices.Concat(section(m.Marshal()), plain))
	f.Add(slices.Concat(plain[:8], section(m.Marshal()), section(m.Marshal()), plain[8:]))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		m, err := manifest.Read(wasm)
		if err != nil {
			if len(plugins.All(err)) == 0 || plugins.All(err)[0].Code == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		checkAccepted(t, m)
		packed, err := manifest.Embed(wasm, m)
		if err != nil {
			t.Fatalf("what was read cannot be packed: %v", err)
		}
		again, err := manifest.Read(packed)
		if err != nil {
			t.Fatalf("what was packed cannot be read: %v", err)
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Fatalf("packed and read (-want +got):\n%s", diff)
		}
		if twice, err := manifest.Embed(packed, m); err != nil || !bytes.Equal(packed, twice) {
			t.Fatalf("packing twice is not packing once: %v", err)
		}
	})
}

// FuzzSection puts any bytes into the manifest's section.
func FuzzSection(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(full(f).Marshal())
	f.Add([]byte("\x2a\x00\x2a\x00\x32\x00\x52\x02\x1a\x00"))
	plain := pluginstest.Minimal().Bytes()
	f.Fuzz(func(t *testing.T, content []byte) {
		if m, err := manifest.Read(slices.Concat(plain, section(content))); err == nil {
			checkAccepted(t, m)
		}
	})
}

// FuzzParse reads any bytes as plugin.yaml. What is taken is what its encoding
// and its JSON view give back.
func FuzzParse(f *testing.F) {
	f.Add([]byte("name: a\nversion: 1.0.0\nkinds: [{type: state.a}]\n"))
	f.Add(read(f, "full.yaml"))
	f.Add(read(f, "full.json"))
	cases, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		src, _, _ := bytes.Cut(b, []byte("----------\n"))
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := manifest.Parse("plugin.yaml", src)
		if err != nil {
			if n := len(plugins.All(err)); n == 0 || n > 50 {
				t.Fatalf("got %d problems, want 1 to 50", n)
			}
			return
		}
		checkAccepted(t, m)
		j, err := manifest.JSON(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := manifest.Parse("plugin.json", j)
		if err != nil {
			t.Fatalf("the JSON view is no plugin.yaml: %v\n%s", err, j)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatalf("JSON view read back (-want +got):\n%s", diff)
		}
	})
}

// checkAccepted holds for every manifest that anything of this package returns.
func checkAccepted(t *testing.T, m *proto.Manifest) {
	t.Helper()
	if err := manifest.Check(m).Err(); err != nil {
		t.Fatalf("accepted, but not by Check: %v", err)
	}
	var back proto.Manifest
	if err := back.Unmarshal(m.Marshal()); err != nil {
		t.Fatalf("accepted, but its encoding is not: %v", err)
	}
	if diff := cmp.Diff(m, &back); diff != "" {
		t.Fatalf("encoded and decoded (-want +got):\n%s", diff)
	}
	var text bytes.Buffer
	if err := manifest.WriteText(&text, m); err != nil {
		t.Fatal(err)
	}
	for _, r := range text.String() {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			t.Fatalf("the text view holds the control character %U", r)
		}
	}
}
