package http

import (
	"encoding/json"
	"net/http"
	"strconv"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

// jsonType is the value of the header Content-Type; one slice serves all
// answers, and net/http only reads it.
var jsonType = []string{"application/json"}

// sniffLen is how much of an answer net/http holds back to give it a
// Content-Length by itself. A longer one without that header is sent in chunks.
const sniffLen = 2048

// empty answers a request that went well and has nothing to say.
func empty(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

// data answers with bytes that are JSON already.
func data(w http.ResponseWriter, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	if len(body) > sniffLen {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // fails when the client has gone, who then cannot be told
}

// fail answers with an error.
func (h *handler) fail(w http.ResponseWriter, err error) {
	e := apierrors.From(err)
	h.log.Debug("request failed", "code", e.Code().String(), "error", e.Message(), "hint", e.Hint())
	body, contentType := e.Body()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(e.HTTPStatus())
	_, _ = w.Write(body)
}

// quote appends a JSON string.
func quote(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			enc, err := json.Marshal(s)
			if err != nil { // cannot be: any string has a JSON form
				return append(b, `""`...)
			}
			return append(b, enc...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
