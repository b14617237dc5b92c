// Package plugincmd is `berth plugin`: what an author or operator does with a
// built plugin. It reads and writes files; it runs no plugin.
//
//	root.AddCommand(plugincmd.New())
package plugincmd

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/catalog"
)

// New returns the command with its subcommands. Results go to the command's
// output, notes to its error output; an error that is returned has not been printed.
func New() *cobra.Command {
	c := &cobra.Command{
		Use:   "plugin",
		Short: "Look at plugins and pack them",
		Long:  "Look at plugins and pack them. A plugin is one .wasm file with its manifest inside.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(inspect(), pack())
	return c
}

// readModule reads a file of at most the size that a catalogue takes.
func readModule(path string) ([]byte, error) {
	refuse := func(code plugins.Code, format string, args ...any) ([]byte, error) {
		return nil, &plugins.Error{Code: code, Where: path, What: fmt.Sprintf(format, args...)}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return refuse(plugins.Unreadable, "is a folder")
	case !info.Mode().IsRegular():
		return refuse(plugins.Unreadable, "is not a regular file")
	case info.Size() > catalog.DefaultMaxSize:
		return refuse(plugins.TooLarge, "has %d bytes, the limit is %d", info.Size(), catalog.DefaultMaxSize)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, catalog.DefaultMaxSize))
}

// size writes a number of bytes for people.
func size(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB (%d bytes)", float64(n)/(1<<20), n)
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB (%d bytes)", float64(n)/(1<<10), n)
	}
	return fmt.Sprintf("%d bytes", n)
}
