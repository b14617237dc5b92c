// Package runcmd is `berth run`: a sidecar and an application as one unit. Both
// start together, log to one place and end together, however one of them, or
// `berth run` itself, ends.
//
// Four things see to that. Each of the two is the leader of a process group of
// its own, so that what it starts can be ended with it. The kernel sends both a
// SIGTERM when `berth run` dies (Linux). The sidecar holds the reading end of a
// pipe whose other end only `berth run` has: when that closes, whatever closed it,
// the sidecar ends the application's processes and then itself. And it knows those
// processes by a mark in their environment, also when `berth run` died in the
// moment between starting the application and telling the sidecar.
package runcmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ExitError asks for an exit code, when everything there is to say was said.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// options are what the command line says.
type options struct {
	appID              string
	appPort            int
	appProtocol        string
	appAddress         string
	httpPort, grpcPort int
	metricsPort        int
	listen             string
	socket             string
	resources          []string
	runtimePath        string
	grace              time.Duration

	sidecar []string // flags that are handed on as they are
	command []string // the application's
}

// passed are the sidecar's flags that are handed on without a look at them.
var passed = []struct{ name, short, usage string }{
	{"config", "c", "`file` of kind Configuration; may be repeated"},
	{"plugins-path", "", "`folder` of plugins; may be repeated"},
	{"cache-dir", "", "`folder` for compiled plugins; - = none"},
	{"engine", "", "engine that runs plugins"},
	{"log-level", "", "log level of the sidecar: debug, info, warn, error or fatal"},
	{"log-file", "", "`file` for the sidecar's log"},
	{"max-body-size", "", "largest request, such as 4Mi"},
	{"read-buffer-size", "", "largest header of a request, such as 4Ki"},
	{"allowed-origins", "", "`origins` for CORS"},
	{"app-max-concurrency", "", "calls of the application at once"},
	{"app-health-check-path", "", "path that is probed"},
	{"app-health-probe-interval", "", "`seconds` between two probes"},
	{"app-health-probe-timeout", "", "`milliseconds` that a probe may take"},
	{"app-health-threshold", "", "failed probes that make the application unhealthy"},
	{"dapr-internal-grpc-port", "I", "`port` for other sidecars"},
	{"dapr-public-port", "", "`port` that serves health and metadata only"},
	{"dapr-graceful-shutdown-seconds", "", "`seconds` that calls under way may take at the end"},
	{"dapr-block-shutdown-duration", "", "how long the sidecar goes on before it shuts down"},
	{"profile-port", "", "`port` for profiles"},
	{"placement-host-address", "", "addresses of placement services"},
	{"scheduler-host-address", "", "addresses of scheduler services"},
}

// passedSwitches are those that take no value.
var passedSwitches = []struct{ name, short, usage string }{
	{"strict", "", "make errors of what is otherwise ignored in resources"},
	{"log-as-json", "", "the sidecar logs JSON"},
	{"enable-api-logging", "", "the sidecar logs each call"},
	{"enable-app-health-check", "", "probe the application's health"},
	{"enable-profiling", "", "serve profiles"},
}

const long = `Run starts a sidecar, waits until it may be called, and starts the application
with the sidecar's ports in its environment. Without a command only the sidecar
runs. When one of the two ends, the other is ended too; the exit code is the
application's.

Resources come from --resources-path, else from the first of these folders that
exists: .berth/resources, .dapr/resources, ~/.dapr/components. Without any,
~/.berth/components is made, with a state store "statestore" in memory.`

const example = `  berth run -a orders -p 8080 -- node server.js
  berth run -a orders -H 3500`

// New returns the command.
func New() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:     "run [flags] [-- COMMAND [ARG...]]",
		Short:   "Run an application with its sidecar",
		Long:    long,
		Example: example,
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false) // what follows the command is the command's
	fs.StringVarP(&o.appID, "app-id", "a", "", "id of the application (default: the name of the working folder)")
	fs.IntVarP(&o.appPort, "app-port", "p", 0, "`port` that the application listens on")
	fs.StringVarP(&o.appProtocol, "app-protocol", "P", "http", "how the application is called: http, https, h2c, grpc or grpcs")
	fs.StringVar(&o.appAddress, "app-channel-address", "127.0.0.1", "`address` of the application")
	fs.IntVarP(&o.httpPort, "dapr-http-port", "H", 0, "`port` of the HTTP API (default: a free one)")
	fs.IntVarP(&o.grpcPort, "dapr-grpc-port", "G", 0, "`port` of the gRPC API (default: a free one)")
	fs.IntVarP(&o.metricsPort, "metrics-port", "M", 9090, "`port` for metrics")
	fs.StringVar(&o.listen, "dapr-listen-addresses", "127.0.0.1", "`addresses` that the API listens on, with commas")
	fs.StringVarP(&o.socket, "unix-domain-socket", "u", "", "`folder` for Unix sockets, in place of ports")
	fs.StringArrayVarP(&o.resources, "resources-path", "d", nil, "`folder` of resources; may be repeated")
	fs.StringArrayVar(&o.resources, "components-path", nil, "older name of --resources-path")
	fs.StringVar(&o.runtimePath, "runtime-path", "", "`file` of the sidecar's program (default: berthd beside berth, else in $PATH)")
	fs.DurationVar(&o.grace, "stop-timeout", 10*time.Second, "how long the application may take to end before it is killed")
	_ = fs.MarkHidden("components-path")
	for _, f := range passed {
		fs.StringArrayP(f.name, f.short, nil, f.usage+" (sidecar)")
	}
	for _, f := range passedSwitches {
		fs.BoolP(f.name, f.short, false, f.usage)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.complete(fs, args); err != nil {
			return err
		}
		return o.run(cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// complete fills in what the command line leaves open.
func (o *options) complete(fs *pflag.FlagSet, args []string) error {
	o.command = args
	for _, f := range passed {
		values, err := fs.GetStringArray(f.name)
		if err != nil {
			return err
		}
		for _, v := range values {
			o.sidecar = append(o.sidecar, "--"+f.name+"="+v)
		}
	}
	for _, f := range passedSwitches {
		if fs.Changed(f.name) {
			o.sidecar = append(o.sidecar, "--"+f.name+"="+fs.Lookup(f.name).Value.String())
		}
	}
	if o.appID == "" {
		dir, err := os.Getwd()
		if err != nil {
			return fmt.Errorf("no --app-id, and the working folder has no name: %w", err)
		}
		if o.appID = idOf(filepath.Base(dir)); o.appID == "" {
			return fmt.Errorf("no --app-id, and the name of the working folder makes none: give one with --app-id")
		}
	}
	if len(o.resources) == 0 {
		dir, err := defaultResources()
		if err != nil {
			return err
		}
		o.resources = []string{dir}
	}
	return nil
}

// idOf makes an app id of a folder's name: small letters, digits and dashes.
func idOf(name string) string {
	id := strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return '-'
	}, name)
	return strings.Trim(id, "-")
}
