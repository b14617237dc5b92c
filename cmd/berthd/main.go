// Command berthd is the sidecar. It takes the flags of Dapr's daprd, in whose
// place it may be put under that name too, and some of its own; see --help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/observability"
)

// Exit codes.
const (
	exitFailed = 1 // it did not start, or an end was forced
	exitUsage  = 2 // the command line is wrong
)

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args[1:], os.Getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		err = usage(stdout)
	case err != nil:
		fmt.Fprintf(stderr, "berthd: %v\nhint: berthd --help lists all flags\n", err)
		return exitUsage
	case s.version:
		_, err = fmt.Fprintln(stdout, version(filepath.Base(args[0])))
	case s.buildInfo:
		_, err = io.WriteString(stdout, buildInfo())
	case s.wait:
		err = waitReady(context.Background(), &s.options)
	default:
		return s.sidecar(stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "berthd:", err)
		return exitFailed
	}
	return 0
}

// sidecar runs until it is told to end. SIGHUP starts it anew.
func (s *settings) sidecar(stdout, stderr io.Writer) int {
	out, err := s.output(stdout)
	if err != nil {
		fmt.Fprintln(stderr, "berthd:", err)
		return exitFailed
	}
	host0, _ := os.Hostname()
	log := slog.New(observability.NewHandler(observability.LogOptions{
		Writer: out, Level: s.logLevel, JSON: s.logJSON, AppID: s.options.AppID, Instance: host0, Version: host.Version,
	}))
	s.options.Log = log
	for _, w := range s.warnings {
		log.Warn(w)
	}
	for _, n := range s.notes {
		log.Debug(n)
	}
	s.locate()
	ctx, stop := watchSignals(context.Background(), log)
	defer stop()
	parent, err := s.inherit()
	if err != nil {
		return s.report(log, stderr, err)
	}
	ctx = parent.watch(ctx, log)
	for {
		err := s.once(ctx)
		if errors.Is(err, errReload) {
			log.Info("SIGHUP: starting anew")
			continue
		}
		parent.endApp(ctx.Err() != nil, s.options.GracefulShutdown)
		if err != nil {
			return s.report(log, stderr, err)
		}
		return 0
	}
}
