// Package outside builds a component outside of this repository, as a third
// party would, and has an unchanged sidecar load it.
package outside

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

func TestMain(m *testing.M) {
	// A no-op after `make build`; alone, it makes this package testable by itself.
	build := exec.Command("make", "-s", "-C", root, "bin/berth", "bin/berthd")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building berth and berthd:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestComponentFromTemplate follows the README of the template: copy, build,
// pack, drop the file into a folder, name the type in a YAML. No file of the
// repository changes.
func TestComponentFromTemplate(t *testing.T) {
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	before := tree(t, top)
	dir, plugins, resources := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(top, "sdk-guest", "template"))); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "plugin.yaml"), "type: state.acme", "type: state.acme-notes")
	run(t, dir, nil, "go", "mod", "edit", "-module", "example.com/acme/notes",
		"-replace", "github.com/berth-run/berth/sdk-guest/go="+filepath.Join(top, "sdk-guest", "go"))
	run(t, dir, []string{"GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=-mod=mod"}, "go", "build", "-buildmode=c-shared", "-o", "notes.wasm", ".")
	berth := filepath.Join(top, "bin", "berth")
	out := filepath.Join(plugins, "notes.wasm")
	run(t, dir, nil, berth, "plugin", "pack", "notes.wasm", "--manifest", "plugin.yaml", "-o", out)
	if text := run(t, dir, nil, berth, "plugin", "inspect", out); !strings.Contains(text, "state.acme-notes") {
		t.Errorf("inspect does not name the type:\n%s", text)
	}
	yaml := "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: notes\nspec:\n  type: state.acme-notes\n  version: v1\n"
	if err := os.WriteFile(filepath.Join(resources, "notes.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	base := sidecar(t, top, "--app-id", "outside", "--plugins-path", plugins, "--resources-path", resources)
	if got := do(t, "POST", base+"/v1.0/state/notes", `[{"key":"k","value":{"n":1}}]`); got != "204 " {
		t.Fatalf("saving: got %s", got)
	}
	if got := do(t, "GET", base+"/v1.0/state/notes/k", ""); got != `200 {"n":1}` {
		t.Errorf("reading: got %s", got)
	}
	if after := tree(t, top); after != before {
		t.Errorf("the repository changed:\nbefore\n%s\nafter\n%s", before, after)
	}
}

// tree is the state of the repository's files, as git sees them.
func tree(t *testing.T, top string) string {
	t.Helper()
	return run(t, top, nil, "git", "status", "--porcelain") + run(t, top, nil, "git", "diff", "--stat")
}

func edit(t *testing.T, path, from, to string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(from)) {
		t.Fatalf("%s does not contain %q", path, from)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte(from), []byte(to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// sidecar starts berthd and returns its base URL once it is healthy.
func sidecar(t *testing.T, top string, args ...string) string {
	t.Helper()
	port := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, p, _ := net.SplitHostPort(l.Addr().String())
		return p
	}
	if e := os.Getenv("BERTH_ENGINE"); e != "" {
		args = append(args, "--engine", e)
	}
	p := port()
	cmd := exec.Command(filepath.Join(top, "bin", "berthd"), append(args, "--dapr-http-port", p, "--dapr-grpc-port", port(),
		"--dapr-internal-grpc-port", port(), "--dapr-listen-addresses", "127.0.0.1", "--enable-metrics=false")...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-done
			t.Error("berthd did not end after SIGTERM")
		}
		if t.Failed() {
			t.Logf("berthd said:\n%s", &log)
		}
	})
	base := "http://127.0.0.1:" + p
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		resp, err := http.Get(base + "/v1.0/healthz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusNoContent {
				return base
			}
		}
		select {
		case <-done:
			t.Fatalf("berthd ended: %v", cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("berthd is not healthy after a minute")
	return ""
}

func do(t *testing.T, method, url, body string) string {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, b)
}
