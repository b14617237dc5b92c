package host

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
)

// engines opens each engine when the first component wants it.
type engines struct {
	standard, cacheDir string

	mu   sync.Mutex // guards open
	open map[string]engine.Engine
}

// newEngines opens the sidecar's own engine, so that a build that lacks it or a
// cache that cannot be used shows at once.
func newEngines(o Options) (*engines, error) {
	e := &engines{standard: o.Engine, cacheDir: o.CacheDir, open: map[string]engine.Engine{}}
	_, err := e.get("")
	return e, err
}

func (e *engines) get(name string) (engine.Engine, error) {
	if name == "" {
		name = e.standard
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if eng, ok := e.open[name]; ok {
		return eng, nil
	}
	dir := e.cacheDir
	if dir != "" {
		dir = filepath.Join(dir, name)
	}
	var eng engine.Engine
	var err error
	switch name {
	case "wazero":
		eng, err = wazero.New(wazero.Options{CacheDir: dir})
	case "wasmtime":
		eng, err = newWasmtime(dir)
	default:
		err = fmt.Errorf("there is no engine %q", name)
	}
	if err != nil {
		return nil, err
	}
	e.open[name] = eng
	return eng, nil
}

func (e *engines) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, eng := range e.open {
		errs = append(errs, eng.Close())
	}
	clear(e.open)
	return errors.Join(errs...)
}
