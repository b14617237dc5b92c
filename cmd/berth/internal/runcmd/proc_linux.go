package runcmd

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the process lead a group of its own, and end when we die.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// signalGroup sends a signal to all of a group; a group without members is no error.
func signalGroup(leader int, sig os.Signal) {
	if s, ok := sig.(syscall.Signal); ok {
		_ = syscall.Kill(-leader, s)
	}
}

// exitCode is the code that a shell would report: 128 and the signal's number
// for a process that one ended.
func exitCode(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}
