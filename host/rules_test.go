package host_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/berth-run/berth/"

// rule says which packages of ours, and which of others, a folder may import.
// The longest prefix that fits a folder is its rule.
type rule struct {
	dir    string
	ours   []string // prefixes below the module path; tests of a folder may import more, see testRules
	others []string // prefixes of import paths; nil = only the standard library
}

const (
	wazeroLib   = "github.com/tetratelabs/wazero"
	wasmtimeLib = "github.com/bytecodealliance/wasmtime-go"
	yamlLib     = "go.yaml.in/yaml/v4"
	sysLib      = "golang.org/x/"
	grpcLib     = "google.golang.org/"
	daprProto   = "github.com/dapr/dapr/pkg/proto/"
	cobraLib    = "github.com/spf13/"
)

// rules is the table of ARCHITECTURE: cmd -> host -> plugins -> abi, and within
// the host from the API down to the engine. No arrow points back.
var rules = []rule{
	{dir: "abi", ours: []string{"abi"}},
	{dir: "plugins", ours: []string{"abi", "plugins"}, others: []string{yamlLib, sysLib}},
	{dir: "host/engine", ours: []string{"abi", "plugins", "host/engine"}, others: []string{sysLib}},
	{dir: "host/engine/wazero", ours: []string{"abi", "plugins", "host/engine"}, others: []string{wazeroLib, sysLib}},
	{dir: "host/engine/wasmtime", ours: []string{"abi", "plugins", "host/engine"}, others: []string{wasmtimeLib, sysLib}},
	{dir: "host/engine/testengine", ours: []string{"abi", "plugins", "host/engine", "host/guesttest"}, others: []string{sysLib}}, // a library for tests
	{dir: "host/sandbox", ours: []string{"abi", "host/engine", "host/sandbox"}, others: []string{sysLib}},
	{dir: "host/guest", ours: []string{"abi", "plugins", "host/engine", "host/sandbox", "host/guest"}, others: []string{sysLib}},
	{dir: "host/resource", ours: []string{"abi", "plugins", "host/resource"}, others: []string{yamlLib}},
	{dir: "host/observability", ours: []string{"host/observability"}, others: []string{"go.opentelemetry.io/"}},
	{dir: "host/state", ours: []string{"abi", "host/guest", "host/state", "host/api/errors"}, others: []string{sysLib}},
	{dir: "host/api", ours: []string{"abi", "host/guest", "host/state", "host/api"}, others: []string{grpcLib, daprProto, sysLib}},
	{dir: "host", ours: []string{"abi", "plugins", "host"}, others: []string{sysLib, grpcLib}},
	{dir: "conformance", ours: []string{"abi", "plugins", "host", "conformance"}, others: []string{grpcLib, daprProto, sysLib}},
	{dir: "cmd", ours: []string{"abi", "plugins", "host", "conformance", "cmd"}, others: []string{cobraLib, sysLib, yamlLib}},
}

// testOnly may be imported by tests of any folder; an engine only by those
// that test what it runs.
var testOnly = []string{
	"github.com/google/go-cmp/", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/rogpeppe/go-internal/",
	"github.com/santhosh-tekuri/jsonschema/", "golang.org/x/", grpcLib, daprProto, yamlLib,
}

func TestImportRules(t *testing.T) {
	root := ".."
	modules := ownModules(t, root)
	walkGo(t, root, func(path string) {
		for _, m := range modules {
			if strings.HasPrefix(path, m+"/") {
				checkComponent(t, root, m, path)
				return
			}
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		r := ruleFor(dir)
		if r == nil {
			t.Errorf("%s: no rule for this folder; is it a room of the house?", path)
			return
		}
		for _, imp := range importsOf(t, filepath.Join(root, path)) {
			if !allowed(r, imp, strings.HasSuffix(path, "_test.go"), dir) {
				t.Errorf("%s imports %s, which %s/ may not", path, imp, r.dir)
			}
		}
	})
}

func allowed(r *rule, imp string, test bool, dir string) bool {
	if imp == strings.TrimSuffix(modulePath, "/") {
		return false
	}
	if rel, ok := strings.CutPrefix(imp, modulePath); ok {
		if test && !strings.HasPrefix(dir, "abi") && !strings.HasPrefix(dir, "plugins") {
			return true // a test of the host may put the whole house together
		}
		for _, p := range r.ours {
			if rel == p || strings.HasPrefix(rel, p+"/") {
				return true
			}
		}
		return false
	}
	if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
		return true // standard library
	}
	for _, p := range r.others {
		if strings.HasPrefix(imp, p) {
			return true
		}
	}
	if !test || r.dir == "abi" {
		return false
	}
	for _, p := range testOnly {
		if strings.HasPrefix(imp, p) {
			return true
		}
	}
	return false
}

func ruleFor(dir string) *rule {
	var best *rule
	for i := range rules {
		r := &rules[i]
		if (dir == r.dir || strings.HasPrefix(dir, r.dir+"/")) && (best == nil || len(r.dir) > len(best.dir)) {
			best = r
		}
	}
	return best
}

// checkComponent holds modules of their own to theirs: guest code reaches the
// SDK and its drivers, never the host.
func checkComponent(t *testing.T, root, module, path string) {
	if !strings.HasPrefix(module, "components/") && !strings.HasPrefix(module, "sdk-guest/") {
		return
	}
	for _, imp := range importsOf(t, filepath.Join(root, path)) {
		rel, ok := strings.CutPrefix(imp, modulePath)
		if ok && !strings.HasPrefix(rel, "sdk-guest/go") && !strings.HasPrefix(rel, module) {
			t.Errorf("%s imports %s; guest code imports the SDK and drivers only", path, imp)
		}
		if !ok && strings.HasPrefix(module, "sdk-guest/go") && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
			t.Errorf("%s imports %s; the SDK has no requirements", path, imp)
		}
	}
}

// TestFileNames: Go drops a file whose name ends in an operating system or
// architecture that is not the build's, without a word
// (https://github.com/dapr/dapr/issues/9576 was such a file).
func TestFileNames(t *testing.T) {
	bad := regexp.MustCompile(`_(wasm|wasip1|wasip2|js|plan9|android|ios|illumos|arm)(_test)?\.go$`)
	walkGo(t, "..", func(path string) {
		if bad.MatchString(path) && !strings.HasPrefix(path, "sdk-guest/") && !strings.HasPrefix(path, "components/") {
			t.Errorf("%s: Go does not compile a file of this name on the host", path)
		}
	})
}

func importsOf(t *testing.T, path string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range f.Imports {
		imp, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, imp)
	}
	return out
}

// walkGo calls f with every Go file of the tree, by its path from root.
func walkGo(t *testing.T, root string, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "dist" || name == "bin") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			f(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ownModules lists the folders below root that are modules of their own.
func ownModules(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.Name() == "go.mod" && filepath.Dir(path) != filepath.Clean(root) {
			rel, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			out = append(out, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return out
}
