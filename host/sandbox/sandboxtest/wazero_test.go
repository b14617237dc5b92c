package sandboxtest_test

import (
	"testing"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/sandbox/sandboxtest"
)

func TestWazero(t *testing.T) {
	sandboxtest.Run(t, func(t *testing.T, dir string) engine.Engine {
		e, err := wazero.New(wazero.Options{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
