package json

import (
	"cmp"
	"strings"
)

// Equal reports whether two values are the same: numbers by their value,
// objects whatever the order of their members. Of several members with one key
// the last counts. The zero Value equals nothing.
func Equal(a, b Value) bool {
	if a.kind != b.kind || a.kind == Missing {
		return false
	}
	if a.raw == b.raw {
		return true
	}
	switch a.kind {
	case Number:
		return compareNumbers(a.raw, b.raw) == 0
	case String:
		return is(a.raw, b.Text())
	case Array:
		x, y := a.cursor(), b.cursor()
		for {
			more, more2 := x.next(), y.next()
			if !more || !more2 {
				return more == more2
			}
			if !Equal(x.value, y.value) {
				return false
			}
		}
	case Object:
		return contains(a, b) && contains(b, a)
	}
	return false
}

// contains reports whether every member of b is in a.
func contains(a, b Value) bool {
	for c := b.cursor(); c.next(); {
		key := unquote(c.key)
		inA, ok := a.Get(key)
		if !ok {
			return false
		}
		if inB, _ := b.Get(key); !Equal(inA, inB) {
			return false
		}
	}
	return true
}

// Compare orders two numbers by their value, two strings by their characters,
// and false before true. ok is false for values that have no order: those of
// other kinds, and those of different kinds.
func Compare(a, b Value) (order int, ok bool) {
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case Number:
		return compareNumbers(a.raw, b.raw), true
	case String, Bool: // "false" < "true"
		return strings.Compare(a.Text(), b.Text()), true
	}
	return 0, false
}

// decimal is a number as 0.d1d2d3... * 10^exp, d1 and the last digit not being 0.
// The digits of zero are empty.
type decimal struct {
	negative bool
	whole    string // digits before the point, and
	fraction string // behind it
	exp      int64
}

// maxExp is where exponents stop being told apart: nobody can write out such a number.
const maxExp = 1e17

func parseDecimal(s string) (d decimal) {
	if s[0] == '-' {
		d.negative = true
		s = s[1:]
	}
	end := 0 // of the digits, and where the exponent begins
	for end < len(s) && s[end] != 'e' && s[end] != 'E' {
		end++
	}
	if end < len(s) {
		d.exp = parseExponent(s[end+1:])
	}
	d.whole, d.fraction, _ = strings.Cut(s[:end], ".")
	d.whole = d.whole[leadingZeros(d.whole):]
	d.fraction = d.fraction[:len(d.fraction)-trailingZeros(d.fraction)]
	d.exp += int64(len(d.whole))
	if d.whole == "" {
		n := leadingZeros(d.fraction)
		d.fraction = d.fraction[n:]
		d.exp -= int64(n)
	}
	if d.fraction == "" {
		d.whole = d.whole[:len(d.whole)-trailingZeros(d.whole)]
	}
	return d
}

func parseExponent(s string) (exp int64) {
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	for i := 0; i < len(s) && exp < maxExp; i++ {
		exp = min(exp*10+int64(s[i]-'0'), maxExp)
	}
	if negative {
		return -exp
	}
	return exp
}

func leadingZeros(s string) (n int) {
	for n < len(s) && s[n] == '0' {
		n++
	}
	return n
}

func trailingZeros(s string) (n int) {
	for n < len(s) && s[len(s)-1-n] == '0' {
		n++
	}
	return n
}

func (d *decimal) len() int { return len(d.whole) + len(d.fraction) }

func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.fraction[i-len(d.whole)]
}

// sign is -1, 0 or 1.
func (d *decimal) sign() int {
	switch {
	case d.len() == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compareNumbers compares two JSON numbers by their value, exactly.
func compareNumbers(a, b string) int {
	if a == b {
		return 0
	}
	x, y := parseDecimal(a), parseDecimal(b)
	sign := x.sign()
	if other := y.sign(); sign != other {
		return cmp.Compare(sign, other)
	}
	return sign * compareMagnitudes(&x, &y)
}

func compareMagnitudes(x, y *decimal) int {
	if x.len() > 0 && x.exp != y.exp {
		return cmp.Compare(x.exp, y.exp)
	}
	for i := range min(x.len(), y.len()) {
		if p, q := x.digit(i), y.digit(i); p != q {
			return cmp.Compare(p, q)
		}
	}
	return cmp.Compare(x.len(), y.len())
}
