// Package listen opens the listeners of an API server: several TCP addresses,
// of which some may fail, or one Unix socket.
package listen

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"
)

// All returns the given listeners and those it opens. It fails, with none
// left open, when there is nothing to listen on or a Unix socket cannot be had.
func All(addresses []string, unixSocket string, given []net.Listener, log *slog.Logger) (ls []net.Listener, err error) {
	ls = append(ls, given...)
	defer func() {
		if err != nil {
			for _, l := range ls {
				l.Close()
			}
			ls = nil
		}
	}()
	if unixSocket != "" {
		l, err := unix(unixSocket)
		if err != nil {
			return ls, err
		}
		return append(ls, l), nil
	}
	var failed []error
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			log.Warn("cannot listen on address", "address", a, "error", err)
			failed = append(failed, err)
			continue
		}
		ls = append(ls, l)
	}
	if len(ls) == 0 {
		return ls, fmt.Errorf("could not listen on any endpoint: %w", errors.Join(failed...))
	}
	return ls, nil
}

// unix listens on a socket, also when a process that is gone left it behind.
func unix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	fi, serr := os.Lstat(path)
	if serr != nil || fi.Mode().Type() != os.ModeSocket {
		return nil, err
	}
	c, derr := net.DialTimeout("unix", path, time.Second)
	if derr == nil {
		c.Close()
		return nil, err
	}
	if !errors.Is(derr, syscall.ECONNREFUSED) {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return net.Listen("unix", path)
}
