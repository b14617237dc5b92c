package runcmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startSidecar starts berthd. Ports that are ours to choose are opened here and
// handed over, so that nobody can take them in between.
func (u *unit) startSidecar() error {
	program, err := u.program()
	if err != nil {
		return err
	}
	parentRead, parentWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer parentRead.Close()
	readyRead, readyWrite, err := os.Pipe()
	if err != nil {
		_ = parentWrite.Close()
		return err
	}
	defer readyWrite.Close()
	files := []*os.File{parentRead, readyWrite}
	handed := []string{"parent=3", "ready=4"}
	args := []string{
		"--app-id=" + u.appID, "--app-port=" + strconv.Itoa(u.appPort), "--app-protocol=" + u.appProtocol,
		"--app-channel-address=" + u.appAddress, "--metrics-port=" + strconv.Itoa(u.metricsPort),
		"--dapr-listen-addresses=" + u.listen,
	}
	fail := func(err error) error {
		_ = parentWrite.Close()
		_ = readyRead.Close()
		return err
	}
	if u.socket != "" {
		args = append(args, "--unix-domain-socket="+u.socket)
	} else {
		host, _, _ := strings.Cut(u.listen, ",")
		for _, api := range []struct {
			name string
			port *int
			at   *string
		}{{"http", &u.httpPort, &u.http}, {"grpc", &u.grpcPort, &u.grpc}} {
			if *api.port == 0 {
				f, port, err := openFree(host)
				if err != nil {
					return fail(fmt.Errorf("finding a free port: %w", err))
				}
				defer f.Close()
				files = append(files, f)
				handed = append(handed, api.name+"="+strconv.Itoa(2+len(files)))
				*api.port = port
			}
			// Tools that look for sidecars read the ports from the command line.
			args = append(args, "--dapr-"+api.name+"-port="+strconv.Itoa(*api.port))
			*api.at = net.JoinHostPort(reachable(host), strconv.Itoa(*api.port))
		}
	}
	for _, dir := range u.resources {
		args = append(args, "--resources-path="+dir)
	}
	cmd := exec.Command(program, append(args, u.options.sidecar...)...)
	cmd.ExtraFiles = files
	cmd.Env = append(os.Environ(), "BERTH_RUN_FDS="+strings.Join(handed, ","), runID+"="+u.id)
	u.say("berth: starting the sidecar of %s: HTTP %s, gRPC %s, resources %s",
		u.appID, u.shown("http"), u.shown("grpc"), strings.Join(u.resources, ", "))
	if u.sidecar, err = start(cmd, u.screen, ""); err != nil {
		return fail(fmt.Errorf("starting the sidecar: %w", err))
	}
	u.pipe, u.readyPipe = parentWrite, readyRead
	return nil
}

func (u *unit) shown(api string) string {
	if u.socket != "" {
		return filepath.Join(u.socket, "dapr-"+u.appID+"-"+api+".socket")
	}
	if api == "http" {
		return u.http
	}
	return u.grpc
}

// program finds the sidecar's program.
func (o *options) program() (string, error) {
	if o.runtimePath != "" {
		return o.runtimePath, nil
	}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		beside := filepath.Join(filepath.Dir(exe), "berthd")
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	found, err := exec.LookPath("berthd")
	if err != nil {
		return "", errors.New("there is no berthd beside berth or in $PATH: name it with --runtime-path")
	}
	return found, nil
}

// openFree listens on a free port.
func openFree(host string) (*os.File, int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(strings.Trim(strings.TrimSpace(host), "[]"), "0"))
	if err != nil {
		return nil, 0, err
	}
	defer l.Close()
	t := l.(*net.TCPListener)
	f, err := t.File()
	return f, t.Addr().(*net.TCPAddr).Port, err
}

// reachable is where to call what listens on host.
func reachable(host string) string {
	host = strings.Trim(strings.TrimSpace(host), "[]")
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// client calls the sidecar.
func (u *unit) client() *http.Client {
	t := &http.Transport{DisableKeepAlives: true}
	if u.socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", u.shown("http"))
		}
	}
	return &http.Client{Transport: t, Timeout: 5 * time.Second}
}

// setMetadata stores an attribute with the sidecar.
func (u *unit) setMetadata(key, value string) error {
	host := u.http
	if host == "" {
		host = "sidecar"
	}
	req, err := http.NewRequest(http.MethodPut, "http://"+host+"/v1.0/metadata/"+key, strings.NewReader(value))
	if err != nil {
		return err
	}
	if token := os.Getenv("DAPR_API_TOKEN"); token != "" {
		req.Header.Set("dapr-api-token", token)
	}
	resp, err := u.client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return errors.New(resp.Status)
	}
	return nil
}

// waitSidecar waits until the sidecar says that the application may call. One
// that compiles large plugins for the first time takes as long as it takes. When
// the sidecar ends before that, so does the wait.
func (u *unit) waitSidecar() bool {
	line, err := bufio.NewReader(u.readyPipe).ReadString('\n')
	return err == nil && line == "ready\n"
}

// stopSidecar ends the sidecar, which is told first that the signal is ours.
func (u *unit) stopSidecar(hurry <-chan struct{}) {
	_, _ = io.WriteString(u.pipe, "stop\n") // fails when it has ended already
	u.sidecar.stop(syscall.SIGTERM, sidecarTime, hurry)
}

// announce tells the sidecar about the processes, as Dapr's command does for
// its list, and the user that all is well.
func (u *unit) announce() {
	attributes := map[string]string{"cliPID": strconv.Itoa(os.Getpid())}
	if u.app != nil {
		attributes["appPID"] = strconv.Itoa(u.app.cmd.Process.Pid)
		attributes["appCommand"] = strings.Join(u.command, " ")
	}
	for k, v := range attributes {
		if err := u.setMetadata(k, v); err != nil && !u.sidecar.ended() {
			u.say("berth: telling the sidecar its %s: %v", k, err)
		}
	}
	if u.app == nil {
		u.say("berth: the sidecar is ready. There is no command to run; end it with Ctrl-C.")
		return
	}
	u.say("berth: You're up and running! Both the sidecar's and the application's logs appear here.")
}
