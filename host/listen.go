package host

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/berth-run/berth/host/api"
	"github.com/berth-run/berth/host/api/grpc"
	"github.com/berth-run/berth/host/api/http"
)

// listen opens the HTTP API and takes the gRPC API's port.
//
// The gRPC API starts to listen when the components are ready, as Dapr's does:
// its clients give up a few seconds after they got a connection, and tools
// start the application when both ports are open. Until then it is only seen to
// that the port is free. A port that nobody else knows is opened at once.
func (s *Sidecar) listen() error {
	o, spec := &s.opts, &s.config.Spec
	services := api.Services{
		AppID: o.AppID, State: s.graph.States(), Unready: s.unready, OutboundReady: s.outbound.Load,
		Metadata: s.metadata, SetMetadata: s.setMetadata, Shutdown: s.shutdown,
	}
	var access api.Access
	for _, r := range spec.API.Allowed {
		access.Allowed = append(access.Allowed, api.AccessRule{Name: r.Name, Version: r.Version, Protocol: r.Protocol})
	}
	for _, r := range spec.API.Denied {
		access.Denied = append(access.Denied, api.AccessRule{Name: r.Name, Version: r.Version, Protocol: r.Protocol})
	}
	logging := spec.Logging.APILogging
	calls := api.CallLog{
		Enabled: o.APILogging || logging.Enabled, ObfuscateURLs: logging.ObfuscateURLs, OmitHealthChecks: logging.OmitHealthChecks,
	}
	httpOptions := http.Options{
		Services: services, PublicAddress: o.PublicAddress, MaxBodySize: o.MaxBodySize, ReadBufferSize: o.ReadBufferSize,
		Ready: s.gate, Token: o.APIToken, AllowedOrigins: o.AllowedOrigins, DisableH2C: o.DisableH2C, Access: access,
		Log: s.log.With("scope", "dapr.runtime.http"), LogCalls: calls,
	}
	s.grpcOptions = grpc.Options{
		Services: services, MaxBodySize: o.MaxBodySize, ReadBufferSize: o.ReadBufferSize,
		Token: o.APIToken, MaxIdle: o.GRPCMaxIdle, Access: access,
		Log: s.log.With("scope", "dapr.runtime.grpc"), LogCalls: calls,
	}
	switch {
	case o.HTTPListener != nil:
		httpOptions.Listeners = []net.Listener{o.HTTPListener}
	case o.UnixSocketDir != "":
		httpOptions.UnixSocket = s.socket("http")
	default:
		httpOptions.Addresses = addresses(o.ListenAddresses, o.HTTPPort)
	}
	switch {
	case o.GRPCListener != nil:
		s.grpcListener = o.GRPCListener
	case o.UnixSocketDir != "":
		s.grpcOptions.UnixSocket = s.socket("grpc")
	default:
		s.grpcOptions.Addresses = addresses(o.ListenAddresses, o.GRPCPort)
	}

	var err error
	if s.http, err = http.NewServer(httpOptions); err != nil {
		return err
	}
	if err := s.http.Listen(); err != nil {
		flag := "--dapr-http-port"
		if strings.Contains(err.Error(), "public address") {
			flag = "--dapr-public-port"
		}
		return portError(flag, err)
	}
	if s.grpcListener == nil && o.UnixSocketDir == "" {
		if o.GRPCPort == 0 {
			s.grpcListener, err = net.Listen("tcp", s.grpcOptions.Addresses[0])
		} else {
			err = free(s.grpcOptions.Addresses)
		}
		if err != nil {
			_ = s.Close()
			return portError("--dapr-grpc-port", err)
		}
	}
	return nil
}

// openGRPC starts to listen for gRPC calls.
func (s *Sidecar) openGRPC() error {
	if s.grpcListener != nil {
		s.grpcOptions.Listeners, s.grpcOptions.Addresses = []net.Listener{s.grpcListener}, nil
	}
	server, err := grpc.NewServer(s.grpcOptions)
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return portError("--dapr-grpc-port", err)
	}
	s.grpc = server
	return nil
}

// socket is the path of an API's Unix socket; the names are Dapr's.
func (s *Sidecar) socket(api string) string {
	return filepath.Join(s.opts.UnixSocketDir, "dapr-"+s.opts.AppID+"-"+api+".socket")
}

// addresses joins every host with the port.
func addresses(hosts []string, port int) []string {
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = net.JoinHostPort(strings.Trim(h, "[]"), strconv.Itoa(port))
	}
	return out
}

// portError says which flag chooses another port.
func portError(flag string, err error) error {
	var op *net.OpError
	what := "the port"
	if errors.As(err, &op) && op.Addr != nil {
		what = op.Addr.String()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is in use by another process: stop it, or choose another port (0 takes a free one)", flag, what)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: this user may not listen on %s: choose a port above 1023", flag, what)
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// where names addresses as Dapr's log does: by port, or the socket's path.
func where(addrs []net.Addr) string {
	if len(addrs) == 0 {
		return "no address"
	}
	if t, ok := addrs[0].(*net.TCPAddr); ok {
		return "port " + strconv.Itoa(t.Port)
	}
	return addrs[0].String()
}
