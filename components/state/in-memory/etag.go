package main

import berth "github.com/berth-run/berth/sdk-guest/go"

// etagSource makes a new etag for each write: a version 4 UUID (RFC 9562, 5.4).
// That nobody can guess one is not asked for; that two instances do not make
// the same ones is, which is why this is not math/rand.
type etagSource struct{ rand berth.Rand }

func (s *etagSource) next() string {
	const hex = "0123456789abcdef"
	hi := s.rand.Uint64()&^0xf000 | 0x4000       // the version
	lo := s.rand.Uint64()&^(0b11<<62) | 0b10<<62 // the variant
	var b [36]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b[at] = '-'
			at++
		}
		half := hi
		if i >= 16 {
			half = lo
		}
		b[at] = hex[half>>(60-4*(i&15))&15]
		at++
	}
	return string(b[:])
}
