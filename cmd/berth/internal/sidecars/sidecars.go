// Package sidecars finds the sidecars that run on this machine, Dapr's and
// Berth's alike, and asks them what they are.
//
//	running, err := sidecars.Find()
//	m, err := running[0].Metadata(ctx)
//
// It starts and stops none.
package sidecars

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/berth-run/berth/host/api"
)

// Sidecar is a running sidecar, by its command line.
type Sidecar struct {
	PID      int // 0 = not known
	AppID    string
	HTTPPort int
	Address  string // host that the HTTP API is called on; "" = 127.0.0.1
	Socket   string // folder of Unix sockets, "" = it has ports
}

// programs are the names under which sidecars run.
var programs = []string{"berthd", "daprd"}

// fromArgs reads a sidecar's command line; ok is false for any other program.
func fromArgs(args []string) (s Sidecar, ok bool) {
	if len(args) == 0 {
		return s, false
	}
	for _, p := range programs {
		ok = ok || filepath.Base(args[0]) == p
	}
	if !ok {
		return s, false
	}
	s.HTTPPort = 3500
	for i := 1; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			continue
		}
		if !has && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			value = args[i+1]
		}
		switch strings.TrimLeft(name, "-") {
		case "app-id":
			s.AppID = value
		case "dapr-http-port":
			if p, err := strconv.Atoi(value); err == nil {
				s.HTTPPort = p
			}
		case "dapr-listen-addresses":
			first, _, _ := strings.Cut(value, ",")
			first = strings.Trim(strings.TrimSpace(first), "[]")
			if ip := net.ParseIP(first); ip == nil || !ip.IsUnspecified() {
				s.Address = first
			}
		case "unix-domain-socket":
			s.Socket = value
		}
	}
	return s, true
}

// String names the sidecar for messages.
func (s Sidecar) String() string {
	at := "port " + strconv.Itoa(s.HTTPPort)
	if s.Socket != "" {
		at = s.socket()
	}
	if s.AppID == "" {
		return at
	}
	return s.AppID + " (" + at + ")"
}

func (s Sidecar) socket() string {
	return filepath.Join(s.Socket, "dapr-"+s.AppID+"-http.socket")
}

// askTime is how long a sidecar may take to answer.
const askTime = 5 * time.Second

// Metadata asks the sidecar for its metadata, with the token of
// $DAPR_API_TOKEN when there is one.
func (s Sidecar) Metadata(ctx context.Context) (*api.Metadata, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	host := s.Address
	if host == "" {
		host = "127.0.0.1"
	}
	if s.Socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.socket())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(s.HTTPPort)) + "/v1.0/metadata"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token := os.Getenv("DAPR_API_TOKEN"); token != "" {
		req.Header.Set("dapr-api-token", token)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the sidecar %s: %w", s, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("asking the sidecar %s: %w", s, err)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("the sidecar %s wants a token: set DAPR_API_TOKEN", s)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("asking the sidecar %s: it answers %s", s, resp.Status)
	}
	m := new(api.Metadata)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("asking the sidecar %s: its answer is not metadata: %w", s, err)
	}
	return m, nil
}
