//go:build !wasmtime || !cgo

package host

import (
	"errors"

	"github.com/berth-run/berth/host/engine"
)

func newWasmtime(string) (engine.Engine, error) {
	return nil, errors.New("this build has no wasmtime: build it with cgo and -tags wasmtime")
}
