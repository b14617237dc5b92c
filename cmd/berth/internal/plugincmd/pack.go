package plugincmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/verify"
)

func pack() *cobra.Command {
	var source, out string
	c := &cobra.Command{
		Use:   "pack FILE",
		Short: "Put the manifest into a module",
		Long: `Put the manifest, plugin.yaml, into a module and so make a plugin of it. A
manifest that is in it already is replaced; all else stays as it is.

The module is checked first: exports, imports, memory. One that needs what only
a later host version offers is packed, with a note.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				out = args[0]
			}
			src, err := os.ReadFile(source)
			if err != nil {
				return err
			}
			m, err := manifest.Parse(source, src)
			if err != nil {
				return err
			}
			wasm, err := readModule(args[0])
			if err != nil {
				return err
			}
			if err := verify.Check(wasm, m, verify.Complete()); err != nil {
				return at(args[0], err)
			}
			packed, err := manifest.Embed(wasm, m)
			if err != nil {
				return at(args[0], err)
			}
			if err := replace(out, packed); err != nil {
				return err
			}
			for _, e := range plugins.All(verify.Check(packed, m, verify.Current())) {
				fmt.Fprintln(c.ErrOrStderr(), "note: this host version would refuse it:", e)
			}
			var types []string
			for _, k := range m.Kinds {
				types = append(types, k.Type+"/"+strings.Join(k.Versions, ","))
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s  %s %s  %s  %s\n", out, m.Name, m.Version, strings.Join(types, " "), verify.Digest(packed))
			return err
		},
	}
	c.Flags().StringVar(&source, "manifest", "plugin.yaml", "the manifest's source")
	c.Flags().StringVarP(&out, "output", "o", "", "the file to write (default: FILE itself)")
	return c
}

// at names the file in every reason.
func at(file string, err error) error {
	var out plugins.Errors
	for _, e := range plugins.All(err) {
		out = append(out, e.At(file))
	}
	return out
}

// replace writes the file under another name and renames it, so that a host
// which looks into the folder meanwhile sees the old one or the new one whole.
func replace(path string, b []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
