// Package componentscmd is `berth components`: what runs behind the components
// of the sidecars on this machine, as they say themselves.
package componentscmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/berth-run/berth/cmd/berth/internal/sidecars"
	"github.com/berth-run/berth/host/api"
)

type options struct {
	appID    string
	httpPort int
	output   string
}

// entry is one line: a plugin, and whose it is.
type entry struct {
	AppID string `json:"appId"`
	api.Plugin
}

// New returns the command.
func New() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "components",
		Short: "Show the components of running sidecars: state, memory, calls, traps",
		Long: `Components asks the running sidecars what they have loaded. Without a flag these
are all sidecars on this machine. The digest is that of the plugin, and shortened;
-o json shows all of it, and the last error. A sidecar that asks for a token gets
that of $DAPR_API_TOKEN.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().StringVarP(&o.appID, "app-id", "a", "", "of this application only")
	cmd.Flags().IntVarP(&o.httpPort, "dapr-http-port", "H", 0, "of the sidecar on this `port` only")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

func (o *options) run(ctx context.Context, w io.Writer) error {
	if o.output != "table" && o.output != "json" {
		return fmt.Errorf("--output: %q is not table or json", o.output)
	}
	chosen, err := o.choose()
	if err != nil {
		return err
	}
	var rows []entry
	var failed []error
	for _, s := range chosen {
		m, err := s.Metadata(ctx)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, p := range m.Plugins {
			rows = append(rows, entry{m.ID, p})
		}
	}
	if len(failed) < len(chosen) {
		if o.output == "json" {
			err = writeJSON(w, rows)
		} else {
			err = writeTable(w, rows, len(chosen) > 1)
		}
	}
	return errors.Join(append(failed, err)...)
}

// choose finds the sidecars to ask.
func (o *options) choose() ([]sidecars.Sidecar, error) {
	if o.httpPort != 0 {
		return []sidecars.Sidecar{{HTTPPort: o.httpPort}}, nil
	}
	running, err := sidecars.Find()
	if err != nil {
		return nil, err
	}
	if o.appID == "" {
		if len(running) == 0 {
			return nil, errors.New("no sidecar runs on this machine")
		}
		return running, nil
	}
	var chosen []sidecars.Sidecar
	var others []string
	for _, s := range running {
		if s.AppID == o.appID {
			chosen = append(chosen, s)
		} else {
			others = append(others, s.String())
		}
	}
	if len(chosen) == 0 {
		if len(others) == 0 {
			return nil, fmt.Errorf("no sidecar of %q runs on this machine", o.appID)
		}
		return nil, fmt.Errorf("no sidecar of %q runs on this machine; there is %s", o.appID, strings.Join(others, ", "))
	}
	return chosen, nil
}

func writeJSON(w io.Writer, rows []entry) error {
	if rows == nil {
		rows = []entry{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

func writeTable(w io.Writer, rows []entry, several bool) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	head := "NAME\tTYPE\tVERSION\tDIGEST\tSTATE\tINSTANCES\tMEMORY\tCALLS\tTRAPS\tRESTARTS"
	if several {
		head = "APP\t" + head
	}
	fmt.Fprintln(t, head)
	for _, r := range rows {
		if several {
			fmt.Fprintf(t, "%s\t", r.AppID)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%d\n", r.Component, r.Type, orDash(r.Version),
			orDash(short(r.Digest)), r.State, r.Instances, size(r.Memory), r.Calls, r.Traps, r.Restarts)
	}
	return t.Flush()
}

// short is the beginning of a digest, enough to tell plugins apart.
func short(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(len(hex), 12)]
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// size writes bytes with a unit and one decimal.
func size(n uint64) string {
	for _, u := range []struct {
		name string
		size float64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if float64(n) >= u.size {
			return strconv.FormatFloat(float64(n)/u.size, 'f', 1, 64) + " " + u.name
		}
	}
	return strconv.FormatUint(n, 10) + " B"
}
