package runcmd

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// appPrefix marks the application's lines, as Dapr's command does.
const appPrefix = "== APP == "

// startApp starts the application, when there is a command.
func (u *unit) startApp() error {
	if len(u.command) == 0 {
		return nil
	}
	cmd := exec.Command(u.command[0], u.command[1:]...)
	cmd.Env = append(os.Environ(), u.environment()...)
	// A program in a group of its own may not read from the terminal; it would
	// be stopped for good.
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		cmd.Stdin = os.Stdin
	}
	var err error
	if u.app, err = start(cmd, u.screen, appPrefix); err != nil {
		return fmt.Errorf("starting the application: %w", err)
	}
	_, err = fmt.Fprintf(u.pipe, "app %d\n", u.app.cmd.Process.Pid)
	if err != nil && !u.sidecar.ended() {
		u.say("berth: the sidecar does not know the application: %v", err)
	}
	return nil
}

// environment is what the application is told; the names are those of Dapr's command.
func (u *unit) environment() []string {
	env := []string{
		runID + "=" + u.id,
		"APP_ID=" + u.appID,
		"APP_CHANNEL_ADDRESS=" + u.appAddress,
		"APP_PROTOCOL=" + u.appProtocol,
		"DAPR_METRICS_PORT=" + strconv.Itoa(u.metricsPort),
	}
	if u.appPort > 0 {
		env = append(env, "APP_PORT="+strconv.Itoa(u.appPort))
	}
	if u.socket == "" {
		env = append(env, "DAPR_HTTP_PORT="+strconv.Itoa(u.httpPort), "DAPR_GRPC_PORT="+strconv.Itoa(u.grpcPort))
	}
	return env
}
