// Package testengine opens an engine for tests of what runs on one.
package testengine

import (
	"os"
	"testing"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/engines"
	"github.com/berth-run/berth/host/guesttest"
)

// Open opens the engine that the environment variable BERTH_ENGINE names, the
// default one without it, with a cache that outlives the test run.
func Open(tb testing.TB) engine.Engine {
	tb.Helper()
	e, err := engines.New(os.Getenv("BERTH_ENGINE"), guesttest.CacheDir(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}
