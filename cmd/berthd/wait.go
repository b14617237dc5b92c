package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/berth-run/berth/host"
)

// How long --wait waits, and how often it asks.
const (
	waitTime  = time.Minute
	waitEvery = 100 * time.Millisecond
)

// waitReady asks the sidecar on this machine until it may be called.
func waitReady(ctx context.Context, o *host.Options) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(o.HTTPPort))
	transport := &http.Transport{DisableKeepAlives: true}
	if o.UnixSocketDir != "" {
		path := filepath.Join(o.UnixSocketDir, "dapr-"+o.AppID+"-http.socket")
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	client := http.Client{Transport: transport, Timeout: time.Second}
	t := time.NewTicker(waitEvery)
	defer t.Stop()
	var last error
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1.0/healthz/outbound", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < 300 {
				return nil
			}
			err = fmt.Errorf("it answers %s", resp.Status)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the sidecar is not ready after %s: %w", waitTime, last)
		case <-t.C:
		}
	}
}
