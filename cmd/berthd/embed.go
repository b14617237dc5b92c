package main

import (
	"embed"
	"io/fs"
)

// embedded holds the plugins that travel inside the program. `make build` puts
// them there; without it there is only the README, and no plugin.
//
//go:embed embedded
var embedded embed.FS

func embeddedPlugins() fs.FS {
	sub, err := fs.Sub(embedded, "embedded")
	if err != nil {
		panic(err) // the name is not a path: cannot happen
	}
	return sub
}
