package http

import (
	"log/slog"
	"net"

	"github.com/berth-run/berth/host/api"
)

// Options configure a Server.
type Options struct {
	api.Services

	// Addresses are the TCP addresses of the API, such as "127.0.0.1:3500". One that
	// cannot be listened on is logged and left out as long as another can.
	Addresses []string
	// UnixSocket is the path of a Unix socket, which takes the place of Addresses.
	UnixSocket string
	// Listeners are already open and served as well as Addresses; the server closes them.
	Listeners []net.Listener
	// PublicAddress serves health and metadata only, without a token; "" = off.
	PublicAddress string

	// MaxBodySize is how many bytes the body of a request may have: 0 = api.DefaultMaxBodySize, negative = no limit.
	MaxBodySize int64
	// ReadBufferSize is how many bytes the header of a request may have: 0 = api.DefaultReadBufferSize.
	ReadBufferSize int
	// Ready, when given, holds calls back until it is closed, but for those of
	// health, metadata and shutdown.
	Ready <-chan struct{}
	// Token is what the header dapr-api-token must hold; "" = calls need none.
	Token string
	// AllowedOrigins is "" for no CORS, "*" for any origin, else a list with commas.
	AllowedOrigins string
	// DisableH2C leaves HTTP/2 without TLS out.
	DisableH2C bool
	// Access switches APIs on and off; rules of other protocols than "http" are passed over.
	Access api.Access

	// Log is where the server and, with LogCalls, each call is logged; nil = nowhere.
	Log *slog.Logger
	// LogCalls logs each call with its duration, status and size.
	LogCalls api.CallLog
}
