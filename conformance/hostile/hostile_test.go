package hostile

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/engines"
	"github.com/berth-run/berth/host/engine/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAssembled(t *testing.T) { enginetest.Assembled(t, NewSet(t).dir) }

func TestHost(t *testing.T) {
	Run(t, func(t *testing.T, cacheDir string) engine.Engine {
		e, err := engines.New(os.Getenv("BERTH_ENGINE"), cacheDir)
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
