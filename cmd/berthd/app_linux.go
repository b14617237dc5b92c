package main

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// appProcesses lists the application and what it started: the processes that
// carry our mark in their environment and are of our session. One that made a
// session of its own wanted to outlive its parent, and may.
//
// The process group alone would not do: berth run may be killed when it has
// started the application and not yet told us.
func (p *parent) appProcesses() []int {
	if p.id == "" {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	mark := []byte(runID + "=" + p.id)
	self := os.Getpid()
	_, session := processOf(self)
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == self {
			continue
		}
		state, s := processOf(pid)
		if s != session || state == 'Z' {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool { return bytes.Equal(v, mark) }) {
			out = append(out, pid)
		}
	}
	return out
}

// processOf reads a process's state and session from /proc/PID/stat: the first
// and the fourth field after the name, which is in parentheses and may hold anything.
func processOf(pid int) (state byte, session int) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, -1
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 4 {
		return 0, -1
	}
	session, err = strconv.Atoi(string(fields[3]))
	if err != nil {
		return 0, -1
	}
	return fields[0][0], session
}

// askApp sends SIGTERM to the application's processes, but for the one that berth
// run started: that one gets the signal from the kernel (PR_SET_PDEATHSIG), and
// to many programs a second one means to end at once.
func (p *parent) askApp() {
	for _, pid := range p.appProcesses() {
		if int64(pid) != p.app.Load() {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}

func (p *parent) appLives() bool { return len(p.appProcesses()) > 0 }

// killApp kills the application's processes, also those that are started meanwhile.
func (p *parent) killApp() {
	for range 100 {
		left := p.appProcesses()
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
