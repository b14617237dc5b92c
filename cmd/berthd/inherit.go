package main

import (
	"bufio"
	"context"
	"fmt"
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
// "http=3,grpc=4,parent=5". http and grpc are listeners, so that ports that were
// found free stay so; parent is the reading end of a pipe whose other end only
// `berth run` holds, so that its death shows, whatever killed it.
const runFDs = "BERTH_RUN_FDS"

// parent is the process that started the sidecar together with an application.
// A nil parent is none.
type parent struct {
	pipe *os.File
	gone atomic.Bool
	// group is the process group of the application, 0 while there is none.
	group atomic.Int64
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
		case "parent":
			p = &parent{pipe: f}
		default:
			return nil, fmt.Errorf("%s: %q: unknown name", runFDs, entry)
		}
	}
	return p, nil
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

// watch returns a context that ends when the parent does. Until then the parent
// says in lines "group N" which process group the application is.
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
			if n, ok := strings.CutPrefix(lines.Text(), "group "); ok {
				if g, err := strconv.ParseInt(n, 10, 32); err == nil && g >= 0 {
					p.group.Store(g)
				}
			}
		}
		p.gone.Store(true)
		log.Info("berth run is gone; ending, and the application with me")
		if g := int(p.group.Load()); g > 1 {
			askGroup(g)
		}
	}()
	return ctx
}

// endApp sees the application end when the parent is gone, by force after grace.
func (p *parent) endApp(grace time.Duration) {
	if p == nil || !p.gone.Load() {
		return
	}
	if g := int(p.group.Load()); g > 1 {
		endGroup(g, grace)
	}
}
