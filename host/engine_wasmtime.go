//go:build wasmtime && cgo

package host

import (
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wasmtime"
)

func newWasmtime(cacheDir string) (engine.Engine, error) {
	return wasmtime.New(wasmtime.Options{CacheDir: cacheDir})
}
