package wazero_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/enginetest"
	"github.com/berth-run/berth/host/engine/wazero"
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

func TestSandbox(t *testing.T) { sandboxtest.Run(t, newEngine) }
