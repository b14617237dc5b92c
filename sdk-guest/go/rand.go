package berth

import (
	"math/bits"

	"github.com/berth-run/berth/sdk-guest/go/internal/guest"
)

// Rand is a source of random numbers that is seeded from the host, per
// instance: PCG-DXSM with 128 bits of state (M. E. O'Neill, "PCG: a family of
// simple fast space-efficient statistically good algorithms", and the DXSM
// output of 2019). It satisfies math/rand/v2.Source. It is not for secrets.
type Rand struct {
	hi, lo   uint64
	instance uint64 // that it was seeded in
}

// Uint64 returns a uniformly distributed value. A Rand that was part of a
// snapshot seeds itself anew in each instance.
func (r *Rand) Uint64() uint64 {
	if id := guest.Instance() + 1; r.instance != id { // + 1: outside a sandbox the id is 0
		r.instance = id
		var seed [16]byte
		guest.Random(seed[:])
		r.hi, r.lo = 0, 0
		for i := range 8 {
			r.hi |= uint64(seed[i]) << (8 * i)
			r.lo |= uint64(seed[8+i]) << (8 * i)
		}
	}
	const mulHi, mulLo, incHi, incLo = 2549297995355413924, 4865540595714422341, 6364136223846793005, 1442695040888963407
	hi, lo := bits.Mul64(r.lo, mulLo)
	hi += r.hi*mulLo + r.lo*mulHi
	lo, c := bits.Add64(lo, incLo, 0)
	hi, _ = bits.Add64(hi, incHi, c)
	r.lo, r.hi = lo, hi
	const cheapMul = 0xda942042e4dd58b5
	hi ^= hi >> 32
	hi *= cheapMul
	hi ^= hi >> 48
	return hi * (lo | 1)
}
