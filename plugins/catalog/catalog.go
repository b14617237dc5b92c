// Package catalog knows which plugins there are: those in the operator's
// folders, and those that came with the host. It answers what a Component asks
// for, a type and a version, with a plugin.
//
//	c := catalog.Open(catalog.Options{Dirs: dirs, Embedded: bundled})
//	p, err := c.Find(catalog.Query{Type: "state.redis", Version: "v1"})
//	wasm, err := p.Wasm()
//
// Opening reads manifests only, a few hundred bytes of each file. Nothing is
// verified against the host (plugins/verify), compiled or run, and no folder is
// watched: open another catalogue to see what changed.
//
// Folders are searched in their order and the first that has the type and
// version wins, so that an operator's plugin takes the place of a bundled one.
// A file that cannot be read hides no other: it is a warning, and part of the
// error when a type that it may have had is asked for.
package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/berth-run/berth/plugins"
)

// DefaultMaxSize is the largest file that is taken for a plugin, in bytes.
const DefaultMaxSize = 64 << 20

// Options say where to look.
type Options struct {
	Dirs     []string // folders of *.wasm, not searched below; the first wins
	Embedded fs.FS    // searched last; nil for none
	MaxSize  int64    // bytes of one file; 0 = DefaultMaxSize
}

// Catalog is what was found. It does not change and is safe for concurrent use.
type Catalog struct {
	folders  []folder
	warnings plugins.Errors
	maxSize  int64
}

// folder is one place of the search.
type folder struct {
	name    string // as the operator wrote it, or "embedded"
	plugins []*Plugin
	broken  plugins.Errors
}

// Open reads the manifests of all plugins. What is wrong with a folder or file
// is in Warnings.
func Open(o Options) *Catalog {
	c := &Catalog{maxSize: o.MaxSize}
	if c.maxSize <= 0 {
		c.maxSize = DefaultMaxSize
	}
	seen := map[string]bool{}
	for _, dir := range o.Dirs {
		id := dir
		if abs, err := filepath.Abs(dir); err == nil {
			id = abs
		}
		if !seen[id] {
			seen[id] = true
			c.scan(dir, os.DirFS(dir), func(name string) string { return filepath.Join(dir, name) })
		}
	}
	if o.Embedded != nil {
		c.scan("embedded", o.Embedded, func(name string) string { return "embedded:" + name })
	}
	for i := range c.folders {
		c.warnings = append(c.warnings, c.folders[i].broken...)
		c.warnings = append(c.warnings, c.folders[i].twice()...)
	}
	return c
}

// List returns every plugin in the order of the search.
func (c *Catalog) List() []*Plugin {
	var out []*Plugin
	for _, f := range c.folders {
		out = append(out, f.plugins...)
	}
	return out
}

// Warnings returns what is wrong with folders and files, each with its name.
func (c *Catalog) Warnings() plugins.Errors { return c.warnings }

func (c *Catalog) scan(name string, fsys fs.FS, place func(string) string) {
	f := folder{name: name}
	defer func() { c.folders = append(c.folders, f) }()
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		f.broken = append(f.broken, unreadable(name, err))
		return
	}
	for _, e := range entries {
		// Files that start with a dot are those that something is still writing.
		if !strings.EqualFold(filepath.Ext(e.Name()), ".wasm") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		p, err := load(fsys, e.Name(), place(e.Name()), c.maxSize)
		if errors.Is(err, errFolder) {
			continue
		}
		for _, one := range plugins.All(err) {
			f.broken = append(f.broken, one.At(place(e.Name())))
		}
		if err == nil {
			f.plugins = append(f.plugins, p)
		}
	}
}

// twice lists the types and versions that two plugins of the folder claim.
func (f *folder) twice() plugins.Errors {
	var out plugins.Errors
	owner := map[string]*Plugin{}
	for _, p := range f.plugins {
		said := false
		for _, name := range p.claims {
			key := name.typ + "/" + normal(name.version)
			if first, dup := owner[key]; dup && first != p && !said {
				out = append(out, ambiguous(name.typ, name.version, []*Plugin{first, p}))
				said = true
			} else if !dup {
				owner[key] = p
			}
		}
	}
	return out
}

func ambiguous(typ, version string, list []*Plugin) *plugins.Error {
	var names []string
	for _, p := range list {
		names = append(names, fmt.Sprintf("%s (%s %s)", p.Source, p.Manifest.Name, p.Manifest.Version))
	}
	if version != "" {
		typ += "/" + version
	}
	return &plugins.Error{Code: plugins.Ambiguous, What: fmt.Sprintf("%s is in %s", typ, strings.Join(names, " and ")),
		Hint: "keep one of them in the folder, or pin one with wasm.digest or wasm.url"}
}

func unreadable(where string, err error) *plugins.Error {
	what := "cannot be read: " + plugins.Printable(err.Error())
	var path *fs.PathError
	if errors.As(err, &path) { // where names the file already
		what = "cannot be read: " + path.Err.Error()
	}
	return &plugins.Error{Code: plugins.Unreadable, Where: where, What: what, Err: err}
}

// DefaultDirs returns the folders to search when the operator names none, as
// far as they exist: dist/plugins beside the folder of the running program, and
// .berth/plugins in the user's home.
func DefaultDirs() []string {
	var candidates, out []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		candidates = append(candidates, filepath.Join(filepath.Dir(filepath.Dir(exe)), "dist", "plugins"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		candidates = append(candidates, filepath.Join(home, ".berth", "plugins"))
	}
	for _, dir := range candidates {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			out = append(out, dir)
		}
	}
	return out
}
