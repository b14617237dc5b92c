// Package engines picks an engine by the name that a configuration gives it.
//
//	eng, err := engines.New("wazero", cacheDir)
//
// It holds no engine open: whoever calls New closes what it returns.
package engines

import (
	"fmt"
	"strings"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
)

// Default is the engine of an empty name.
const Default = "wazero"

// constructors are the engines that there are, the default one first.
var constructors = []struct {
	name    string
	inBuild bool
	open    func(cacheDir string) (engine.Engine, error)
}{
	{Default, true, func(dir string) (engine.Engine, error) { return wazero.New(wazero.Options{CacheDir: dir}) }},
	{"wasmtime", hasWasmtime, newWasmtime},
}

// New opens the engine of that name, or the default one when name is "". It
// keeps compiled code in cacheDir, unless that is "".
func New(name, cacheDir string) (engine.Engine, error) {
	if name == "" {
		name = Default
	}
	for _, c := range constructors {
		if c.name == name {
			return c.open(cacheDir)
		}
	}
	return nil, fmt.Errorf("there is no engine %q: this build has %s", name, strings.Join(Names(), " and "))
}

// Names are the engines that this build has, the default one first.
func Names() []string {
	var names []string
	for _, c := range constructors {
		if c.inBuild {
			names = append(names, c.name)
		}
	}
	return names
}
