package http

import (
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/berth-run/berth/host/api"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// tokenHeader carries the API token, in the form in which net/http keeps it.
const tokenHeader = "Dapr-Api-Token"

// handler answers all requests of a listener. The order of the checks is
// Dapr's: CORS before the token, so that a browser may ask first; the log
// sees only what was let in.
type handler struct {
	api.Services
	router  *router
	token   []byte // nil = none needed
	cors    *cors  // nil = off
	maxBody int64  // negative = no limit
	ready   <-chan struct{}
	calls   api.CallLog
	log     *slog.Logger
	callLog *slog.Logger // of calls
}

func newHandler(o *Options, log, calls *slog.Logger) *handler {
	h := &handler{
		Services: o.Services, router: newRouter(allowed(o.Access)), cors: newCORS(o.AllowedOrigins),
		maxBody: o.MaxBodySize, ready: o.Ready, calls: o.LogCalls, log: log, callLog: calls,
	}
	if o.Token != "" {
		h.token = []byte(o.Token)
	}
	return h
}

// newPublicHandler serves what may be seen from outside: health and metadata,
// to be read only.
func newPublicHandler(o *Options, log *slog.Logger) *handler {
	return &handler{
		Services: o.Services, maxBody: o.MaxBodySize, log: log,
		router: newRouter(func(r *route) bool { return r.health || r.name == "GetMetadata" }),
	}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.cors != nil && h.cors.handle(w, r) {
		return
	}
	if h.token != nil && !h.authorized(r) {
		h.fail(w, apierrors.New(apierrors.TokenInvalid))
		return
	}
	if h.ready != nil && !h.admit(r) {
		return
	}
	if h.calls.Enabled {
		h.serveLogged(w, r)
		return
	}
	if route, p := h.router.find(r.Method, r.URL); route != nil {
		route.serve(h, w, r, p)
		return
	}
	h.fallback(w, r)
}

// authorized checks the token and takes it out of the request, so that it is
// not passed on. Health may be asked without one.
func (h *handler) authorized(r *http.Request) bool {
	var given string
	if v := r.Header[tokenHeader]; len(v) > 0 {
		given = v[0]
	}
	delete(r.Header, tokenHeader)
	if subtle.ConstantTimeCompare([]byte(given), h.token) == 1 {
		return true
	}
	if r.Method != http.MethodGet {
		return false
	}
	switch strings.Trim(r.URL.Path, "/") {
	case "v1.0/healthz", "v1.0/healthz/outbound":
		return true
	}
	return false
}

// fallback answers requests that no API of the sidecar knows: they are read
// as calls of another application, which they may name in three ways.
func (h *handler) fallback(w http.ResponseWriter, r *http.Request) {
	code := apierrors.InvokeNoAppID
	user, id, _ := r.BasicAuth()
	if r.Header.Get("Dapr-App-Id") != "" || user == "dapr-app-id" && id != "" || strings.HasPrefix(r.URL.Path, "/v1.0/invoke/") {
		code = apierrors.InvokeNotReady
	}
	h.fail(w, apierrors.New(code))
}

func (h *handler) serveLogged(w http.ResponseWriter, r *http.Request) {
	route, p := h.router.find(r.Method, r.URL)
	start := time.Now()
	rec := &recorder{ResponseWriter: w}
	if route != nil {
		route.serve(h, rec, r, p)
	} else {
		h.fallback(rec, r)
	}
	if route != nil && route.health && h.calls.OmitHealthChecks {
		return
	}
	method := r.Method + " " + r.URL.Path
	if h.calls.ObfuscateURLs {
		method = "Unknown"
		if route != nil {
			method = route.name
		}
	}
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.Int64("duration", time.Since(start).Milliseconds()),
		slog.Int("code", rec.status()),
		slog.Int64("size", rec.size),
	}
	if ua := r.UserAgent(); ua != "" {
		attrs = append(attrs, slog.String("useragent", ua))
	}
	h.callLog.LogAttrs(r.Context(), slog.LevelInfo, "HTTP API Called", attrs...)
}

// recorder notes the status and size of an answer.
type recorder struct {
	http.ResponseWriter
	code int
	size int64
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.size += int64(n)
	return n, err
}

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
