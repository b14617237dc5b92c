//go:build unix && !linux

package main

import "syscall"

// signalApp sends a signal to the application's process group, when it is known.
func (p *parent) signalApp(sig syscall.Signal) bool {
	pid := int(p.app.Load())
	return pid > 1 && syscall.Kill(-pid, sig) == nil
}

func (p *parent) askApp()        { p.signalApp(syscall.SIGTERM) }
func (p *parent) appLives() bool { return p.signalApp(0) }
func (p *parent) killApp()       { p.signalApp(syscall.SIGKILL) }
