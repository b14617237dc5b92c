package componentscmd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/host/api"
)

func TestTable(t *testing.T) {
	rows := []entry{
		{"orders", api.Plugin{Component: "statestore", Type: "state.in-memory", Version: "v1", Digest: "sha256:0123456789abcdef0123456789abcdef",
			State: "ready", Instances: 1, Memory: 3 << 20, Calls: 12345, Traps: 2, Restarts: 1}},
		{"shop", api.Plugin{Component: "other", Type: "state.redis", State: "failed"}},
	}
	var one, several strings.Builder
	if err := writeTable(&one, rows[:1], false); err != nil {
		t.Fatal(err)
	}
	if err := writeTable(&several, rows, true); err != nil {
		t.Fatal(err)
	}
	const wantOne = `
NAME        TYPE             VERSION  DIGEST        STATE  INSTANCES  MEMORY   CALLS  TRAPS  RESTARTS
statestore  state.in-memory  v1       0123456789ab  ready  1          3.0 MiB  12345  2      1
`
	const wantSeveral = `
APP     NAME        TYPE             VERSION  DIGEST        STATE   INSTANCES  MEMORY   CALLS  TRAPS  RESTARTS
orders  statestore  state.in-memory  v1       0123456789ab  ready   1          3.0 MiB  12345  2      1
shop    other       state.redis      -        -             failed  0          0 B      0      0      0
`
	if d := cmp.Diff(wantOne, "\n"+one.String()); d != "" {
		t.Errorf("one sidecar (-want +got):\n%s", d)
	}
	if d := cmp.Diff(wantSeveral, "\n"+several.String()); d != "" {
		t.Errorf("several sidecars (-want +got):\n%s", d)
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 30: "3.0 GiB"} {
		if got := size(in); got != want {
			t.Errorf("%d: got %q, want %q", in, got, want)
		}
	}
}
