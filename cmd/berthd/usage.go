package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const usageHead = `berthd is a sidecar: it serves the Dapr API to one application, and runs the
components behind it as sandboxed WebAssembly plugins.

Usage: berthd --app-id ID [flags]

Flags may be written with one dash or two.

Plugins are looked for in the folders of --plugins-path; without any, in
../dist/plugins seen from the program's folder, in ~/.berth/plugins, and at last
among those inside the program. Compiled plugins are kept in --cache-dir; without
it in $BERTH_CACHE_DIR, else in berth in the user's cache folder.

The environment: DAPR_API_TOKEN is what callers must send, NAMESPACE and POD_NAME
are the sidecar's, DAPR_HTTP_DISABLE_H2C and DAPR_GRPC_MAX_CONN_IDLE set the servers.

`

// usage prints every flag.
func usage(w io.Writer) error {
	fs, _ := new(settings).flagSet(func(string) string { return "" })
	var b strings.Builder
	b.WriteString(usageHead)
	fs.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		head := "  --" + f.Name
		if value != "" {
			head += " " + value
		}
		fmt.Fprintf(&b, "%-44s %s", head, text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "-1" {
			fmt.Fprintf(&b, " (default %s)", f.DefValue)
		}
		b.WriteByte('\n')
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// explain puts the error of the flag package into our words and adds what was
// probably meant.
func explain(fs *flag.FlagSet, err error) error {
	const unknown = "flag provided but not defined: -"
	name, ok := strings.CutPrefix(err.Error(), unknown)
	if !ok {
		return err
	}
	if near := nearest(fs, name); near != "" {
		return fmt.Errorf("unknown flag --%s: did you mean --%s?", name, near)
	}
	return fmt.Errorf("unknown flag --%s", name)
}

// nearest returns the flag whose name takes the fewest edits to reach, or ""
// when none is close.
func nearest(fs *flag.FlagSet, name string) (best string) {
	least := max(2, len(name)/4) + 1
	fs.VisitAll(func(f *flag.Flag) {
		if d := distance(name, f.Name); d < least {
			least, best = d, f.Name
		}
	})
	return best
}

// distance is the number of inserted, removed and replaced bytes between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
