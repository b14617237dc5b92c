package main

import (
	"errors"
	"flag"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/berth-run/berth/host"
)

func noEnv(string) string { return "" }

// daprdFlags are the flags of Dapr 1.18's daprd, each with a value that it takes.
var daprdFlags = map[string]string{
	"actors-disseminate-timeout": "10s", "actors-service": "placement:x", "allowed-origins": "*",
	"app-binding-options-timeout": "5s", "app-channel-address": "127.0.0.2", "app-health-check-path": "/h",
	"app-health-probe-interval": "7", "app-health-probe-timeout": "100", "app-health-threshold": "2", "app-id": "orders",
	"app-max-concurrency": "3", "app-port": "8080", "app-protocol": "grpc", "app-ssl": "true", "build-info": "true",
	"components-path": "/c", "config": "/cfg.yaml", "control-plane-address": "x:1", "control-plane-namespace": "ns",
	"control-plane-trust-domain": "td", "dapr-block-shutdown-duration": "2s", "dapr-graceful-shutdown-seconds": "9",
	"dapr-grpc-port": "1", "dapr-http-max-request-size": "8", "dapr-http-port": "2", "dapr-http-read-buffer-size": "8",
	"dapr-internal-grpc-listen-address": "0.0.0.0", "dapr-internal-grpc-port": "3", "dapr-listen-addresses": "127.0.0.1",
	"dapr-public-listen-address": "0.0.0.0", "dapr-public-port": "3501", "disable-builtin-k8s-secret-store": "true",
	"disable-init-endpoints": "config,subscribe", "enable-api-logging": "true", "enable-app-health-check": "true",
	"enable-metrics": "false", "enable-mtls": "true", "enable-profiling": "true", "hot-reload-reconcile-interval": "1m",
	"log-as-json": "true", "log-file": "/log", "log-level": "debug", "max-body-size": "16Mi",
	"metrics-listen-address": "127.0.0.1", "metrics-port": "9091", "mode": "standalone", "placement-host-address": "localhost:50005",
	"profile-port": "7778", "read-buffer-size": "8Ki", "reminders-service": "x:y", "resources-path": "/r",
	"scheduler-host-address": "localhost:50006", "scheduler-job-streams": "1", "sentry-address": "x:1",
	"sentry-request-jwt-audiences": "a,b", "unix-domain-socket": "/tmp", "version": "true", "wait": "true",
}

func TestEveryFlagOfDaprd(t *testing.T) {
	for name, value := range daprdFlags {
		forms := [][]string{{"--" + name + "=" + value}, {"-" + name + "=" + value}}
		switch value {
		case "true":
			forms = append(forms, []string{"--" + name})
		case "false":
		default:
			forms = append(forms, []string{"--" + name, value}, []string{"-" + name, value})
		}
		for _, args := range forms {
			t.Run(strings.Join(args, " "), func(t *testing.T) {
				if _, err := parse(args, noEnv); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// What has no effect is not silent about it, and the help says so too.
func TestInertFlags(t *testing.T) {
	var help strings.Builder
	if err := usage(&help); err != nil {
		t.Fatal(err)
	}
	for _, f := range inertFlags {
		value, ok := daprdFlags[f.name]
		if !ok {
			t.Errorf("--%s is no flag of daprd's: one of our own has to have an effect", f.name)
			continue
		}
		s, err := parse([]string{"--" + f.name + "=" + value}, noEnv)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := []string{"--" + f.name + " has no effect in this version"}; !cmp.Equal(s.notes, want) {
			t.Errorf("--%s: got the notes %q, want %q", f.name, s.notes, want)
		}
		if _, line, ok := strings.Cut(help.String(), "--"+f.name+" "); !ok || !strings.Contains(strings.SplitN(line, "\n", 2)[0], "no effect yet") {
			t.Errorf("the help does not say that --%s has no effect", f.name)
		}
	}
	s, err := parse([]string{"--app-id=x"}, noEnv)
	if err != nil || len(s.notes) != 0 || len(s.warnings) != 0 {
		t.Errorf("got %v, %v, %v, want no notes for what was not given", err, s.notes, s.warnings)
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	var help strings.Builder
	if err := usage(&help); err != nil {
		t.Fatal(err)
	}
	for name := range daprdFlags {
		if !strings.Contains(help.String(), "\n  --"+name) {
			t.Errorf("--%s is not in the help", name)
		}
	}
	if _, err := parse([]string{"--help"}, noEnv); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v, want flag.ErrHelp", err)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ args, want string }{
		{"--ap-id x", "unknown flag --ap-id: did you mean --app-id?"},
		{"--resource-path x", "unknown flag --resource-path: did you mean --resources-path?"},
		{"--dapr-http-prot=1", "unknown flag --dapr-http-prot: did you mean --dapr-http-port?"},
		{"--no-such-thing-at-all", "unknown flag --no-such-thing-at-all"},
		{"--app-port many", `invalid value "many" for flag -app-port: parse error`},
		{"--enable-metrics=perhaps", `invalid boolean value "perhaps" for -enable-metrics: parse error`},
		{"--max-body-size 4MB", `invalid value "4MB" for flag -max-body-size: want a size such as 4Mi`},
		{"--app-health-probe-interval 5s", `invalid value "5s" for flag -app-health-probe-interval: parse error`},
		{"--app-id", "flag needs an argument: -app-id"},
		{"--app-id x run", `unexpected argument "run": every setting is a flag`},
		{"--log-level loud", `--log-level: "loud" is not a log level: use debug, info, warn, error or fatal`},
		{"--mode kubernetes", `--mode: "kubernetes" is not supported: this version runs standalone`},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			_, err := parse(strings.Fields(tt.args), noEnv)
			var usage usageError
			if !errors.As(err, &usage) || err.Error() != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	standard := func() *settings {
		return &settings{
			logLevel: slog.LevelInfo, metricsPort: 9090, profilePort: 7777,
			options: host.Options{
				App:      host.App{Protocol: "http", Address: "127.0.0.1", MaxConcurrency: -1},
				HTTPPort: 3500, GRPCPort: 50001, Engine: "wazero",
				MaxBodySize: 4 << 20, ReadBufferSize: 4 << 10, GracefulShutdown: 5 * time.Second,
			},
		}
	}
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want func(*settings)
	}{
		{name: "nothing"},
		{
			name: "what dapr run passes",
			args: []string{
				"--app-id", "orders", "--dapr-http-port", "3501", "--dapr-grpc-port", "50002", "--log-level", "info",
				"--app-max-concurrency", "-1", "--app-protocol", "http", "--metrics-port", "9095", "--dapr-internal-grpc-port", "5007",
				"--app-port", "8080", "--placement-host-address", "localhost:50005", "--scheduler-host-address", "localhost:50006",
				"--resources-path", "/home/u/.dapr/components", "--config", "/home/u/.dapr/config.yaml", "--dapr-http-max-request-size", "4",
			},
			want: func(s *settings) {
				o := &s.options
				o.AppID, o.HTTPPort, o.GRPCPort, o.App.Port = "orders", 3501, 50002, 8080
				o.ResourcesPaths, o.ConfigPaths = []string{"/home/u/.dapr/components"}, []string{"/home/u/.dapr/config.yaml"}
				s.metricsPort, s.internalPort = 9095, 5007
				s.notes = []string{
					"--placement-host-address has no effect in this version",
					"--scheduler-host-address has no effect in this version",
					"--app-max-concurrency is told to whoever asks, and has no other effect in this version",
					"--dapr-internal-grpc-port is told to whoever asks, and has no other effect in this version",
					"--metrics-port is told to whoever asks, and has no other effect in this version",
				}
				s.warnings = []string{"--dapr-http-max-request-size is deprecated: use --max-body-size"}
			},
		},
		{
			name: "lists",
			args: []string{"--resources-path=/a,/b", "--resources-path=/c", "--components-path=/d", "--plugins-path=/p", "--plugins-path=/q", "--config=/x", "--config=/y"},
			want: func(s *settings) {
				o := &s.options
				o.ResourcesPaths, o.PluginsPaths, o.ConfigPaths = []string{"/a", "/b", "/c", "/d"}, []string{"/p", "/q"}, []string{"/x", "/y"}
				s.warnings = []string{"--components-path is deprecated: use --resources-path"}
			},
		},
		{
			name: "older forms",
			args: []string{"--dapr-http-max-request-size=16", "--dapr-http-read-buffer-size=8", "--app-ssl", "--app-protocol=grpc"},
			want: func(s *settings) {
				s.options.MaxBodySize, s.options.ReadBufferSize, s.options.App.Protocol = 16<<20, 8<<10, "grpcs"
				s.warnings = []string{
					"--dapr-http-max-request-size is deprecated: use --max-body-size",
					"--dapr-http-read-buffer-size is deprecated: use --read-buffer-size",
					"--app-ssl is deprecated: use --app-protocol https or grpcs",
				}
			},
		},
		{
			name: "the newer form wins",
			args: []string{"--dapr-http-max-request-size=16", "--max-body-size=1Mi"},
			want: func(s *settings) {
				s.options.MaxBodySize = 1 << 20
				s.warnings = []string{"--dapr-http-max-request-size is deprecated: use --max-body-size"}
			},
		},
		{
			name: "addresses",
			args: []string{"--dapr-listen-addresses=[::1], 127.0.0.1", "--dapr-public-port=3501", "--dapr-public-listen-address=0.0.0.0", "--unix-domain-socket=/tmp"},
			want: func(s *settings) {
				s.options.ListenAddresses, s.options.PublicAddress, s.options.UnixSocketDir = []string{"[::1]", "127.0.0.1"}, "0.0.0.0:3501", "/tmp"
			},
		},
		{
			name: "switches and the rest",
			args: []string{"--strict", "--log-as-json", "--enable-api-logging=true", "--log-level=WARN", "--log-file=/l", "--engine=wasmtime",
				"--cache-dir=-", "--dapr-graceful-shutdown-seconds=0", "--dapr-block-shutdown-duration=3s", "--allowed-origins=*", "--max-body-size=-1"},
			want: func(s *settings) {
				o := &s.options
				o.Strict, o.APILogging, o.Engine, o.CacheDir, o.AllowedOrigins = true, true, "wasmtime", "-", "*"
				o.GracefulShutdown, o.BlockShutdown, o.MaxBodySize = 0, 3*time.Second, -1
				s.logJSON, s.logLevel, s.logFile = true, slog.LevelWarn, "/l"
			},
		},
		{
			name: "environment",
			env: map[string]string{
				"NAMESPACE": "ns", "POD_NAME": "pod-1", "DAPR_API_TOKEN": "secret", "DAPR_HTTP_DISABLE_H2C": "true", "DAPR_GRPC_MAX_CONN_IDLE": "90s",
			},
			want: func(s *settings) {
				o := &s.options
				o.Namespace, o.PodName, o.APIToken, o.DisableH2C, o.GRPCMaxIdle = "ns", "pod-1", "secret", true, 90*time.Second
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(tt.args, func(name string) string { return tt.env[name] })
			if err != nil {
				t.Fatal(err)
			}
			want := standard()
			if tt.want != nil {
				tt.want(want)
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(settings{}), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("settings (-want +got):\n%s", d)
			}
		})
	}
	if _, err := parse(nil, func(name string) string {
		return map[string]string{"DAPR_GRPC_MAX_CONN_IDLE": "soon"}[name]
	}); err == nil || !strings.Contains(err.Error(), "DAPR_GRPC_MAX_CONN_IDLE") {
		t.Errorf("a bad variable: got %v, want an error that names it", err)
	}
}

func TestQuantity(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		text string
	}{
		{"4Mi", 4 << 20, "4Mi"}, {"4Ki", 4 << 10, "4Ki"}, {"1Gi", 1 << 30, "1024Mi"}, {"1.5Ki", 1536, "1536"},
		{"500k", 500_000, "500000"}, {"2M", 2_000_000, "2000000"}, {"0", 0, "0"}, {"-1", -1, "-1"}, {"123", 123, "123"},
	}
	for _, tt := range tests {
		var q quantity
		if err := q.Set(tt.in); err != nil || int64(q) != tt.want || q.String() != tt.text {
			t.Errorf("%s: got %d, %q, %v, want %d, %q", tt.in, int64(q), q.String(), err, tt.want, tt.text)
		}
	}
	for _, in := range []string{"", "Mi", "4MB", "four", "1e300Gi", "NaN", "9999999Ti"} {
		var q quantity
		if err := q.Set(in); err == nil {
			t.Errorf("%q: got %d, want an error", in, int64(q))
		}
	}
}

func TestVersion(t *testing.T) {
	for name, want := range map[string]string{"berthd": host.Version, "daprd": host.DaprVersion, "daprd.exe": host.DaprVersion, "other": host.Version} {
		if got := version(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for _, want := range []string{"Version: " + host.Version, "Git Commit: ", "Dapr API: " + host.DaprVersion, "Go: go1."} {
		if !strings.Contains(buildInfo(), want) {
			t.Errorf("build info lacks %q:\n%s", want, buildInfo())
		}
	}
}
