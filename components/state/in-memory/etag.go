package main

import (
	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// etag is a version 4 UUID (RFC 9562, 5.4), kept as its 16 bytes.
type etag [16]byte

// etagSource makes a new etag for each write. That they cannot be guessed is
// not asked for; that two instances do not make the same ones is, which is why
// this is not math/rand.
type etagSource struct{ rand berth.Rand }

func (s *etagSource) next() (e etag) {
	hi, lo := s.rand.Uint64(), s.rand.Uint64()
	for i := range 8 {
		e[i], e[8+i] = byte(hi>>(8*i)), byte(lo>>(8*i))
	}
	e[6] = e[6]&0x0f | 0x40
	e[8] = e[8]&0x3f | 0x80
	return e
}

func (e *etag) text() (b [36]byte) {
	const hex = "0123456789abcdef"
	at := 0
	for i, c := range e {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[at] = '-'
			at++
		}
		b[at], b[at+1] = hex[c>>4], hex[c&15]
		at += 2
	}
	return b
}

func (e *etag) String() string {
	b := e.text()
	return string(b[:])
}

func (e *etag) is(given string) bool {
	b := e.text()
	return string(b[:]) == given
}

func (e *etag) message() *state.Etag { return &state.Etag{Value: e.String()} }
