package host

// Version is the release of Berth. The build sets it:
//
//	go build -ldflags '-X github.com/berth-run/berth/host.Version=v1.2.3'
var Version = "0.0.0-dev"

// DaprVersion is the release of Dapr whose API the sidecar offers. Clients that
// ask for the runtime's version compare it with the Dapr release they need.
const DaprVersion = "1.18.0"
