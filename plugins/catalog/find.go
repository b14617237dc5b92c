package catalog

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/internal/nearest"
	"github.com/berth-run/berth/plugins/verify"
)

// Query is what a Component asks for.
type Query struct {
	Type    string // spec.type; upper and lower case make no difference
	Version string // spec.version; "", v0 and v1 all mean the initial version, as in Dapr
	URL     string // wasm.url: a file:// URL or a path, instead of the search
	Digest  string // wasm.digest: the plugin has to be the one with it
	Dir     string // what a relative path in URL starts from; "" = the working folder
}

// Find returns the plugin for q. The error is a *plugins.Error or plugins.Errors.
func (c *Catalog) Find(q Query) (*Plugin, error) {
	q.Type = strings.ToLower(strings.TrimSpace(q.Type))
	q.Version = strings.ToLower(strings.TrimSpace(q.Version))
	if q.Digest != "" {
		digest, err := verify.ParseDigest(q.Digest)
		if err != nil {
			return nil, err
		}
		q.Digest = digest
	}
	if q.URL != "" {
		return c.open(q)
	}
	if q.Digest != "" {
		return c.pinned(q)
	}
	wanted := []string{q.Version}
	if q.Version == "" {
		// Without one of the initial version, the lowest there is.
		wanted = append([]string{initial}, c.versions(q.Type)...)
	}
	for _, version := range wanted {
		for _, f := range c.folders {
			switch list := f.matching(q.Type, version); len(list) {
			case 0:
			case 1:
				return list[0], nil
			default:
				return nil, ambiguous(q.Type, q.Version, list)
			}
		}
	}
	return nil, c.notFound(q)
}

// initial is the version that an empty one and v0 stand for.
const initial = "v1"

func normal(version string) string {
	v := strings.ToLower(version)
	if v == "" || v == "v0" {
		return initial
	}
	return v
}

func (f *folder) matching(typ, version string) []*Plugin {
	var out []*Plugin
	for _, p := range f.plugins {
		if slices.ContainsFunc(p.versions(typ), func(v string) bool { return normal(v) == normal(version) }) {
			out = append(out, p)
		}
	}
	return out
}

// versions lists the versions of a type in any folder, the lowest first.
func (c *Catalog) versions(typ string) []string {
	var out []string
	for _, p := range c.List() {
		for _, v := range p.versions(typ) {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(stage(a), stage(b)), cmp.Compare(a, b))
	})
	return out
}

// number is the first number of a version such as v2 or v2alpha1.
func number(version string) int {
	digits := strings.TrimPrefix(version, "v")
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i]
	}
	n, _ := strconv.Atoi(digits)
	return n
}

// stage orders v2alpha1 and v2beta1 behind v2: who names no version gets none of these while there is another.
func stage(version string) int {
	if strings.Contains(version, "alpha") {
		return 2
	}
	if strings.Contains(version, "beta") {
		return 1
	}
	return 0
}

// pinned finds the plugin with the digest, whatever folder it is in.
func (c *Catalog) pinned(q Query) (*Plugin, error) {
	var others []string
	for _, p := range c.List() {
		if !fits(p, q) {
			continue
		}
		digest, err := p.Digest()
		if err != nil {
			return nil, err
		}
		if digest == q.Digest {
			return p, nil
		}
		others = append(others, p.Source+" has "+digest)
	}
	if others == nil {
		return nil, c.notFound(q)
	}
	return nil, &plugins.Error{Code: plugins.DigestMismatch, What: fmt.Sprintf("no plugin for %s has the pinned digest %s: %s", wording(q), q.Digest, strings.Join(others, ", ")),
		Hint: "the file is not the one that was pinned: find out why before changing the pin"}
}

// fits reports whether p has the type and version.
func fits(p *Plugin, q Query) bool {
	list := p.versions(q.Type)
	return len(list) > 0 && (q.Version == "" || slices.ContainsFunc(list, func(v string) bool { return normal(v) == normal(q.Version) }))
}

// open takes the file that the Component names.
func (c *Catalog) open(q Query) (*Plugin, error) {
	path, err := filePath(q.URL, q.Dir)
	if err != nil {
		return nil, err
	}
	p, err := load(os.DirFS(filepath.Dir(path)), filepath.Base(path), path, c.maxSize)
	if err != nil {
		var out plugins.Errors
		for _, e := range plugins.All(err) {
			out = append(out, e.At(path))
		}
		return nil, out
	}
	if q.Digest != "" {
		digest, err := p.Digest()
		if err != nil {
			return nil, err
		}
		if err := verify.Pin(digest, q.Digest); err != nil {
			return nil, plugins.All(err)[0].At(path)
		}
	}
	if q.Type == "" || fits(p, q) {
		return p, nil
	}
	const most = 10
	var has []string
	for _, n := range p.claims[:min(len(p.claims), most)] {
		has = append(has, n.typ+"/"+n.version)
	}
	e := &plugins.Error{Code: plugins.TypeMismatch, Where: path, What: fmt.Sprintf("is a plugin for %s, the component asks for %s", strings.Join(has, ", "), wording(q)),
		Hint: "change spec.type and spec.version, or wasm.url"}
	if len(p.versions(q.Type)) > 0 {
		e.Code = plugins.VersionMismatch
	}
	return nil, e
}

// filePath turns wasm.url into a path.
func filePath(raw, dir string) (string, error) {
	path := strings.TrimSpace(raw)
	scheme, rest, isURL := strings.Cut(path, "://")
	if isURL {
		switch strings.ToLower(scheme) {
		case "oci", "http", "https":
			return "", &plugins.Error{Code: plugins.SourceUnsupported, What: fmt.Sprintf("wasm.url %q: %s:// is not supported by this version yet", plugins.Printable(raw), strings.ToLower(scheme)),
				Hint: "download the plugin into a folder of --plugins-path, or name it with file://"}
		case "file":
			host, tail, _ := strings.Cut(rest, "/")
			if host != "" && host != "localhost" {
				return "", &plugins.Error{Code: plugins.SourceInvalid, What: fmt.Sprintf("wasm.url %q names the host %s", plugins.Printable(raw), plugins.Printable(host)),
					Hint: "write file:///absolute/path, or a path without file://"}
			}
			unescaped, err := url.PathUnescape("/" + tail)
			if err != nil {
				return "", &plugins.Error{Code: plugins.SourceInvalid, What: fmt.Sprintf("wasm.url %q: %s", plugins.Printable(raw), err), Err: err}
			}
			path = unescaped
		default:
			return "", &plugins.Error{Code: plugins.SourceInvalid, What: fmt.Sprintf("wasm.url %q has an unknown scheme", plugins.Printable(raw)), Hint: "use file:// or a path"}
		}
	}
	if strings.ContainsRune(path, 0) {
		return "", &plugins.Error{Code: plugins.SourceInvalid, What: "wasm.url holds a zero byte"}
	}
	if !isURL && len(path) > 5 && strings.EqualFold(path[:5], "file:") {
		path = path[5:]
	}
	if !filepath.IsAbs(path) && dir != "" {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path), nil
}

// notFound says what there is instead.
func (c *Catalog) notFound(q Query) error {
	e := &plugins.Error{Code: plugins.NotFound}
	var places []string
	for _, f := range c.folders {
		places = append(places, f.name)
	}
	if len(places) == 0 {
		places = []string{"no folder"}
	}
	e.What = fmt.Sprintf("no plugin for %s in %s", wording(q), strings.Join(places, ", "))
	if have := c.versions(q.Type); len(have) > 0 {
		e.Code = plugins.VersionMismatch
		e.What += "; there is version " + strings.Join(have, ", ")
	} else if near, ok := nearest.To(q.Type, c.types()); ok {
		e.Hint = "did you mean " + near + "?"
	}
	// Any of the files that cannot be read may be the one.
	var broken plugins.Errors
	for _, f := range c.folders {
		broken = append(broken, f.broken...)
	}
	if len(broken) > 0 {
		const most = 5
		var texts []string
		for _, b := range broken[:min(len(broken), most)] {
			texts = append(texts, b.Error())
		}
		if len(broken) > most {
			texts = append(texts, fmt.Sprintf("and %d more", len(broken)-most))
		}
		e.What += "; not all there could be read: " + strings.Join(texts, "; ")
		e.Err = broken
	}
	return e
}

func (c *Catalog) types() []string {
	var out []string
	for _, p := range c.List() {
		for _, n := range p.claims {
			if !slices.Contains(out, n.typ) {
				out = append(out, n.typ)
			}
		}
	}
	return out
}

func wording(q Query) string {
	if q.Version == "" {
		return plugins.Printable(q.Type)
	}
	return plugins.Printable(q.Type + "/" + q.Version)
}
