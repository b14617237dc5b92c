package verify

import (
	"fmt"

	"github.com/berth-run/berth/abi"
)

// Host is what a host offers to plugins.
type Host struct {
	Major, Minor int
	Modules      []string // modules that can be imported from
	Capabilities []string // that an operator can grant
	Kinds        []string // building blocks; empty when it makes no difference
}

// Current is the host of this tree.
func Current() Host {
	return Host{
		Major:   abi.Major,
		Minor:   abi.Minor,
		Modules: []string{abi.ImportCore, abi.ImportWASI},
		Kinds:   []string{"state"},
	}
}

// Complete is a host that offers all that this version of the ABI has: what it
// refuses, none of this version takes. An author's tools check against it.
func Complete() Host {
	h := Host{Major: abi.Major, Minor: abi.Minor}
	seen := map[string]bool{}
	for _, i := range abi.Imports() {
		if !seen[i.Module] {
			seen[i.Module] = true
			h.Modules = append(h.Modules, i.Module)
		}
	}
	h.Capabilities = []string{abi.CapNetDial, abi.CapHTTPFetch, abi.CapFS, abi.CapEnv, abi.CapSecrets, abi.CapClockFine}
	return h
}

func (h Host) version() string { return fmt.Sprintf("%d.%d", h.Major, h.Minor) }
