// Package guesttest builds guests for tests: Go modules compiled to WebAssembly
// with the toolchain that runs the test.
//
//	wasm := guesttest.Build(t, "testdata/guest")
//	wasm := guesttest.Build(t, guesttest.Root(t)+"/components/state/in-memory")
package guesttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins/manifest"
)

var (
	mu    sync.Mutex
	built = map[string][]byte{} // by folder
)

// Build compiles the Go module in dir as a reactor and returns the module. A
// folder is compiled once in a test process; Go's build cache keeps the rest.
func Build(tb testing.TB, dir string) []byte {
	tb.Helper()
	mu.Lock()
	defer mu.Unlock()
	abs, err := filepath.Abs(dir)
	if err != nil {
		tb.Fatal(err)
	}
	if b := built[abs]; b != nil {
		return b
	}
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-o", out, ".")
	cmd.Dir = abs
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	if msg, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("building the guest in %s: %v\n%s", dir, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	built[abs] = b
	return b
}

// Root returns the top of the repository: the folder with .ci beside go.mod.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, ".ci")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("the top of the repository was not found")
		}
		dir = parent
	}
}

// CacheDir returns a folder for compiled code that outlives the test run, so
// that only the first run pays for compiling the first-party guests.
func CacheDir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(Root(tb), ".cache", "compiled")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// Pack compiles the component in dir and puts the manifest of its plugin.yaml
// into the module, as `berth plugin pack` does.
func Pack(tb testing.TB, dir string) ([]byte, *proto.Manifest) {
	tb.Helper()
	wasm := Build(tb, dir)
	path := filepath.Join(dir, "plugin.yaml")
	src, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := manifest.Parse(path, src)
	if err != nil {
		tb.Fatal(err)
	}
	packed, err := manifest.Embed(wasm, m)
	if err != nil {
		tb.Fatal(err)
	}
	return packed, m
}
