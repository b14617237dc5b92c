//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patience = time.Minute

// running is a `berth run` whose output is read line by line.
type running struct {
	cmd   *exec.Cmd
	lines chan string
}

func startRun(t *testing.T, args ...string) *running {
	t.Helper()
	berth, err := exec.LookPath("berth")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{cmd: exec.Command(berth, append([]string{"run", "--cache-dir=" + cacheDir(), "--plugins-path=" + pluginDir()}, args...)...), lines: make(chan string, 1000)}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = r.cmd.Stdout
	// It leads a group, so that nothing but what the test does ends it.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.lines)
		s := bufio.NewScanner(out)
		for s.Scan() {
			r.lines <- s.Text()
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	return r
}

// number waits for a line that matches and returns its number.
func (r *running) number(t *testing.T, pattern string) int {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		select {
		case l, ok := <-r.lines:
			if !ok {
				t.Fatalf("berth run ended without the line %q", pattern)
			}
			t.Log(l)
			if m := re.FindStringSubmatch(l); m != nil {
				n, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		case <-deadline:
			t.Fatalf("no line %q within %s", pattern, patience)
		}
	}
}

// gone waits until a process is no more, or only waits to be waited for.
func gone(t *testing.T, what string, pid int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Errorf("%s (process %d) is left behind", what, pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func alive(pid int) bool {
	state, _ := stat(pid)
	return state != 0 && state != 'Z'
}

// stat reads a process's state and its parent from /proc; 0 when there is none.
func stat(pid int) (state byte, parent int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	if _, err := fmt.Sscanf(string(b[bytes.LastIndexByte(b, ')')+1:]), " %c %d", &state, &parent); err != nil {
		return 0, 0
	}
	return state, parent
}

// sidecarOf finds the sidecar's process among the children of berth run.
func sidecarOf(t *testing.T, r *running) int {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		name, _ := os.ReadFile("/proc/" + e.Name() + "/comm")
		if _, parent := stat(pid); parent == r.cmd.Process.Pid && string(name) == "berthd\n" {
			return pid
		}
	}
	t.Fatal("there is no berthd among the children of berth run")
	return 0
}

// Nothing is left of the sidecar, the application and what that started, when
// berth run is killed in a way that it cannot do anything about; not even of
// processes that take no notice of SIGTERM.
func TestNoOrphansAfterKill(t *testing.T) {
	tests := []struct {
		name string
		app  []string
	}{
		{"an application that ends when told", []string{"testapp", "spawn=forever", "forever"}},
		{"a stubborn child", []string{"testapp", "spawn=stubborn,forever", "forever"}},
		{"a stubborn application", []string{"testapp", "stubborn", "spawn=stubborn,forever", "forever"}},
		{"a shell in between", []string{"sh", "-c", "testapp spawn=forever forever; true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := startRun(t, append([]string{"-a", "orphan", "--resources-path", t.TempDir(), "--dapr-graceful-shutdown-seconds", "1", "--"}, tt.app...)...)
			child := r.number(t, `== APP == spawned (\d+)`)
			app := r.number(t, `== APP == pid (\d+)`)
			sidecar := sidecarOf(t, r)
			if !alive(child) || !alive(app) || !alive(sidecar) {
				t.Fatal("something has ended before the test began")
			}
			if err := r.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = r.cmd.Wait()
			gone(t, "the child", child)
			gone(t, "the application", app)
			gone(t, "the sidecar", sidecar)
		})
	}
}

// When the sidecar dies, the application is ended too.
func TestSidecarDies(t *testing.T) {
	t.Parallel()
	r := startRun(t, "-a", "widow", "--resources-path", t.TempDir(), "--", "testapp", "forever")
	app := r.number(t, `== APP == pid (\d+)`)
	if err := syscall.Kill(sidecarOf(t, r), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range r.lines { // until the output ends
	}
	_ = r.cmd.Wait()
	if code := r.cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("got exit code %d, want that of an application ended by SIGTERM", code)
	}
	gone(t, "the application", app)
}

// A second signal ends what does not end by itself.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	r := startRun(t, "-a", "stubborn", "--resources-path", t.TempDir(), "--stop-timeout", "1h", "--", "testapp", "stubborn", "forever")
	app := r.number(t, `== APP == pid (\d+)`)
	sidecar := sidecarOf(t, r)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range r.lines {
		}
		_ = r.cmd.Wait()
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for done := false; !done; {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
			done = true
		case <-tick.C:
		case <-deadline:
			t.Fatal("berth run does not end")
		}
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGKILL) {
		t.Errorf("got exit code %d, want that of an application that was killed", code)
	}
	gone(t, "the application", app)
	gone(t, "the sidecar", sidecar)
}

// The application ends first, and can call the sidecar until then.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	resources := t.TempDir()
	writeFile(t, resources+"/statestore.yaml", storeYAML)
	r := startRun(t, "-a", "polite", "-p", "0", "--resources-path", resources, "--", "testapp", "serve", "say=pid 1")
	var lines []string
	asked := false
	deadline := time.After(patience)
	for open := true; open; {
		select {
		case l, ok := <-r.lines:
			if open = ok; !ok {
				break
			}
			lines = append(lines, l)
			if !asked && strings.Contains(l, "== APP == serving") {
				asked = true
				if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			}
		case <-deadline:
			t.Fatal("berth run does not end")
		}
	}
	_ = r.cmd.Wait()
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("got exit code %d, want the application's 0", code)
	}
	all := strings.Join(lines, "\n")
	served, closed := strings.Index(all, "== APP == served"), strings.Index(all, "dapr is closed")
	if !strings.Contains(all, "== APP == POST 204") || served < 0 || closed < served {
		t.Errorf("got\n%s\nwant that the application saves, ends, and then the sidecar closes", all)
	}
}

const storeYAML = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.in-memory
  version: v1
`

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func pluginDir() string { return os.Getenv("PLUGINS") }
func cacheDir() string  { return os.Getenv("BERTH_CACHE_DIR") }
