package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// runFDs is how `berth run` hands over open files: a list such as
// "parent=3,ready=4,http=5,grpc=6". http and grpc are listeners, so that ports
// that were found free stay so; parent is the reading end of a pipe whose other
// end only `berth run` holds, so that its death shows, whatever killed it; ready
// is the writing end of another, which gets a line when the sidecar is.
const runFDs = "BERTH_RUN_FDS"

// runID marks what belongs together: `berth run` puts a text that nobody else
// has into the environment of the sidecar and of the application, which hands it
// on to whatever it starts.
const runID = "BERTH_RUN_ID"

// parent is the process that started the sidecar together with an application.
// A nil parent is none.
type parent struct {
	pipe *os.File
	id   string        // of runID
	gone chan struct{} // closed when the pipe's other end is
	stop chan struct{} // closed when the parent says that it ends us
	// app is the application's process, which leads a group; 0 while it is not known.
	app atomic.Int64
}

// inherit takes over what runFDs names.
func (s *settings) inherit() (*parent, error) {
	list := os.Getenv(runFDs)
	if list == "" {
		return nil, nil
	}
	_ = os.Unsetenv(runFDs) // it is not for anyone else
	var p *parent
	for entry := range strings.SplitSeq(list, ",") {
		name, number, _ := strings.Cut(entry, "=")
		fd, err := strconv.ParseUint(number, 10, 31)
		if err != nil || fd < 3 {
			return nil, fmt.Errorf("%s: %q is not a name and a file", runFDs, entry)
		}
		f := os.NewFile(uintptr(fd), name)
		if f == nil {
			return nil, fmt.Errorf("%s: %q: no such file", runFDs, entry)
		}
		switch name {
		case "http":
			s.httpFile = f
		case "grpc":
			s.grpcFile = f
		case "ready":
			s.readyFile = f
		case "parent":
			p = &parent{pipe: f, id: os.Getenv(runID), gone: make(chan struct{}), stop: make(chan struct{})}
		default:
			return nil, fmt.Errorf("%s: %q: unknown name", runFDs, entry)
		}
	}
	return p, nil
}

// tellReady says to `berth run` that the application may call.
func (s *settings) tellReady() {
	if s.readyFile == nil {
		return
	}
	_, _ = io.WriteString(s.readyFile, "ready\n") // fails when the parent is gone, which shows elsewhere
	_ = s.readyFile.Close()
	s.readyFile = nil
}

// listeners gives the next sidecar copies of the inherited listeners, which it closes.
func (s *settings) listeners() (err error) {
	if s.httpFile != nil {
		if s.options.HTTPListener, err = net.FileListener(s.httpFile); err != nil {
			return fmt.Errorf("%s: http: %w", runFDs, err)
		}
	}
	if s.grpcFile != nil {
		if s.options.GRPCListener, err = net.FileListener(s.grpcFile); err != nil {
			return fmt.Errorf("%s: grpc: %w", runFDs, err)
		}
	}
	return nil
}

// watch returns a context that ends when the parent does. The parent says in a
// line "app N" which process the application is, and in a line "stop" that it is
// about to send SIGTERM.
func (p *parent) watch(ctx context.Context, log *slog.Logger) context.Context {
	if p == nil {
		return ctx
	}
	// Our output goes to the parent. When that is gone, writing must not kill us
	// before the application has been seen to.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the pipe, so with the parent or the process
		defer cancel()
		lines := bufio.NewScanner(p.pipe)
		for lines.Scan() {
			if lines.Text() == "stop" {
				close(p.stop)
				break // the rest is the parent's business, also its end
			}
			if n, ok := strings.CutPrefix(lines.Text(), "app "); ok {
				if pid, err := strconv.ParseInt(n, 10, 32); err == nil && pid > 1 {
					p.app.Store(pid)
				}
			}
		}
		select {
		case <-p.stop:
		default:
			log.Info("berth run is gone; ending, and the application with me")
			p.askApp()
			close(p.gone)
		}
	}()
	return ctx
}

// goneTime is how much later than the kernel's SIGTERM the pipe may close: the
// signal comes when the parent's first thread ends, the pipe closes with its last.
const goneTime = 5 * time.Second

// endApp sees the application end when the parent is gone, by force after grace.
// signaled says that a signal ended us, which may have been the kernel's.
func (p *parent) endApp(signaled bool, grace time.Duration) {
	if p == nil {
		return
	}
	if signaled {
		t := time.NewTimer(goneTime)
		defer t.Stop()
		select {
		case <-p.gone:
		case <-p.stop:
		case <-t.C: // somebody else's signal
		}
	}
	select {
	case <-p.gone:
	default:
		return // the parent lives, and ends the application itself
	}
	deadline := time.Now().Add(grace)
	for p.appLives() && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	p.killApp()
}
