package http

import (
	"net/http"
	"strings"
)

// admit waits until the sidecar is ready, or returns false when the caller
// went away before. A call that came early is better answered late than with
// the error that there is no such component: to some applications an open
// port is a sidecar that is ready.
func (h *handler) admit(r *http.Request) bool {
	select {
	case <-h.ready:
		return true
	default:
	}
	switch path := strings.Trim(r.URL.Path, "/"); {
	case path == "v1.0/healthz", path == "v1.0/healthz/outbound", path == "v1.0/shutdown",
		path == "v1.0/metadata", strings.HasPrefix(path, "v1.0/metadata/"):
		return true
	}
	select {
	case <-h.ready:
		return true
	case <-r.Context().Done():
		return false
	}
}
