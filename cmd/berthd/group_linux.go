package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// askGroup sends SIGTERM to the members of a process group, but for its leader:
// `berth run` made that one get the signal from the kernel (PR_SET_PDEATHSIG),
// and to many programs a second one means to end at once.
func askGroup(group int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		_ = syscall.Kill(-group, syscall.SIGTERM)
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != group && groupOf(pid) == group {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}

// groupOf reads a process's group from /proc/PID/stat: the third field after
// the name, which is in parentheses and may hold anything.
func groupOf(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 || string(fields[0]) == "Z" {
		return 0
	}
	g, _ := strconv.Atoi(string(fields[2]))
	return g
}

// endGroup waits until the group has no members, and kills those that are left after grace.
func endGroup(group int, grace time.Duration) {
	deadline := time.Now().Add(grace)
	for time.Now().Before(deadline) {
		if !alive(group) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
}

func alive(group int) bool {
	if syscall.Kill(-group, 0) != nil {
		return false
	}
	// There may be only dead ones that nobody waited for.
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && groupOf(pid) == group {
			return true
		}
	}
	return false
}
