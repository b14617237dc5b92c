//go:build !wasmtime || !cgo

package engines

import (
	"errors"

	"github.com/berth-run/berth/host/engine"
)

const hasWasmtime = false

func newWasmtime(string) (engine.Engine, error) {
	return nil, errors.New("engine wasmtime: this berthd was built without wasmtime: build with cgo and -tags wasmtime")
}
