//go:build unix && !linux

package main

import (
	"syscall"
	"time"
)

// askGroup sends SIGTERM to a process group.
func askGroup(group int) { _ = syscall.Kill(-group, syscall.SIGTERM) }

// endGroup waits until the group has no members, and kills those that are left after grace.
func endGroup(group int, grace time.Duration) {
	deadline := time.Now().Add(grace)
	for time.Now().Before(deadline) {
		if syscall.Kill(-group, 0) != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
}
