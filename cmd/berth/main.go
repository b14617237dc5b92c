// Command berth runs applications with their sidecars, shows what runs and
// works on plugins. Each subcommand is a package of its own below internal.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/berth-run/berth/cmd/berth/internal/componentscmd"
	"github.com/berth-run/berth/cmd/berth/internal/plugincmd"
	"github.com/berth-run/berth/cmd/berth/internal/runcmd"
	"github.com/berth-run/berth/host"
)

// The kernel tells children of their parent's death when the thread that
// started them ends. This goroutine keeps the process's first thread, which
// ends with the process.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	root := &cobra.Command{
		Use:           "berth",
		Short:         "Run applications with a Berth sidecar, and work on plugins",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(runcmd.New(), componentscmd.New(), plugincmd.New(), versionCommand())
	root.SetArgs(args)
	err := root.Execute()
	var exit *runcmd.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	}
	fmt.Fprintln(os.Stderr, "berth:", err)
	return 1
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of Berth and of the Dapr API that it offers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Berth: %s\nDapr API: %s\n", host.Version, host.DaprVersion)
			return err
		},
	}
}
