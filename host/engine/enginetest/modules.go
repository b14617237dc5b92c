package enginetest

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/*.wasm testdata/invalid/*.wasm
var testdata embed.FS

// module returns testdata/NAME.wasm.
func module(t testing.TB, name string) []byte {
	t.Helper()
	b, err := testdata.ReadFile("testdata/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Assembled checks that each .wat file of dir has its .wasm beside it, as
// wat2wasm makes it. With UPDATE_WASM=1 in the environment it writes them. A
// first line ";; wat2wasm: FLAGS" gives flags. Without wat2wasm it skips.
func Assembled(t *testing.T, dir string) {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Skip("wat2wasm is not installed (package wabt): the committed modules are not compared with their source")
	}
	sources, err := filepath.Glob(filepath.Join(dir, "*.wat"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no .wat files in %s (%v)", dir, err)
	}
	for _, src := range sources {
		text, err := os.ReadFile(src)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		flags, _ := strings.CutPrefix(first, ";; wat2wasm: ")
		if flags == first {
			flags = ""
		}
		out := filepath.Join(t.TempDir(), "out.wasm")
		if msg, err := exec.Command(tool, append(strings.Fields(flags), "-o", out, src)...).CombinedOutput(); err != nil {
			t.Errorf("wat2wasm %s: %v\n%s", src, err, msg)
			continue
		}
		want, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		file := strings.TrimSuffix(src, ".wat") + ".wasm"
		if os.Getenv("UPDATE_WASM") == "1" {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what wat2wasm makes of its source; run go generate (%v)", file, err)
		}
	}
}
