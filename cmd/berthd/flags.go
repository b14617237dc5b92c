package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/observability"
)

// settings is what a command line says.
type settings struct {
	options host.Options

	logLevel slog.Level
	logJSON  bool
	logFile  string

	version, buildInfo, wait bool

	internalPort, metricsPort, profilePort int

	// What `berth run` handed over, nil when there is nothing.
	httpFile, grpcFile, readyFile *os.File

	// notes are for the debug log: flags that were given and have no effect yet.
	notes []string
	// warnings are flags that were given and have a successor.
	warnings []string
}

// usageError is a command line that cannot be followed.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// parse reads a command line in the way of daprd: long flags with one dash or
// two, values after a blank or an equals sign. The error is flag.ErrHelp or a usageError.
func parse(args []string, env func(string) string) (*settings, error) {
	s := &settings{}
	fs, finish := s.flagSet(env)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, flag.ErrHelp
	} else if err != nil {
		return nil, usageError{explain(fs, err)}
	}
	if fs.NArg() > 0 {
		return nil, usageError{fmt.Errorf("unexpected argument %q: every setting is a flag", fs.Arg(0))}
	}
	if err := finish(); err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// flagSet declares every flag. finish is called after Parse: it brings
// together what several flags say.
func (s *settings) flagSet(env func(string) string) (_ *flag.FlagSet, finish func() error) {
	fs := flag.NewFlagSet("berthd", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o := &s.options
	var (
		listen, publicListen, mode string
		level                      = "info"
		maxBody, readBuffer        = quantity(4 << 20), quantity(4 << 10)
		maxRequestMB, readBufferKB int
		graceful                   int
		publicPort                 = -1
		resources, components      list
		ssl                        bool
	)
	fs.StringVar(&o.AppID, "app-id", "", "id of the application")
	fs.IntVar(&o.App.Port, "app-port", 0, "`port` that the application listens on; 0 = it does not")
	fs.StringVar(&o.App.Protocol, "app-protocol", "http", "how the application is called: http, https, h2c, grpc or grpcs")
	fs.StringVar(&o.App.Address, "app-channel-address", "127.0.0.1", "`address` of the application")
	fs.IntVar(&o.App.MaxConcurrency, "app-max-concurrency", -1, "calls of the application at once; -1 = no limit")

	fs.IntVar(&o.HTTPPort, "dapr-http-port", 3500, "`port` of the HTTP API; 0 = a free one")
	fs.IntVar(&o.GRPCPort, "dapr-grpc-port", 50001, "`port` of the gRPC API; 0 = a free one")
	fs.StringVar(&listen, "dapr-listen-addresses", "", "`addresses` that the API listens on, with commas; none = all")
	fs.IntVar(&publicPort, "dapr-public-port", -1, "`port` that serves health and metadata only; -1 = off")
	fs.StringVar(&publicListen, "dapr-public-listen-address", "", "`address` for --dapr-public-port")
	fs.StringVar(&o.UnixSocketDir, "unix-domain-socket", "", "`folder` for Unix sockets, in place of ports")
	fs.IntVar(&s.internalPort, "dapr-internal-grpc-port", 0, "`port` for other sidecars")
	fs.IntVar(&s.profilePort, "profile-port", 7777, "`port` for profiles")
	fs.IntVar(&s.metricsPort, "metrics-port", 9090, "`port` for metrics")

	fs.Var(&resources, "resources-path", "`folder` of resources; may be repeated")
	fs.Var((*list)(&o.ConfigPaths), "config", "`file` of kind Configuration; may be repeated, later ones win")
	fs.StringVar(&mode, "mode", "standalone", "standalone")
	fs.Var(&maxBody, "max-body-size", "largest request, such as 4Mi; negative = no limit")
	fs.Var(&readBuffer, "read-buffer-size", "largest header of a request, such as 4Ki")
	fs.StringVar(&o.AllowedOrigins, "allowed-origins", "", "`origins` for CORS, with commas, or *; none = no CORS")
	fs.IntVar(&graceful, "dapr-graceful-shutdown-seconds", 5, "`seconds` that calls under way may take when the sidecar ends")
	fs.DurationVar(&o.BlockShutdown, "dapr-block-shutdown-duration", 0, "how long to go on after a signal before shutting down")
	fs.BoolVar(&o.APILogging, "enable-api-logging", false, "log each call of the API")

	fs.StringVar(&level, "log-level", "info", "debug, info, warn, error or fatal")
	fs.BoolVar(&s.logJSON, "log-as-json", false, "log JSON")
	fs.StringVar(&s.logFile, "log-file", "", "`file` to log to, in place of standard output")
	fs.BoolVar(&s.version, "version", false, "print the version and exit")
	fs.BoolVar(&s.buildInfo, "build-info", false, "print how the program was built and exit")
	fs.BoolVar(&s.wait, "wait", false, "wait until the sidecar on --dapr-http-port is ready, up to 60 s, and exit")

	fs.Var((*list)(&o.PluginsPaths), "plugins-path", "`folder` of plugins; may be repeated, the first that has a type wins")
	fs.BoolVar(&o.Strict, "strict", false, "make errors of what is otherwise ignored in resources")
	fs.StringVar(&o.Engine, "engine", "wazero", "engine that runs plugins: wazero, or wasmtime in builds that have it")
	fs.StringVar(&o.CacheDir, "cache-dir", "", "`folder` for compiled plugins; - = none")

	fs.Var(&components, "components-path", "older name of --resources-path")
	fs.IntVar(&maxRequestMB, "dapr-http-max-request-size", 0, "older form of --max-body-size, in MB")
	fs.IntVar(&readBufferKB, "dapr-http-read-buffer-size", 0, "older form of --read-buffer-size, in KB")
	fs.BoolVar(&ssl, "app-ssl", false, "older form of --app-protocol https or grpcs")
	for _, f := range inertFlags {
		declare(fs, f)
	}

	return fs, func() (err error) {
		given := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
		s.remark(given)
		if s.logLevel, err = observability.ParseLevel(level); err != nil {
			return fmt.Errorf("--log-level: %w", err)
		}
		if mode != "standalone" {
			return fmt.Errorf("--mode: %q is not supported: this version runs standalone", mode)
		}
		o.ResourcesPaths = append(resources, components...)
		if given["dapr-http-max-request-size"] && !given["max-body-size"] {
			maxBody = quantity(maxRequestMB) << 20
		}
		if given["dapr-http-read-buffer-size"] && !given["read-buffer-size"] {
			readBuffer = quantity(readBufferKB) << 10
		}
		o.MaxBodySize, o.ReadBufferSize = int64(maxBody), int(readBuffer)
		if ssl {
			switch o.App.Protocol {
			case "http":
				o.App.Protocol = "https"
			case "grpc":
				o.App.Protocol = "grpcs"
			}
		}
		for a := range strings.SplitSeq(listen, ",") {
			if a = strings.TrimSpace(a); a != "" {
				o.ListenAddresses = append(o.ListenAddresses, a)
			}
		}
		if publicPort >= 0 {
			o.PublicAddress = net.JoinHostPort(publicListen, strconv.Itoa(publicPort))
		}
		o.GracefulShutdown = time.Duration(max(graceful, 0)) * time.Second
		o.Namespace, o.PodName = env("NAMESPACE"), env("POD_NAME")
		o.APIToken = env("DAPR_API_TOKEN")
		o.DisableH2C = truthy(env("DAPR_HTTP_DISABLE_H2C"))
		if v := env("DAPR_GRPC_MAX_CONN_IDLE"); v != "" {
			if o.GRPCMaxIdle, err = time.ParseDuration(v); err != nil {
				return fmt.Errorf("DAPR_GRPC_MAX_CONN_IDLE: %q is not a duration such as 3m", v)
			}
		}
		return nil
	}
}

// remark notes what has no effect or a successor.
func (s *settings) remark(given map[string]bool) {
	for _, f := range inertFlags {
		if given[f.name] {
			s.notes = append(s.notes, "--"+f.name+" has no effect in this version")
		}
	}
	for _, name := range []string{"app-max-concurrency", "dapr-internal-grpc-port", "metrics-port", "profile-port"} {
		if given[name] {
			s.notes = append(s.notes, "--"+name+" is told to whoever asks, and has no other effect in this version")
		}
	}
	for _, d := range []struct{ old, now string }{
		{"components-path", "--resources-path"},
		{"dapr-http-max-request-size", "--max-body-size"},
		{"dapr-http-read-buffer-size", "--read-buffer-size"},
		{"app-ssl", "--app-protocol https or grpcs"},
	} {
		if given[d.old] {
			s.warnings = append(s.warnings, "--"+d.old+" is deprecated: use "+d.now)
		}
	}
}

// inertFlags are flags of daprd's that are read and have no effect yet: what
// they set is not part of this version. The type of a flag is that of its default.
var inertFlags = []inertFlag{
	{"actors-service", "", "type and address of the actors service"},
	{"actors-disseminate-timeout", 30 * time.Second, "how long to wait for a new placement table"},
	{"app-binding-options-timeout", 3 * time.Second, "how long the application may take to say which bindings it takes"},
	{"app-health-check-path", "/healthz", "path that is probed"},
	{"app-health-probe-interval", 5, "seconds between two probes"},
	{"app-health-probe-timeout", 500, "milliseconds that a probe may take"},
	{"app-health-threshold", 3, "failed probes that make the application unhealthy"},
	{"control-plane-address", "", "address of the control plane"},
	{"control-plane-namespace", "default", "namespace of the control plane"},
	{"control-plane-trust-domain", "localhost", "trust domain of the control plane"},
	{"dapr-internal-grpc-listen-address", "", "address for other sidecars"},
	{"disable-builtin-k8s-secret-store", false, "leave the Kubernetes secret store out"},
	{"disable-init-endpoints", "", "endpoints of the application that are not called at start, with commas: config, subscribe"},
	{"enable-app-health-check", false, "probe the application's health"},
	{"enable-metrics", true, "serve metrics"},
	{"enable-mtls", false, "encrypt calls between sidecars"},
	{"enable-profiling", false, "serve profiles"},
	{"hot-reload-reconcile-interval", time.Duration(0), "how often resources are compared with what runs"},
	{"metrics-listen-address", "0.0.0.0", "address for metrics"},
	{"placement-host-address", "", "addresses of placement services, with commas"},
	{"reminders-service", "", "type and address of the reminders service"},
	{"scheduler-host-address", "", "addresses of scheduler services, with commas"},
	{"scheduler-job-streams", 3, "streams to each scheduler"},
	{"sentry-address", "", "address of the certificate authority"},
	{"sentry-request-jwt-audiences", "", "audiences for which a token is requested"},
}

type inertFlag struct {
	name  string
	value any
	usage string
}

// declare adds a flag whose value is checked and dropped.
func declare(fs *flag.FlagSet, f inertFlag) {
	usage := f.usage + " (no effect yet)"
	switch v := f.value.(type) {
	case string:
		fs.String(f.name, v, usage)
	case int:
		fs.Int(f.name, v, usage)
	case bool:
		fs.Bool(f.name, v, usage)
	case time.Duration:
		fs.Duration(f.name, v, usage)
	default:
		panic("no flag holds a " + fmt.Sprintf("%T", v))
	}
}

// list is a flag that may be repeated, and whose value may have commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(*l, v) {
			*l = append(*l, v)
		}
	}
	return nil
}

// truthy reads a variable as Dapr does: whatever is not a yes is a no.
func truthy(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "y", "yes", "true", "t", "on", "1":
		return true
	}
	return false
}
