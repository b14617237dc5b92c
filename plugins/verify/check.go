package verify

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/internal/nearest"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// Check says everything for which h would not take the module wasm with the
// manifest m. The error is a plugins.Errors. m has passed manifest.Check, or is
// nil, and then the module is judged alone.
func Check(wasm []byte, m *proto.Manifest, h Host) error {
	return check(wasm, m, h, abi.Imports())
}

func check(wasm []byte, m *proto.Manifest, h Host, imports []abi.Import) error {
	if e := bounded(wasm); e != nil {
		return plugins.Errors{e}
	}
	mod, err := wasmfile.Parse(wasm)
	if err != nil {
		return plugins.Errors{plugins.Structure(err)}
	}
	c := &checker{mod: mod, manifest: m, host: h, imports: imports, refused: map[string]bool{}}
	if m != nil {
		if major, minor, ok := manifest.ABIVersion(m.ABI); ok && major == h.Major {
			c.minor = minor
		} else {
			c.major(m.ABI)
			return c.found
		}
	} else {
		c.minor = h.Minor
	}
	// Of a module for another major version or another host, nothing else is
	// worth saying.
	if c.foreign() {
		return c.found
	}
	c.memory()
	c.exports()
	unknown := c.importList()
	if m != nil {
		c.asksFor(unknown)
	}
	return c.found.Err()
}

// maxFindings bounds what is said of one module.
const maxFindings = 50

type checker struct {
	mod      *wasmfile.Module
	manifest *proto.Manifest // nil: the module alone
	host     Host
	imports  []abi.Import
	minor    int             // that the manifest asks for
	refused  map[string]bool // capabilities of which it was said that the host lacks them
	found    plugins.Errors
}

func (c *checker) add(code plugins.Code, hint, format string, args ...any) {
	if len(c.found) < maxFindings {
		c.found = append(c.found, &plugins.Error{Code: code, What: fmt.Sprintf(format, args...), Hint: hint})
	}
}

// ourNames are those that carry the ABI's major version.
var ourNames = regexp.MustCompile(`^berth([0-9]{1,4})_`)

func majorOf(name string) (int, bool) {
	match := ourNames.FindStringSubmatch(name)
	if match == nil {
		return 0, false
	}
	n, err := strconv.Atoi(match[1])
	return n, err == nil
}

// major says that the module is for the ABI version theirs, of another major.
func (c *checker) major(theirs string) {
	c.add(plugins.ABIMajor, fmt.Sprintf("use a host for that version, or build it with an SDK for ABI %d", c.host.Major),
		"built for ABI %s, this host speaks ABI %s", theirs, c.host.version())
}

// foreign reports a module that is for something else altogether.
func (c *checker) foreign() bool {
	_, ours := c.mod.Export(fmt.Sprintf("berth%d_call", c.host.Major))
	for _, e := range c.mod.Exports {
		if n, ok := majorOf(e.Name); ok && n != c.host.Major && !ours {
			c.major(fmt.Sprintf("%d (it exports %s)", n, printable(e.Name)))
			return true
		}
	}
	for _, i := range c.mod.Imports {
		if n, ok := majorOf(i.Module); ok && n != c.host.Major {
			c.major(fmt.Sprintf("%d (it imports %s.%s)", n, printable(i.Module), printable(i.Name)))
			return true
		}
		if i.Module == "http_handler" && !ours {
			c.add(plugins.MiddlewareModule, "", "is an http-wasm middleware, which this host version does not load yet")
			return true
		}
	}
	return false
}

// memory checks ABI-001 and ABI-002.
func (c *checker) memory() {
	const rebuild = "build for wasm32-wasip1 without threads"
	for _, i := range c.mod.Imports {
		if i.Kind == wasmfile.ExternMemory {
			c.add(plugins.Memory, "link without --import-memory: a plugin owns its memory", "imports its memory, as %s.%s", printable(i.Module), printable(i.Name))
			return
		}
	}
	switch n := len(c.mod.Memories); {
	case n == 0:
		c.add(plugins.Memory, "build it with the SDK", "has no memory")
		return
	case n > 1:
		c.add(plugins.Memory, "", "has %d memories, want one", n)
		return
	}
	l := c.mod.Memories[0]
	if l.Is64 {
		c.add(plugins.Memory64, rebuild, "its memory has 64-bit addresses")
	}
	if l.Shared {
		c.add(plugins.SharedMemory, rebuild, "its memory is shared between threads")
	}
	switch e, ok := c.mod.Export(abi.ExportMemory); {
	case !ok:
		c.add(plugins.Memory, "link with --export-memory", "does not export its memory as %q", abi.ExportMemory)
	case e.Kind != wasmfile.ExternMemory || e.Index != 0:
		c.add(plugins.Memory, "", "its export %q is a %s, want its memory", abi.ExportMemory, e.Kind)
	}
}

// exports checks ABI-003 and ABI-004.
func (c *checker) exports() {
	_, start := c.mod.Export(abi.ExportStart)
	if start {
		c.add(plugins.StartExported, "build a reactor: -buildmode=c-shared with Go and TinyGo, -mexec-model=reactor with clang, crate type cdylib with Rust",
			"exports %s: it is a program that runs and ends, not a plugin", abi.ExportStart)
	}
	serve := c.manifest != nil && manifest.Mode(c.manifest) == proto.ModeServe
	for _, want := range abi.Exports() {
		e, ok := c.mod.Export(want.Name)
		if !ok {
			if want.Required || serve && want.Name == abi.ExportServe {
				hint := "build it with the SDK, or export the function under that name"
				if start {
					hint = "" // the build mode explains it
				}
				c.add(plugins.ExportMissing, hint, "does not export %s %s", want.Name, want.Signature)
			}
			continue
		}
		if e.Kind != wasmfile.ExternFunc {
			c.add(plugins.ExportSignature, "", "its export %s is a %s, want a function %s", want.Name, e.Kind, want.Signature)
			continue
		}
		t, ok := c.mod.FuncTypeOf(e.Index)
		if !ok {
			c.add(plugins.MalformedWasm, "", "its export %s is function %d, which has no type", want.Name, e.Index)
			continue
		}
		if got := abi.SignatureOf(t.Params, t.Results); got != want.Signature {
			c.add(plugins.ExportSignature, "", "exports %s as %s, want %s", want.Name, got, want.Signature)
		}
	}
}

// importList checks ABI-030, and returns the imports of this major version that
// the table does not have.
func (c *checker) importList() (unknown []string) {
	table := map[string]abi.Import{}
	for _, i := range c.imports {
		table[i.Module+"."+i.Name] = i
	}
	lacking := map[string][]string{} // module that the host does not offer -> names
	var order []string
	for _, i := range c.mod.Imports {
		name := printable(i.Module) + "." + printable(i.Name)
		switch i.Kind {
		case wasmfile.ExternMemory:
			continue // said above
		case wasmfile.ExternFunc:
		default:
			c.add(plugins.ImportSignature, "", "imports the %s %s: the ABI has functions only", i.Kind, name)
			continue
		}
		if uint64(i.Type) >= uint64(len(c.mod.Types)) {
			c.add(plugins.MalformedWasm, "", "imports %s with type %d, which does not exist", name, i.Type)
			continue
		}
		t := c.mod.Types[i.Type]
		known, ok := table[i.Module+"."+i.Name]
		if !ok {
			unknown = append(unknown, name)
			if _, ours := majorOf(i.Module); !ours || c.minor <= c.host.Minor {
				c.unknownImport(i, name)
			}
			continue
		}
		if got := abi.SignatureOf(t.Params, t.Results); got != known.Signature {
			c.add(plugins.ImportSignature, "", "imports %s as %s, the ABI has %s", name, got, known.Signature)
		}
		if int(known.Since) > c.minor {
			c.add(plugins.ImportNewer, fmt.Sprintf(`set abi: "%d.%d" in plugin.yaml and pack it again`, c.host.Major, known.Since),
				"imports %s, which ABI %d.%d brought, but its manifest asks for %d.%d", name, c.host.Major, known.Since, c.host.Major, c.minor)
		}
		if !slices.Contains(c.host.Modules, i.Module) {
			if lacking[i.Module] == nil {
				order = append(order, i.Module)
			}
			lacking[i.Module] = append(lacking[i.Module], i.Name)
			continue
		}
		c.declared(known, name)
	}
	for _, module := range order {
		names := lacking[module]
		needs := "module " + module
		if k := table[module+"."+names[0]].Capability; k == abi.CapServe {
			needs, c.refused[k] = "mode serve", true
		} else if k != abi.CapNone {
			needs, c.refused[k] = "capability "+k, true
		}
		c.add(plugins.NotOffered, "use a later host version, or build it without", "needs %s, which this host version does not offer: it imports %s.%s",
			needs, module, strings.Join(names[:min(len(names), 20)], ", "))
	}
	return unknown
}

// declared checks that the manifest asks for what the import needs: an operator
// reads the manifest to know what a plugin is after.
func (c *checker) declared(i abi.Import, name string) {
	if c.manifest == nil || i.Capability == abi.CapNone {
		return
	}
	if i.Capability == abi.CapServe {
		if manifest.Mode(c.manifest) != proto.ModeServe {
			c.add(plugins.Undeclared, "set concurrency.mode to serve in plugin.yaml", "imports %s, but its manifest does not say mode serve", name)
		}
		return
	}
	if !slices.ContainsFunc(c.manifest.Capabilities, func(k proto.Capability) bool { return k.Name == i.Capability }) {
		c.add(plugins.Undeclared, "add it to capabilities in plugin.yaml, with the reason", "imports %s, but its manifest does not ask for %s", name, i.Capability)
	}
}

func (c *checker) unknownImport(i wasmfile.ImportEntry, name string) {
	hint := ""
	_, ours := majorOf(i.Module)
	switch {
	case ours || i.Module == abi.ImportWASI:
		var names []string
		for _, k := range c.imports {
			if k.Module == i.Module {
				names = append(names, k.Module+"."+k.Name)
			}
		}
		if near, ok := nearest.To(i.Module+"."+i.Name, names); ok {
			hint = "did you mean " + near + "?"
		}
		if i.Module == abi.ImportWASI {
			c.add(plugins.ImportUnknown, hint, "imports %s, which is not a function of WASI preview 1", name)
			return
		}
	case i.Module == "env":
		hint = "a function that the linker did not find, or a build for a browser: link it in, build for wasm32-wasip1"
	case i.Module == "go" || i.Module == "gojs":
		hint = "built for a browser: build with GOOS=wasip1"
	case strings.HasPrefix(i.Module, "__wbindgen") || i.Module == "wbg":
		hint = "wasm-bindgen is for browsers: build without it"
	case strings.HasPrefix(i.Module, "wasi:"):
		hint = "built for WASI preview 2: build for wasm32-wasip1"
	case i.Module == "wasi_unstable":
		hint = "built for WASI preview 0: build with a newer toolchain"
	}
	c.add(plugins.ImportUnknown, hint, "imports %s, which ABI %s does not have", name, c.host.version())
}

// asksFor checks what the manifest wants against what the host has.
func (c *checker) asksFor(unknown []string) {
	if c.minor > c.host.Minor { // ABI-041
		what := fmt.Sprintf("built for ABI %d.%d, this host speaks %s", c.host.Major, c.minor, c.host.version())
		if len(unknown) > 0 {
			what += ", which does not have " + strings.Join(unknown[:min(len(unknown), 10)], ", ")
		}
		c.add(plugins.ABINewer, "use a later host version, or build it with an SDK for ABI "+c.host.version(), "%s", what)
	}
	if manifest.Mode(c.manifest) == proto.ModeServe && !slices.Contains(c.host.Modules, abi.ImportServe) && !c.refused[abi.CapServe] {
		c.add(plugins.NotOffered, "use a later host version, or mode pool or serial", "runs in mode serve, which this host version does not offer")
	}
	for _, k := range c.manifest.Capabilities {
		if k.Required && !c.refused[k.Name] && !slices.Contains(c.host.Capabilities, k.Name) {
			c.add(plugins.NotOffered, "use a later host version", "needs capability %s (%s), which this host version does not offer", k.Name, k.Reason)
		}
	}
	if len(c.host.Kinds) > 0 && !slices.ContainsFunc(c.manifest.Kinds, func(k proto.Kind) bool { return slices.Contains(c.host.Kinds, k.Kind) }) {
		var kinds []string
		for _, k := range c.manifest.Kinds {
			if !slices.Contains(kinds, k.Kind) {
				kinds = append(kinds, k.Kind)
			}
		}
		c.add(plugins.NotOffered, "use a later host version", "implements %s, of which this host version has none: it has %s",
			strings.Join(kinds, ", "), strings.Join(c.host.Kinds, ", "))
	}
}

// printable quotes a name out of a module when it is more than a plain word.
func printable(s string) string {
	plain := s != "" && len(s) <= 100 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) < 0
	if plain {
		return s
	}
	return strconv.Quote(clip(s))
}
