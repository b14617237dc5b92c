//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/hosttest"
)

// With this variable the test program is berthd.
const beBerthd = "BERTHD_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(beBerthd) != "" {
		main()
	}
	os.Exit(m.Run())
}

const statestore = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.in-memory
  version: v1
`

// sidecar is a running berthd.
type sidecar struct {
	t      *testing.T
	cmd    *exec.Cmd
	ended  chan struct{}
	stderr bytes.Buffer // to be read once it has ended

	mu    sync.Mutex // guards lines
	lines []string
	grew  chan struct{} // closed when there is another line
}

// command prepares a berthd with the in-memory store's plugin.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugins, err := hosttest.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{"--plugins-path", plugins}, args...)...)
	cmd.Env = append(os.Environ(), beBerthd+"=1", "BERTH_CACHE_DIR="+filepath.Join(plugins, "..", "..", "berth"))
	return cmd
}

// folder makes a folder of resources.
func folder(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "components.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts berthd on free ports, to end with the test at the latest.
func start(t *testing.T, args ...string) *sidecar {
	t.Helper()
	return begin(t, command(t, append([]string{"--app-id", "test", "--dapr-http-port", "0", "--dapr-grpc-port", "0",
		"--dapr-listen-addresses", "127.0.0.1", "--resources-path", folder(t, statestore)}, args...)...))
}

func begin(t *testing.T, cmd *exec.Cmd) *sidecar {
	t.Helper()
	s := &sidecar{t: t, cmd: cmd, ended: make(chan struct{}), grew: make(chan struct{})}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		r := bufio.NewScanner(out)
		for r.Scan() {
			s.mu.Lock()
			s.lines = append(s.lines, r.Text())
			close(s.grew)
			s.grew = make(chan struct{})
			s.mu.Unlock()
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("berthd said:\n%s\n%s", strings.Join(s.lines, "\n"), &s.stderr)
		}
	})
	return s
}

const patience = time.Minute

// line waits for the n-th line, from 1, that matches, and returns its groups.
func (s *sidecar) line(pattern string, n int) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		seen, grew := 0, s.grew
		for _, l := range s.lines {
			if m := re.FindStringSubmatch(l); m != nil {
				if seen++; seen == n {
					s.mu.Unlock()
					return m
				}
			}
		}
		s.mu.Unlock()
		select {
		case <-grew:
		case <-s.ended:
			s.mu.Lock()
			again := grew != s.grew
			s.mu.Unlock()
			if !again {
				s.t.Fatalf("berthd ended (%s) without the line %q", s.cmd.ProcessState, pattern)
			}
		case <-deadline:
			s.t.Fatalf("no line %q within %s", pattern, patience)
		}
	}
}

// ready waits until berthd runs and returns the URL of its API.
func (s *sidecar) ready() string {
	s.t.Helper()
	s.line(`dapr initialized\. Status: Running\. Init Elapsed \d+ms`, 1)
	return "http://127.0.0.1:" + s.line(`HTTP server is running on port (\d+)`, 1)[1]
}

// exit waits for the end and returns the exit code.
func (s *sidecar) exit() int {
	s.t.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		s.t.Fatalf("berthd does not end within %s", patience)
		return -1
	}
}

func (s *sidecar) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func TestServeAndEnd(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := start(t)
			url := s.ready()
			s.line(`msg="Component loaded: statestore \(state\.in-memory/v1\)" app_id=test .*scope=dapr\.runtime\.processor type=log ver=`, 1)
			s.line(`msg="API gRPC server is running on port \d+"`, 1)
			if code, body := request(t, "POST", url+"/v1.0/state/statestore", `[{"key":"k","value":"v"}]`); code != 204 {
				t.Errorf("save: got %d %s, want 204", code, body)
			}
			if code, body := request(t, "GET", url+"/v1.0/state/statestore/k", ""); code != 200 || body != `"v"` {
				t.Errorf("get: got %d %s, want 200 \"v\"", code, body)
			}
			s.signal(sig)
			if code := s.exit(); code != 0 {
				t.Errorf("got exit code %d, want 0", code)
			}
			s.line(`dapr is closed`, 1)
		})
	}
}

// hang begins a request whose body never comes, so that draining takes as long as it may.
func hang(t *testing.T, url string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "POST /v1.0/state/statestore HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v, want that the handler runs", line, err)
	}
}

func TestSecondSignal(t *testing.T) {
	s := start(t, "--dapr-graceful-shutdown-seconds", "3600")
	hang(t, s.ready())
	s.signal(syscall.SIGTERM)
	s.line(`received signal 'terminated'; beginning shutdown`, 1)
	began := time.Now()
	s.signal(syscall.SIGTERM) // at once: the same one, sent to the group as well
	deadline := time.After(patience)
	again := time.NewTicker(sameSignal / 5)
	defer again.Stop()
	for done := false; !done; {
		select {
		case <-again.C:
			_ = s.cmd.Process.Signal(syscall.SIGTERM)
		case <-s.ended:
			done = true
		case <-deadline:
			t.Fatal("berthd does not end")
		}
	}
	if code := s.exit(); code != exitFailed {
		t.Errorf("got exit code %d, want %d", code, exitFailed)
	}
	if took := time.Since(began); took < sameSignal {
		t.Errorf("ended after %s: the second signal was one with the first", took)
	}
	s.line(`level=fatal msg="second signal, ending at once: terminated"`, 1)
}

func TestCallsCutOff(t *testing.T) {
	s := start(t, "--dapr-graceful-shutdown-seconds", "0")
	hang(t, s.ready())
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != exitFailed {
		t.Errorf("got exit code %d, want %d", code, exitFailed)
	}
	s.line(`level=fatal msg="calls that ran longer than 0s were cut off"`, 1)
}

// SIGHUP starts the sidecar anew, on the same ports, with what its files say now.
func TestReload(t *testing.T) {
	port := freePort(t)
	dir := folder(t, statestore)
	s := begin(t, command(t, "--app-id", "test", "--dapr-http-port", port, "--dapr-grpc-port", "0", "--dapr-listen-addresses", "127.0.0.1", "--resources-path", dir))
	url := s.ready()
	if code, _ := request(t, "GET", url+"/v1.0/state/second/k", ""); code != 400 {
		t.Errorf("a store that is not there: got %d, want 400", code)
	}
	more := statestore + "---\n" + strings.Replace(statestore, "name: statestore", "name: second", 1)
	if err := os.WriteFile(filepath.Join(dir, "components.yaml"), []byte(more), 0o644); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	s.line(`dapr initialized`, 2)
	if code, _ := request(t, "GET", url+"/v1.0/state/second/k", ""); code != 204 {
		t.Errorf("a store that was added: got %d, want 204", code)
	}
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestShutdownCall(t *testing.T) {
	s := start(t)
	request(t, "POST", s.ready()+"/v1.0/shutdown", "")
	if code := s.exit(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestForcedShutdownCall(t *testing.T) {
	s := start(t, "--dapr-graceful-shutdown-seconds", "3600")
	url := s.ready()
	hang(t, url)
	req, err := http.NewRequest("POST", url+"/v1.0/shutdown", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("dapr-force-shutdown", "true")
	if resp, err := http.DefaultClient.Do(req); err == nil { // it may be cut off too
		resp.Body.Close()
	}
	if code := s.exit(); code != exitFailed {
		t.Errorf("got exit code %d, want %d", code, exitFailed)
	}
}

// dapr's command finds the sidecar by the name daprd and asks for its version.
func TestNamedDaprd(t *testing.T) {
	cmd := command(t, "--app-id", "test", "--dapr-http-port", "0", "--dapr-grpc-port", "0", "--resources-path", folder(t, statestore))
	daprd := filepath.Join(t.TempDir(), "daprd")
	if err := os.Symlink(cmd.Path, daprd); err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args[0] = daprd, daprd
	s := begin(t, cmd)
	s.ready()
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid)); err == nil && string(comm) != "daprd\n" {
		t.Errorf("got the process name %q, want daprd", comm)
	}
	ask := exec.Command(daprd, "--version")
	ask.Env = cmd.Env
	if out, err := ask.Output(); err != nil || string(out) != host.DaprVersion+"\n" {
		t.Errorf("--version: got %q, %v, want %s", out, err, host.DaprVersion)
	}
}

func TestOneShots(t *testing.T) {
	tests := []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"--version", 0, "^" + regexp.QuoteMeta(host.Version) + "\n$", "^$"},
		{"--build-info", 0, "^Version: ", "^$"},
		{"--help", 0, "Usage: berthd", "^$"},
		{"--nonsense", exitUsage, "^$", "^berthd: unknown flag --nonsense\nhint: berthd --help lists all flags\n$"},
		{"--dapr-http-port 0", exitFailed, "level=fatal msg=\"the app id is empty", "^$"},
		{"--app-id x --log-file /nowhere/log", exitFailed, "^$", "^berthd: --log-file: open /nowhere/log: no such file"},
		{"--app-id x --cache-dir /dev/null/x", exitFailed, "level=fatal msg=\"cache folder: ", "^$"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			cmd := command(t)
			cmd.Args = append(cmd.Args[:1], strings.Fields(tt.args)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != tt.code {
				t.Errorf("got exit code %d, want %d", got, tt.code)
			}
			if !regexp.MustCompile(tt.stdout).MatchString(stdout.String()) {
				t.Errorf("got on stdout %q, want %q", &stdout, tt.stdout)
			}
			if !regexp.MustCompile(tt.stderr).MatchString(stderr.String()) {
				t.Errorf("got on stderr %q, want %q", &stderr, tt.stderr)
			}
		})
	}
}

// The problems of a start are a table for people, and lines for programs.
func TestStartErrorOutput(t *testing.T) {
	bad := folder(t, strings.NewReplacer("state.in-memory", "state.in-memry", "name: statestore", "name: misspelt").Replace(statestore)+
		"---\n"+strings.NewReplacer("state.in-memory", "pubsub.redis", "name: statestore", "name: pubsub").Replace(statestore))
	t.Run("text", func(t *testing.T) {
		s := start(t, "--resources-path", bad)
		if code := s.exit(); code != exitFailed {
			t.Errorf("got exit code %d, want %d", code, exitFailed)
		}
		s.line(`level=fatal msg="the sidecar does not start: 2 problems"`, 1)
		for _, want := range []string{"SEVERITY  WHERE", "BERTH_PLUGIN_NOT_FOUND", "hint: did you mean state.in-memory?", "2 errors, 0 warnings"} {
			if !strings.Contains(s.stderr.String(), want) {
				t.Errorf("stderr lacks %q:\n%s", want, &s.stderr)
			}
		}
	})
	t.Run("json", func(t *testing.T) {
		s := start(t, "--resources-path", bad, "--log-as-json")
		if code := s.exit(); code != exitFailed {
			t.Errorf("got exit code %d, want %d", code, exitFailed)
		}
		s.line(`^\{.*"code":"BERTH_PLUGIN_NOT_FOUND",.*"hint":"did you mean state\.in-memory\?",.*"level":"error",.*\}$`, 1)
		s.line(`^\{.*"level":"fatal","msg":"the sidecar does not start: 2 problems".*\}$`, 1)
		if s.stderr.Len() > 0 {
			t.Errorf("got on stderr %q, want nothing", &s.stderr)
		}
	})
}

func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("before\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := start(t, "--dapr-http-port", port, "--log-file", file, "--log-level", "debug", "--enable-mtls")
	wait := command(t, "--wait", "--dapr-http-port", port)
	if out, err := wait.CombinedOutput(); err != nil {
		t.Errorf("--wait: %v\n%s", err, out)
	}
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n", "dapr initialized", "level=debug msg=\"--enable-mtls has no effect in this version\""} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file lacks %q:\n%s", want, text)
		}
	}
	if len(s.lines) > 0 {
		t.Errorf("got on stdout %q, want nothing", s.lines)
	}
}

func TestSetenv(t *testing.T) {
	for _, name := range []string{"APP_ID", "APP_PORT", "HOST_ADDRESS", "DAPR_PORT", "DAPR_GRPC_PORT", "DAPR_HTTP_PORT", "DAPR_METRICS_PORT", "DAPR_PROFILE_PORT"} {
		t.Setenv(name, "") // put back at the end
	}
	t.Setenv("DAPR_HOST_IP", "10.1.2.3")
	s, err := parse([]string{"--app-id=orders", "--app-port=8080", "--dapr-internal-grpc-port=5007", "--dapr-listen-addresses=127.0.0.1",
		"--dapr-http-port=0", "--dapr-grpc-port=0"}, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	sidecar, err := host.New(s.options)
	if err != nil {
		t.Fatal(err)
	}
	defer sidecar.Close()
	s.setenv(sidecar)
	port := func(address string) string {
		_, p, _ := net.SplitHostPort(address)
		return p
	}
	for name, want := range map[string]string{
		"APP_ID": "orders", "APP_PORT": "8080", "HOST_ADDRESS": "10.1.2.3", "DAPR_PORT": "5007", "DAPR_METRICS_PORT": "9090", "DAPR_PROFILE_PORT": "7777",
		"DAPR_HTTP_PORT": port(sidecar.HTTPAddr()), "DAPR_GRPC_PORT": port(sidecar.GRPCAddr()),
	} {
		if got := os.Getenv(name); got != want || got == "0" {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// A read-only home does not keep the sidecar from starting.
func TestNoCacheFolder(t *testing.T) {
	cmd := command(t, "--app-id", "test", "--dapr-http-port", "0", "--dapr-grpc-port", "0")
	cmd.Env = append(cmd.Env, "BERTH_CACHE_DIR=/dev/null/cache")
	s := begin(t, cmd)
	s.ready()
	s.line(`level=warning msg="compiled plugins are not kept: .*--cache-dir"`, 1)
}
