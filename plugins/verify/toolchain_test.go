package verify_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/verify"
)

// TestGoToolchain builds a guest with the Go toolchain, once as a plugin and
// once, as happens, as a program.
func TestGoToolchain(t *testing.T) {
	m, err := manifest.Parse("plugin.yaml", []byte("name: a\nversion: 1.0.0\nkinds: [{type: state.a}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := manifest.Embed(build(t, "-buildmode=c-shared"), m)
	if err != nil {
		t.Fatal(err)
	}
	back, err := manifest.Read(packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify.Check(packed, back, verify.Current()); err != nil {
		t.Errorf("a plugin: got %v, want no error", err)
	}
	err = verify.Check(build(t, "-buildmode=default"), m, verify.Current())
	if all := plugins.All(err); len(all) != 1 || all[0].Code != plugins.StartExported {
		t.Errorf("a program: got %v, want %s", err, plugins.StartExported)
	}
}

func build(t *testing.T, mode string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-trimpath", mode, "-ldflags=-s -w", "-o", out, "./testdata/goguest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}
