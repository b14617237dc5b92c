package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/observability"
	"github.com/berth-run/berth/host/runtime"
)

// output is where the log goes.
func (s *settings) output(stdout io.Writer) (io.Writer, error) {
	if s.logFile == "" {
		return stdout, nil
	}
	f, err := os.OpenFile(s.logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) // open until the process ends
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	return f, nil
}

// sameSignal is for how long signals after the first count as that one: timeout
// and terminals send one to a process and to its group.
const sameSignal = 500 * time.Millisecond

// watchSignals returns a context that SIGINT and SIGTERM end. A second one of
// them ends the process at once.
func watchSignals(ctx context.Context, log *slog.Logger) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		var first time.Time
		for {
			select {
			case sig := <-got:
				switch {
				case first.IsZero():
					first = time.Now()
					log.Info("received signal '" + sig.String() + "'; beginning shutdown")
					cancel()
				case time.Since(first) > sameSignal:
					log.Log(ctx, observability.LevelFatal, "second signal, ending at once: "+sig.String())
					os.Exit(exitFailed)
				}
			case <-over:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(got)
		close(over)
		watcher.Wait()
		cancel()
	}
}

// errReload ends a sidecar that is to be started anew.
var errReload = errors.New("reload")

// once makes and runs one sidecar. It returns errReload after SIGHUP.
func (s *settings) once(ctx context.Context) error {
	if err := s.listeners(); err != nil {
		return err
	}
	settle := quietStart()
	defer settle()
	sidecar, err := host.New(s.options)
	if err != nil {
		return err
	}
	s.setenv(sidecar)
	ctx, cancel := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel(nil)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	watcher.Go(func() {
		ready := sidecar.Ready()
		for {
			select {
			case <-hup:
				cancel(errReload)
			case <-ready:
				ready = nil
				s.tellReady()
				settle()
			case <-ctx.Done():
				return
			}
		}
	})
	err = sidecar.Run(ctx)
	if errors.Is(err, errReload) || err == nil && errors.Is(context.Cause(ctx), errReload) {
		return errReload
	}
	return err
}

// setenv tells components, through their metadata, what daprd tells them.
func (s *settings) setenv(sidecar *host.Sidecar) {
	o := &s.options
	port := func(address string) string {
		_, p, err := net.SplitHostPort(address)
		if err != nil {
			return "0" // a Unix socket
		}
		return p
	}
	for _, v := range []struct{ name, value string }{
		{"APP_ID", o.AppID},
		{"APP_PORT", strconv.Itoa(o.App.Port)},
		{"HOST_ADDRESS", hostAddress()},
		{"DAPR_PORT", strconv.Itoa(s.internalPort)},
		{"DAPR_GRPC_PORT", port(sidecar.GRPCAddr())},
		{"DAPR_HTTP_PORT", port(sidecar.HTTPAddr())},
		{"DAPR_METRICS_PORT", strconv.Itoa(s.metricsPort)},
		{"DAPR_PROFILE_PORT", strconv.Itoa(s.profilePort)},
	} {
		_ = os.Setenv(v.name, v.value) // fails for names and values with a zero byte only
	}
}

// hostAddress is this machine's address: $DAPR_HOST_IP, else the one from which
// packets to the rest of the world would leave. None is sent.
func hostAddress() string {
	if ip := os.Getenv("DAPR_HOST_IP"); ip != "" {
		return ip
	}
	conn, err := net.Dial("udp", "8.8.8.8:80")
	if err != nil {
		return "127.0.0.1"
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}

// report says why the sidecar did not start, or how it failed. On a terminal
// the problems are a table; in a log that programs read, a line each.
func (s *settings) report(log *slog.Logger, stderr io.Writer, err error) int {
	ctx := context.Background()
	var start *runtime.StartError
	if !errors.As(err, &start) {
		log.Log(ctx, observability.LevelFatal, err.Error())
		return exitFailed
	}
	n := len(start.Problems)
	if s.logJSON || s.logFile != "" {
		for _, p := range start.Problems {
			log.Error(p.Message, "code", string(p.Code), "resource", p.Resource, "field", p.Field, "file", p.File, "line", p.Line, "hint", p.Hint)
		}
	}
	text := fmt.Sprintf("the sidecar does not start: %d problems", n)
	if n == 1 {
		text = "the sidecar does not start: 1 problem"
	}
	log.Log(ctx, observability.LevelFatal, text)
	if !s.logJSON {
		fmt.Fprintln(stderr, start)
	}
	return exitFailed
}
