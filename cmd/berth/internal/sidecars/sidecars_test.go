package sidecars

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromArgs(t *testing.T) {
	tests := []struct {
		name, args string
		want       Sidecar
		other      bool // it is no sidecar
	}{
		{name: "defaults", args: "/usr/bin/berthd --app-id orders", want: Sidecar{AppID: "orders", HTTPPort: 3500}},
		{name: "as dapr run starts it", args: "/home/u/.dapr/bin/daprd --app-id orders --dapr-http-port 3501 --dapr-grpc-port 50002 --app-max-concurrency -1 --app-port 8080",
			want: Sidecar{AppID: "orders", HTTPPort: 3501}},
		{name: "as berth run starts it", args: "./berthd --app-id=orders --dapr-listen-addresses=127.0.0.1 --dapr-http-port=41234",
			want: Sidecar{AppID: "orders", HTTPPort: 41234, Address: "127.0.0.1"}},
		{name: "one dash", args: "berthd -app-id orders -dapr-http-port=1", want: Sidecar{AppID: "orders", HTTPPort: 1}},
		{name: "listens everywhere", args: "berthd --dapr-listen-addresses 0.0.0.0", want: Sidecar{HTTPPort: 3500}},
		{name: "the first of several addresses", args: "berthd --dapr-listen-addresses=[::1],10.0.0.1", want: Sidecar{HTTPPort: 3500, Address: "::1"}},
		{name: "socket", args: "berthd --unix-domain-socket /tmp --app-id a", want: Sidecar{AppID: "a", HTTPPort: 3500, Socket: "/tmp"}},
		{name: "a switch has no value", args: "berthd --log-as-json --app-id a", want: Sidecar{AppID: "a", HTTPPort: 3500}},
		{name: "not a number", args: "berthd --dapr-http-port many", want: Sidecar{HTTPPort: 3500}},
		{name: "a flag without its value", args: "berthd --app-id", want: Sidecar{HTTPPort: 3500}},
		{name: "another program", args: "/usr/bin/vim berthd --app-id x", other: true},
		{name: "a name that only begins so", args: "berthd-exporter --app-id x", other: true},
		{name: "nothing", args: "", other: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := fromArgs(strings.Fields(tt.args))
			if ok == tt.other {
				t.Fatalf("got %v, want %v", ok, !tt.other)
			}
			if d := cmp.Diff(tt.want, got); ok && d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
