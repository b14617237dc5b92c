package sandboxtest_test

import (
	"os"
	"testing"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/engines"
	"github.com/berth-run/berth/host/sandbox/sandboxtest"
)

func TestEngine(t *testing.T) {
	sandboxtest.Run(t, func(t *testing.T, cacheDir string) engine.Engine {
		e, err := engines.New(os.Getenv("BERTH_ENGINE"), cacheDir)
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
