package host_test

import (
	"context"
	"testing"

	"github.com/berth-run/berth/host"
	"github.com/berth-run/berth/host/hosttest"
)

// BenchmarkStart is a start from a warm compile cache to the moment in which
// the application may call, and the end.
func BenchmarkStart(b *testing.B) {
	opts := hosttest.NewOptions(b, hosttest.Options{Components: statestore}, new(hosttest.Log))
	for b.Loop() {
		s, err := host.New(opts)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		select {
		case <-s.Ready():
		case err := <-done:
			b.Fatal(err)
		}
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
