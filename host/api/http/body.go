package http

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// buffer is what a request needs to be read. It is used again, so nothing of
// it may be kept after the answer is written.
type buffer struct {
	body  []byte
	items []proto.SetRequest
}

// Buffers larger than these are left to the garbage collector: one large
// request must not hold memory for all the small ones after it.
const (
	keepBody  = 64 << 10
	keepItems = 64
)

var buffers = sync.Pool{New: func() any { return &buffer{body: make([]byte, 0, 1024)} }}

func (b *buffer) release() {
	if cap(b.body) > keepBody || cap(b.items) > keepItems {
		return
	}
	b.body = b.body[:0]
	clear(b.items[:cap(b.items)])
	b.items = b.items[:0]
	buffers.Put(b)
}

// read reads a request's body, up to the limit.
func (h *handler) read(b *buffer, r *http.Request) ([]byte, error) {
	limit := h.maxBody
	if limit >= 0 && r.ContentLength > limit {
		return nil, apierrors.New(apierrors.BodyTooLarge, limit)
	}
	body := b.body[:0]
	// One byte more than announced lets the last read see the end. What a
	// client announces is believed only as far as the pool would keep it.
	if want := r.ContentLength + 1; int64(cap(body)) < want {
		body = make([]byte, 0, min(want, max(keepBody, int64(cap(body))*2)))
	}
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if limit >= 0 && int64(len(body)) > limit {
			return nil, apierrors.New(apierrors.BodyTooLarge, limit)
		}
		if err != nil {
			b.body = body
			if errors.Is(err, io.EOF) {
				return body, nil
			}
			return nil, apierrors.New(apierrors.BodyRead, err).Wrap(err)
		}
	}
}
