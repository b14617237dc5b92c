package host_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/berth-run/berth/host/hosttest"
)

const statestore = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec: {type: state.in-memory, version: v1}
`

func TestStateThroughTheSidecar(t *testing.T) {
	s := hosttest.Start(t, hosttest.Options{Components: statestore})
	resp, err := http.Post(s.HTTP+"/v1.0/state/statestore", "application/json", strings.NewReader(`[{"key":"k","value":{"a":1}}]`))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("got %s, want 204", resp.Status)
	}
	resp, err = http.Get(s.HTTP + "/v1.0/state/statestore/k")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if string(body) != `{"a":1}` {
		t.Fatalf("got %s %q", resp.Status, body)
	}
}
