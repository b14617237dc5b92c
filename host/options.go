package host

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"time"

	"github.com/berth-run/berth/host/resource"
)

// Options say what a sidecar is. Zero values mean what the comments say; the
// defaults of daprd's flags are those of cmd/berthd.
type Options struct {
	// AppID is the id of the application. It is required.
	AppID string
	// Namespace is the sidecar's own; "" = none.
	Namespace string
	// PodName fills {podName} in metadata of components.
	PodName string
	// App is how the application is reached.
	App App

	// ResourcesPaths are folders of resources: components and the like.
	ResourcesPaths []string
	// ConfigPaths are files of kind Configuration, each laid over the ones before.
	ConfigPaths []string
	// Strict makes errors of what Dapr reads in silence.
	Strict bool
	// LookupEnv reads the environment for envRef and configuration files; nil = os.LookupEnv.
	LookupEnv resource.LookupEnv

	// PluginsPaths are folders of plugins, looked through in this order. One that does not exist is empty.
	PluginsPaths []string
	// Embedded holds the plugins that come with the program, for types that no folder has; nil = none.
	Embedded fs.FS
	// Engine runs the plugins: "wazero", which "" means too, or "wasmtime" in builds that have it.
	Engine string
	// CacheDir keeps compiled code from one start to the next; "" = nowhere.
	CacheDir string

	// HTTP and GRPC are the ports of the API; 0 takes a free one.
	HTTPPort, GRPCPort int
	// HTTPListener and GRPCListener, when given, are used in place of the ports and ListenAddresses.
	HTTPListener, GRPCListener net.Listener
	// ListenAddresses are the hosts that the API listens on; empty = all.
	ListenAddresses []string
	// UnixSocketDir is where the API listens on Unix sockets in place of ports; "" = it does not.
	UnixSocketDir string
	// PublicAddress serves health and metadata only; "" = off.
	PublicAddress string

	MaxBodySize    int64  // bytes of a request; 0 = 4 MiB, negative = no limit
	ReadBufferSize int    // bytes of a request's header; 0 = 4 KiB
	AllowedOrigins string // CORS: "" = off, "*", or a list with commas
	APIToken       string // what callers must send; "" = nothing
	DisableH2C     bool
	GRPCMaxIdle    time.Duration // 0 = 3 minutes
	APILogging     bool          // log each call, whatever the Configuration says

	// GracefulShutdown is how long calls that run may take to end; 0 = not at all.
	GracefulShutdown time.Duration
	// BlockShutdown is how long the sidecar goes on as before after it was asked to end.
	BlockShutdown time.Duration

	// Log is where the sidecar logs; nil = nowhere.
	Log *slog.Logger
}

// App is how the application is reached.
type App struct {
	Port           int    // 0 = the application does not listen
	Protocol       string // http, https, h2c, grpc or grpcs; "" = http
	Address        string // "" = 127.0.0.1
	MaxConcurrency int    // calls at once; 0 or less = no limit
	// Health says how the application is probed; nil = it is not.
	Health *AppHealth
}

// AppHealth says how the application's health is probed.
type AppHealth struct {
	Path              string
	Interval, Timeout time.Duration
	Threshold         int
}

func (o *Options) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.AppID == "" {
		bad("the app id is empty: give one with --app-id")
	}
	for _, p := range []struct {
		name  string
		value int
	}{{"--dapr-http-port", o.HTTPPort}, {"--dapr-grpc-port", o.GRPCPort}, {"--app-port", o.App.Port}} {
		if p.value < 0 || p.value > 65535 {
			bad("%s: %d is not a port", p.name, p.value)
		}
	}
	if o.HTTPPort != 0 && o.HTTPPort == o.GRPCPort && o.UnixSocketDir == "" {
		bad("--dapr-http-port and --dapr-grpc-port are both %d", o.HTTPPort)
	}
	switch o.App.Protocol {
	case "", "http", "https", "h2c", "grpc", "grpcs":
	default:
		bad("--app-protocol: %q is not http, https, h2c, grpc or grpcs", o.App.Protocol)
	}
	switch o.Engine {
	case "", "wazero", "wasmtime":
	default:
		bad("--engine: %q is not wazero or wasmtime", o.Engine)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.App.Address == "" {
		o.App.Address = "127.0.0.1"
	}
	if o.App.Protocol == "" {
		o.App.Protocol = "http"
	}
	if o.Engine == "" {
		o.Engine = "wazero"
	}
	return errors.Join(errs...)
}
