//go:build wasmtime && cgo

package engines

import (
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wasmtime"
)

const hasWasmtime = true

func newWasmtime(cacheDir string) (engine.Engine, error) {
	return wasmtime.New(wasmtime.Options{CacheDir: cacheDir})
}
