package berth_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTemplate does what an author does with the template, outside of this
// tree: copies it, tests it and builds it.
func TestTemplate(t *testing.T) {
	sdk, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(sdk, "..", "template"))); err != nil {
		t.Fatal(err)
	}
	run := func(env []string, args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off"), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	run(nil, "mod", "edit", "-replace", "github.com/berth-run/berth/sdk-guest/go="+sdk)
	run(nil, "vet", ".")
	run(nil, "test", ".")
	run([]string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "-buildmode=c-shared", "-o", "acme.wasm", ".")
	wasm, err := os.ReadFile(filepath.Join(dir, "acme.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	// It grows only when somebody decides so: each kilobyte is compiled and kept for every component.
	const most = 2_600_000
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" || len(wasm) > most {
		t.Errorf("got a file of %d bytes, want a WebAssembly module of at most %d", len(wasm), most)
	}
}
