package host

import (
	"errors"
	"sync"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/engines"
)

// engineSet opens each engine when the first component wants it.
type engineSet struct {
	standard, cacheDir string

	mu   sync.Mutex // guards open
	open map[string]engine.Engine
}

// newEngineSet opens the sidecar's own engine, so that a build that lacks it or a
// cache that cannot be used shows at once.
func newEngineSet(o Options) (*engineSet, error) {
	e := &engineSet{standard: o.Engine, cacheDir: o.CacheDir, open: map[string]engine.Engine{}}
	_, err := e.get("")
	return e, err
}

func (e *engineSet) get(name string) (engine.Engine, error) {
	if name == "" {
		name = e.standard
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if eng, ok := e.open[name]; ok {
		return eng, nil
	}
	eng, err := engines.New(name, e.cacheDir)
	if err != nil {
		return nil, err
	}
	e.open[name] = eng
	return eng, nil
}

func (e *engineSet) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, eng := range e.open {
		errs = append(errs, eng.Close())
	}
	clear(e.open)
	return errors.Join(errs...)
}
