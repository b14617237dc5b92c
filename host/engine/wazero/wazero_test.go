package wazero_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/enginetest"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/host/sandbox"
	"github.com/berth-run/berth/host/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newEngine(t *testing.T, dir string) engine.Engine {
	t.Helper()
	e, err := wazero.New(wazero.Options{CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEngine(t *testing.T) { enginetest.Run(t, newEngine) }

// TestPortableMemory: the same without copy-on-write and reserved memory.
func TestPortableMemory(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, dir string) engine.Engine {
		e, err := wazero.New(wazero.Options{CacheDir: dir, PortableMemory: true})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

func TestSandbox(t *testing.T) { sandboxtest.Run(t, newEngine) }

// TestSharedCache: engines that start together on one cold cache, as sidecars
// of one machine do, do not get in each other's way.
func TestSharedCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	wasm := guesttest.Build(t, filepath.Join(guesttest.Root(t), "host/engine/pool/testdata/guest"))
	sb := sandbox.New(sandbox.Config{Component: "test"})
	defer sb.Close()
	compile := func() engine.ModuleInfo {
		e := newEngine(t, dir)
		m, err := e.Compile(t.Context(), engine.Config{Name: "test", Wasm: wasm, Functions: sb.Functions()})
		if err != nil {
			t.Error(err)
			return engine.ModuleInfo{}
		}
		info := m.Info()
		if err := errors.Join(m.Close(), e.Close()); err != nil {
			t.Error(err)
		}
		return info
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { compile() })
	}
	wg.Wait()
	if !compile().Cached {
		t.Error("the code was not kept")
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*.work-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
