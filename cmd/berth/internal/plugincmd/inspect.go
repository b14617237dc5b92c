package plugincmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/verify"
	"github.com/berth-run/berth/plugins/wasmfile"
)

func inspect() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a plugin is, what it wants, and whether this host takes it",
		Long: `Show what a plugin is, what it wants to be granted, what it imports and
exports, and whether this host would load it. Nothing of it is run.

The exit code is 0 when this host would load it, and 1 when not.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var write func(io.Writer, *report) error
			switch format {
			case "text":
				write = writeText
			case "json":
				write = writeJSON
			default:
				return fmt.Errorf("unknown output format %q: want text or json", format)
			}
			wasm, err := readModule(args[0])
			if err != nil {
				return err
			}
			r := examine(args[0], wasm)
			if err := write(c.OutOrStdout(), r); err != nil {
				return err
			}
			if !r.Loadable {
				return fmt.Errorf("%s: this host would refuse it (%s)", args[0], reasons(len(r.Problems)))
			}
			return nil
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "text", "output format: text or json")
	return c
}

func reasons(n int) string {
	if n == 1 {
		return "1 reason"
	}
	return fmt.Sprintf("%d reasons", n)
}

// report is all that inspect finds out; its JSON is an interface to scripts,
// to which fields are added only.
type report struct {
	File     string          `json:"file"`
	Digest   string          `json:"digest"`
	Size     int             `json:"size"`
	HostABI  string          `json:"hostABI"`
	Loadable bool            `json:"loadable"`
	Problems []problem       `json:"problems,omitempty"`
	Manifest json.RawMessage `json:"manifest,omitempty"`
	Imports  []function      `json:"imports,omitempty"`
	Exports  []function      `json:"exports,omitempty"`

	manifest *proto.Manifest
}

type problem struct {
	Code plugins.Code `json:"code"`
	What string       `json:"what"`
	Hint string       `json:"hint,omitempty"`
}

type function struct {
	Module     string `json:"module,omitempty"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Signature  string `json:"signature,omitempty"`
	Capability string `json:"capability,omitempty"`
}

func examine(file string, wasm []byte) *report {
	host := verify.Current()
	r := &report{File: file, Digest: verify.Digest(wasm), Size: len(wasm), HostABI: fmt.Sprintf("%d.%d", host.Major, host.Minor)}
	m, err := manifest.Read(wasm)
	found := plugins.All(err)
	if err == nil {
		r.manifest = m
		if r.Manifest, err = manifest.JSON(m); err != nil {
			found = append(found, plugins.All(err)...)
		}
	}
	// What is wrong with the file itself, reading the manifest met as well.
	before := found.Err()
	for _, e := range plugins.All(verify.Check(wasm, m, host)) {
		if !plugins.Has(before, e.Code) {
			found = append(found, e)
		}
	}
	for _, e := range found {
		r.Problems = append(r.Problems, problem{e.Code, e.What, e.Hint})
	}
	r.Loadable = len(found) == 0
	if plugins.Has(found.Err(), plugins.TooLarge) {
		return r // reading its parts would cost many times its size
	}
	if mod, err := wasmfile.Parse(wasm); err == nil {
		r.Imports, r.Exports = imports(mod), exports(mod)
	}
	return r
}

func imports(mod *wasmfile.Module) []function {
	capability := map[string]string{}
	for _, i := range abi.Imports() {
		capability[i.Module+"."+i.Name] = i.Capability
	}
	var out []function
	for _, i := range mod.Imports {
		f := function{Module: i.Module, Name: i.Name, Kind: i.Kind.String(), Capability: capability[i.Module+"."+i.Name]}
		if i.Kind == wasmfile.ExternFunc && uint64(i.Type) < uint64(len(mod.Types)) {
			t := mod.Types[i.Type]
			f.Signature = abi.SignatureOf(t.Params, t.Results).String()
		}
		out = append(out, f)
	}
	return out
}

func exports(mod *wasmfile.Module) []function {
	var out []function
	for _, e := range mod.Exports {
		f := function{Name: e.Name, Kind: e.Kind.String()}
		if e.Kind == wasmfile.ExternFunc {
			if t, ok := mod.FuncTypeOf(e.Index); ok {
				f.Signature = abi.SignatureOf(t.Params, t.Results).String()
			}
		}
		out = append(out, f)
	}
	return out
}

func writeJSON(w io.Writer, r *report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func writeText(w io.Writer, r *report) error {
	var b bytes.Buffer
	first := []manifest.Row{{Key: "file", Value: r.File}, {Key: "digest", Value: r.Digest}, {Key: "size", Value: size(r.Size)}}
	if r.manifest != nil {
		if err := manifest.WriteText(&b, r.manifest, first...); err != nil {
			return err
		}
	} else {
		for _, row := range first {
			fmt.Fprintf(&b, "%-8s%s\n", row.Key, row.Value)
		}
	}
	writeImports(&b, r.Imports)
	writeExports(&b, r.Exports)
	if r.Loadable {
		fmt.Fprintf(&b, "\nthis host (ABI %s) would load it\n", r.HostABI)
	} else {
		fmt.Fprintf(&b, "\nthis host (ABI %s) would refuse it:\n", r.HostABI)
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "  %s [%s]\n", p.What, p.Code)
			if p.Hint != "" {
				fmt.Fprintf(&b, "    %s\n", p.Hint)
			}
		}
	}
	_, err := b.WriteTo(w)
	return err
}

// listed is how many names of a module's imports, or how many exports, are shown.
const listed = 40

// writeImports writes a line for each module that is imported from.
func writeImports(b *bytes.Buffer, list []function) {
	names, kinds := map[string][]string{}, map[string]string{}
	var order []string
	for _, f := range list {
		if names[f.Module] == nil {
			order = append(order, f.Module)
		}
		names[f.Module] = append(names[f.Module], plugins.Printable(f.Name))
		if f.Capability != "" {
			kinds[f.Module] = " (needs " + f.Capability + ")"
		}
	}
	if len(order) == 0 {
		b.WriteString("\nimports nothing\n")
		return
	}
	b.WriteString("\nimports\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, module := range order[:min(len(order), listed)] {
		fmt.Fprintf(t, "  %s%s\t%s\n", plugins.Printable(module), kinds[module], some(names[module]))
	}
	t.Flush() // into memory: it does not fail
}

func writeExports(b *bytes.Buffer, list []function) {
	if len(list) == 0 {
		return
	}
	var names []string
	for _, f := range list {
		names = append(names, plugins.Printable(f.Name))
	}
	fmt.Fprintf(b, "\nexports\n  %s\n", some(names))
}

func some(names []string) string {
	if len(names) > listed {
		return strings.Join(names[:listed], ", ") + fmt.Sprintf(" and %d more", len(names)-listed)
	}
	return strings.Join(names, ", ")
}
