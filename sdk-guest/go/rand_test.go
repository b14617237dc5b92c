package berth

import (
	"math/rand/v2"
	"testing"
)

// TestRandIsPCG holds the generator against the standard library's, from the same state.
func TestRandIsPCG(t *testing.T) {
	var r Rand
	r.Uint64() // seeds itself
	std := rand.NewPCG(r.hi, r.lo)
	for i := range 1000 {
		if got, want := r.Uint64(), std.Uint64(); got != want {
			t.Fatalf("number %d: got %#x, want %#x", i, got, want)
		}
	}
	var _ rand.Source = &r
}

// TestRandSeedsItselfAnew plays a snapshot: two copies of one Rand that find
// themselves in another instance than the one they were seeded in.
func TestRandSeedsItselfAnew(t *testing.T) {
	var r Rand
	r.Uint64()
	a, b, c := r, r, r
	a.instance, b.instance = 99, 99
	x, y, z := a.Uint64(), b.Uint64(), c.Uint64()
	if x == y || x == z || y == z {
		t.Errorf("got %#x, %#x and, without a new instance, %#x, want three numbers", x, y, z)
	}
	if next := r.Uint64(); next != z {
		t.Errorf("in the same instance: got %#x, want %#x, the next of the sequence", next, z)
	}
	// Of the old state nothing is left: were it mixed in, all these bits would stay.
	full := func() Rand { return Rand{hi: ^uint64(0), lo: ^uint64(0), instance: 99} }
	p, q := full(), full()
	if p.Uint64() == q.Uint64() {
		t.Error("two new seeds gave one number: the old state is in them")
	}
}
