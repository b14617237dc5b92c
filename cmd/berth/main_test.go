//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/berth-run/berth/host/hosttest"
)

func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"berth": main, "testapp": testApp})
}

// built puts a real berthd into $PATH, and says where its plugin and its
// compiled code are, before the tests run.
type built struct{ *testing.M }

func (b built) Run() int {
	dir, err := os.MkdirTemp("", "berth-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir, "../berthd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building berthd: %v\n%s", err, out)
		return 1
	}
	plugins, err := hosttest.InMemory()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, v := range [][2]string{
		{"PATH", dir + string(filepath.ListSeparator) + os.Getenv("PATH")},
		{"PLUGINS", plugins},
		{"BERTH_CACHE_DIR", filepath.Join(plugins, "..", "..", "berth")},
	} {
		if err := os.Setenv(v[0], v[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return b.M.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"PLUGINS", "BERTH_CACHE_DIR"} {
				e.Setenv(name, os.Getenv(name))
			}
			// A user of its own for each script; the folder is where berth looks for resources.
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			for _, name := range []string{"PORT", "PORT2"} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				e.Setenv(name, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
				if err := l.Close(); err != nil {
					return err
				}
			}
			// Names of sidecars are seen by every script on the machine.
			e.Setenv("ID", fmt.Sprintf("app%d-%s", os.Getpid(), filepath.Base(e.WorkDir)))
			return nil
		},
	})
}

// testApp is the application of the scripts. Its arguments are what it does.
func testApp() {
	for _, arg := range os.Args[1:] {
		what, value, _ := strings.Cut(arg, "=")
		switch what {
		case "say":
			fmt.Println(value)
		case "complain":
			fmt.Fprintln(os.Stderr, value)
		case "unfinished": // a line without an end
			fmt.Print(value)
		case "env":
			fmt.Printf("%s=%s\n", value, os.Getenv(value))
		case "save":
			api("POST", "", `[{"key":"k","value":"`+value+`"}]`)
		case "get":
			api("GET", "/"+value, "")
		case "stdin":
			b, err := io.ReadAll(os.Stdin)
			fmt.Printf("stdin %q %v\n", b, err)
		case "serve":
			serve()
		case "stubborn":
			signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		case "spawn": // a child in the same group, that does the rest
			cmd := exec.Command(os.Args[0], strings.Split(value, ",")...)
			if err := cmd.Start(); err != nil {
				die(err)
			}
			fmt.Println("spawned", cmd.Process.Pid)
		case "forever":
			fmt.Println("pid", os.Getpid())
			for { // select {} is a deadlock to a Go program without cgo
				time.Sleep(time.Hour)
			}
		case "until": // a file exists
			for {
				if _, err := os.Stat(value); err == nil {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
		case "exit":
			code, err := strconv.Atoi(value)
			if err != nil {
				die(err)
			}
			os.Exit(code)
		default:
			die(fmt.Errorf("testapp does not know %q", arg))
		}
	}
	os.Exit(0)
}

func die(err error) {
	fmt.Fprintln(os.Stderr, "testapp:", err)
	os.Exit(99)
}

// api calls the sidecar whose port is in the environment.
func api(method, path, body string) {
	url := "http://127.0.0.1:" + os.Getenv("DAPR_HTTP_PORT") + "/v1.0/state/statestore" + path
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		die(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		die(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		die(err)
	}
	fmt.Println(method, resp.StatusCode, string(text))
}

// serve listens on $APP_PORT until it is told to end, and then still calls the
// sidecar: an application has to be able to save what it holds.
func serve() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("APP_PORT"))
	if err != nil {
		die(err)
	}
	defer l.Close()
	fmt.Println("serving")
	<-ctx.Done()
	api("POST", "", `[{"key":"last","value":"words"}]`)
	fmt.Println("served")
}
