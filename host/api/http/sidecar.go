package http

import (
	"encoding/json"
	"net/http"
	"strings"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

func (h *handler) getHealth(w http.ResponseWriter, r *http.Request, _ params) {
	if parts := h.Unready(); len(parts) > 0 {
		h.fail(w, apierrors.New(apierrors.HealthNotReady, parts))
		return
	}
	// Name resolvers ask with the id, to see whether the application has been replaced by another.
	if q := query(r.URL); q.Has("appid") && q.Get("appid") != h.AppID {
		h.fail(w, apierrors.New(apierrors.HealthAppIDMismatch))
		return
	}
	empty(w)
}

func (h *handler) getOutboundHealth(w http.ResponseWriter, _ *http.Request, _ params) {
	if !h.OutboundReady() {
		h.fail(w, apierrors.New(apierrors.OutboundNotReady))
		return
	}
	empty(w)
}

func (h *handler) getMetadata(w http.ResponseWriter, r *http.Request, _ params) {
	body, err := json.Marshal(h.Metadata(r.Context()))
	if err != nil {
		h.fail(w, err)
		return
	}
	data(w, body)
}

func (h *handler) putMetadata(w http.ResponseWriter, r *http.Request, p params) {
	b := buffers.Get().(*buffer)
	defer b.release()
	body, err := h.read(b, r)
	if err != nil {
		h.fail(w, err)
		return
	}
	h.SetMetadata(r.Context(), p[0], string(body))
	empty(w)
}

func (h *handler) postShutdown(w http.ResponseWriter, r *http.Request, _ params) {
	h.Shutdown(strings.EqualFold(r.Header.Get("Dapr-Force-Shutdown"), "true"))
	empty(w)
}
