//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What berth run hands over is used: the ports, and the pipe. When the pipe
// closes, the application's group ends and then the sidecar, although nobody
// reads its log any more.
func TestParentGone(t *testing.T) {
	http, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := http.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	http.Close()
	defer file.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// Of the application's processes one takes no notice of SIGTERM, and one does.
	app := exec.Command("sh", "-c", `(trap "" TERM; exec sleep 1000) & exec sleep 1000`)
	app.Env = append(os.Environ(), runID+"=test-of-berthd")
	app.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	group := app.Process.Pid
	reaped := make(chan struct{})
	go func() {
		_ = app.Wait()
		close(reaped)
	}()
	t.Cleanup(func() { _ = syscall.Kill(-group, syscall.SIGKILL); <-reaped })

	cmd := command(t, "--app-id", "test", "--dapr-http-port", "9", "--dapr-grpc-port", "0", "--dapr-graceful-shutdown-seconds", "1", "--resources-path", folder(t, statestore))
	cmd.ExtraFiles = []*os.File{read, file}
	cmd.Env = append(cmd.Env, runFDs+"=parent=3,http=4", runID+"=test-of-berthd")
	s := begin(t, cmd)
	read.Close()
	url := s.ready()
	if want := "http://" + http.Addr().String(); url != want {
		t.Errorf("got the API on %s, want %s", url, want)
	}
	if _, err := fmt.Fprintf(write, "app %d\n", group); err != nil {
		t.Fatal(err)
	}
	if code, _ := request(t, "GET", url+"/v1.0/healthz", ""); code != 204 {
		t.Errorf("got health %d, want 204", code)
	}
	// As the kernel would with the leader that berth run started.
	if err := app.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	write.Close()
	if code := s.exit(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	deadline := time.Now().Add(patience)
	for !errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) {
		if time.Now().After(deadline) {
			t.Fatal("members of the application's group are left")
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.line(`berth run is gone`, 1)
}

func TestInheritErrors(t *testing.T) {
	for _, list := range []string{"http", "http=x", "http=2", "other=3", "http=3,"} {
		t.Run(list, func(t *testing.T) {
			t.Setenv(runFDs, list)
			_, err := new(settings).inherit()
			if err == nil || !strings.HasPrefix(err.Error(), runFDs+": ") {
				t.Errorf("got %v, want an error that names %s", err, runFDs)
			}
			if _, set := os.LookupEnv(runFDs); set {
				t.Error("the variable is left for others to see")
			}
		})
	}
	t.Run("not a listener", func(t *testing.T) {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s := &settings{grpcFile: f}
		if err := s.listeners(); err == nil || !strings.Contains(err.Error(), "grpc") {
			t.Errorf("got %v, want an error that names grpc", err)
		}
	})
}
