package grpc

import (
	"log/slog"
	"net"
	"time"

	"github.com/berth-run/berth/host/api"
)

// Options configure a Server.
type Options struct {
	api.Services

	// Addresses are the TCP addresses of the API, such as "127.0.0.1:50001". One that
	// cannot be listened on is logged and left out as long as another can.
	Addresses []string
	// UnixSocket is the path of a Unix socket, which takes the place of Addresses.
	UnixSocket string
	// Listeners are already open and served as well as Addresses; the server closes them.
	Listeners []net.Listener

	// MaxBodySize is how many bytes a message may have, both ways: 0 = api.DefaultMaxBodySize, negative = no limit.
	MaxBodySize int64
	// ReadBufferSize is how many bytes the metadata of a call may have: 0 = api.DefaultReadBufferSize.
	ReadBufferSize int
	// Token is what the metadata dapr-api-token must hold; "" = calls need none.
	Token string
	// MaxIdle is after how long without calls a connection is closed: 0 = 3 minutes.
	MaxIdle time.Duration
	// Access switches APIs on and off; rules of other protocols than "grpc" are passed over.
	Access api.Access

	// Log is where the server and, with LogCalls, each call is logged; nil = nowhere.
	Log *slog.Logger
	// LogCalls logs each call with its duration and status.
	LogCalls api.CallLog
}
