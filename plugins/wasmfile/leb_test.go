package wasmfile

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

// numbers are the readers of LEB128, by width.
var numbers = []struct {
	name   string
	bits   uint
	signed bool
	read   func(*Reader) int64 // unsigned values as their bits
}{
	{"U32", 32, false, func(r *Reader) int64 { return int64(r.U32()) }},
	{"U64", 64, false, func(r *Reader) int64 { return int64(r.U64()) }},
	{"S32", 32, true, func(r *Reader) int64 { return int64(r.S32()) }},
	{"S33", 33, true, func(r *Reader) int64 { return r.S33() }},
	{"S64", 64, true, func(r *Reader) int64 { return r.S64() }},
}

// encode writes v in exactly n bytes, or says that it does not fit.
func encode(v int64, signed bool, n int) ([]byte, bool) {
	var out []byte
	for i := range n {
		c := byte(v) & 0x7f
		if signed {
			v >>= 7
		} else {
			v = int64(uint64(v) >> 7)
		}
		if i < n-1 {
			c |= 0x80
		} else if signed && v != -int64(c>>6&1) || !signed && v != 0 {
			return nil, false
		}
		out = append(out, c)
	}
	return out, true
}

func TestNumbers(t *testing.T) {
	values := []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 300, -300, 1 << 20, math.MaxInt32, math.MinInt32, math.MaxUint32, 1<<32 - 2, -1 << 32, math.MaxInt64, math.MinInt64}
	for _, n := range numbers {
		lowest, highest := int64(0), int64(-1) // of U64, as bits
		switch {
		case n.signed:
			lowest, highest = -1<<(n.bits-1), 1<<(n.bits-1)-1
		case n.bits < 64:
			highest = 1<<n.bits - 1
		}
		longest := int(n.bits+6) / 7
		tried := 0
		for _, v := range values {
			fits := n.bits == 64 || v >= lowest && v <= highest
			for length := 1; length <= longest+1; length++ {
				b, ok := encode(v, n.signed, length)
				if !ok {
					continue
				}
				tried++
				r := Reader{B: append(b, 0xaa)}
				got := n.read(&r)
				if fits && length <= longest {
					if got != v || r.Err != nil || r.Off != length {
						t.Errorf("%s of %x: got %d, %v at %d, want %d", n.name, b, got, r.Err, r.Off, v)
					}
				} else if !errors.Is(r.Err, ErrMalformed) || got != 0 {
					t.Errorf("%s of %x: got %d, %v, want %v", n.name, b, got, r.Err, ErrMalformed)
				}
			}
		}
		if tried < 40 {
			t.Errorf("%s: only %d encodings tried", n.name, tried)
		}
	}
}

// TestLastByte tries every last byte of a number as long as its type allows:
// the bits beyond the type's width must be zero, or repeat the sign.
func TestLastByte(t *testing.T) {
	for _, n := range numbers {
		longest := int(n.bits+6) / 7
		used := n.bits - 7*uint(longest-1) // bits of the last byte
		for last := range 256 {
			b := make([]byte, longest)
			for i := range b {
				b[i] = 0x80
			}
			b[longest-1] = byte(last)
			want := last < 1<<used
			if n.signed {
				sign := int8(last<<1) >> 1
				want = last < 0x80 && int(sign) >= -1<<(used-1) && int(sign) < 1<<(used-1)
			}
			r := Reader{B: b}
			n.read(&r)
			if got := r.Err == nil; got != want {
				t.Errorf("%s with last byte 0x%x: got error %v, want accepted %v", n.name, last, r.Err, want)
			}
		}
	}
}

func TestReaderStopsAtFirstError(t *testing.T) {
	r := Reader{B: []byte{0x80}}
	if r.U32(); !errors.Is(r.Err, ErrTruncated) {
		t.Fatalf("got error %v, want %v", r.Err, ErrTruncated)
	}
	first := r.Err
	r.B = append(r.B, 1, 2, 3)
	if r.Byte() != 0 || r.Bytes(2) != nil || r.Name() != "" || r.Count(1) != 0 || r.Limits() != (Limits{}) {
		t.Error("reads after an error return something")
	}
	if r.Err != first {
		t.Errorf("the first error became %v", r.Err)
	}
}

func TestBytesDoNotGrowIntoTheRest(t *testing.T) {
	r := Reader{B: []byte("abcdef")}
	_ = append(r.Bytes(3), 'X')
	if string(r.B) != "abcdef" {
		t.Errorf("got %q", r.B)
	}
}

func TestAppend(t *testing.T) {
	for _, v := range []uint32{0, 1, 127, 128, 1 << 14, math.MaxUint32} {
		r := Reader{B: AppendU32(nil, v)}
		if got := r.U32(); got != v || r.Err != nil || r.Off != len(r.B) {
			t.Errorf("AppendU32(%d): read back %d, %v", v, got, r.Err)
		}
	}
	b := AppendCustom(AppendSection(append([]byte{}, Preamble...), Type, []byte{0}), "a name", []byte("content"))
	sections, err := Sections(b)
	if err != nil || len(sections) != 2 {
		t.Fatalf("got %v, %v", sections, err)
	}
	if got := fmt.Sprintf("%s=%s", sections[1].Name, sections[1].Content); got != "a name=content" {
		t.Errorf("got %s", got)
	}
}
