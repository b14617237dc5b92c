package main

import (
	"os"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/plugins/cache"
	"github.com/berth-run/berth/plugins/catalog"
)

// locate fills in where plugins and compiled code lie when no flag says so.
//
// Plugins lie where catalog.DefaultDirs says, and in the program. Compiled code
// goes where cache.DefaultDir says: to $BERTH_CACHE_DIR, else to berth in the
// user's cache folder ($XDG_CACHE_HOME or ~/.cache), else, for a user without
// home, to a folder of the user's in the temporary folder.
func (s *settings) locate() {
	o := &s.options
	o.Embedded = embeddedPlugins()
	if len(o.PluginsPaths) == 0 {
		o.PluginsPaths = catalog.DefaultDirs()
	}
	switch {
	case o.CacheDir == "-":
		o.CacheDir = ""
	case o.CacheDir == "":
		o.CacheDir = defaultCache(o)
	}
}

func defaultCache(o *host.Options) string {
	dir := cache.DefaultDir()
	// A read-only file system must not keep the sidecar from starting.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		o.Log.Warn("compiled plugins are not kept: every start compiles them again; choose a folder with --cache-dir", "error", err.Error())
		return ""
	}
	return dir
}
