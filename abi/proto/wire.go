package proto

import (
	"errors"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// MaxItems is how many elements a repeated field or map may have (ABI-053).
// Two bytes of input can name an element that takes a hundred in memory.
const MaxItems = 100_000

// Errors of Unmarshal. A message that fails to decode is left half filled and not to be used.
var (
	ErrTruncated = errors.New("message truncated")
	ErrMalformed = errors.New("message malformed")
	ErrUTF8      = errors.New("string is not UTF-8")
	ErrTooMany   = errors.New("too many elements")
)

// decoder is a cursor over a message. After the first failure err is set and
// every read returns zero, so that a message's loop needs one check.
type decoder struct {
	b    []byte
	off  int
	err  error
	view bool // strings and bytes alias b
}

func (d *decoder) more() bool { return d.err == nil && d.off < len(d.b) }

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// tag reads a field's number<<3 | wire type.
func (d *decoder) tag() uint64 {
	t := d.uvarint()
	if t>>3 == 0 || t>>32 != 0 {
		d.fail(ErrMalformed)
	}
	return t
}

func (d *decoder) uvarint() uint64 {
	if d.off < len(d.b) && d.b[d.off] < 0x80 { // most tags and lengths
		d.off++
		return uint64(d.b[d.off-1])
	}
	var v uint64
	for shift := uint(0); shift < 70; shift += 7 {
		if d.off >= len(d.b) {
			d.fail(ErrTruncated)
			return 0
		}
		c := d.b[d.off]
		d.off++
		if shift == 63 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	d.fail(ErrMalformed)
	return 0
}

// raw reads a length and that many bytes, aliasing the input.
func (d *decoder) raw() []byte {
	n := d.uvarint()
	if d.err != nil || n > uint64(len(d.b)-d.off) {
		d.fail(ErrTruncated)
		return nil
	}
	d.off += int(n)
	return d.b[d.off-int(n) : d.off]
}

func (d *decoder) bytes() []byte {
	r := d.raw()
	if d.err != nil || d.view {
		return r
	}
	out := make([]byte, len(r))
	copy(out, r)
	return out
}

func (d *decoder) string() string {
	r := d.raw()
	if !utf8.Valid(r) {
		d.fail(ErrUTF8)
		return ""
	}
	if d.view {
		return unsafe.String(unsafe.SliceData(r), len(r))
	}
	return string(r)
}

// skip passes over the value of a field that is not known. Groups are refused.
func (d *decoder) skip(tag uint64) {
	switch tag & 7 {
	case 0:
		d.uvarint()
	case 1:
		d.advance(8)
	case 2:
		d.raw()
	case 5:
		d.advance(4)
	default:
		d.fail(ErrMalformed)
	}
}

func (d *decoder) advance(n int) {
	if d.err != nil || n > len(d.b)-d.off {
		d.fail(ErrTruncated)
		return
	}
	d.off += n
}

func (d *decoder) room(n int) bool {
	if n >= MaxItems {
		d.fail(ErrTooMany)
	}
	return d.err == nil
}

// entry reads one entry of a map<string, string> into *m.
func (d *decoder) entry(m *map[string]string) {
	e := decoder{b: d.raw(), view: d.view}
	if d.err != nil || !d.room(len(*m)) {
		return
	}
	var k, v string
	for e.more() {
		switch t := e.tag(); t {
		case 1<<3 | 2:
			k = e.string()
		case 2<<3 | 2:
			v = e.string()
		default:
			e.skip(t)
		}
	}
	if e.err != nil {
		d.fail(e.err)
		return
	}
	if *m == nil {
		*m = make(map[string]string)
	}
	(*m)[k] = v
}

func sizeUvarint(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// sizeLen is the size of a length and the n bytes behind it.
func sizeLen(n int) int { return sizeUvarint(uint64(n)) + n }

func sizeEntry(k, v string) (n int) {
	if k != "" {
		n += 1 + sizeLen(len(k))
	}
	if v != "" {
		n += 1 + sizeLen(len(v))
	}
	return n
}

func sizeMap(tagSize int, m map[string]string) (n int) {
	for k, v := range m {
		n += tagSize + sizeLen(sizeEntry(k, v))
	}
	return n
}

func putUvarint(b []byte, v uint64) int {
	if v < 0x80 {
		b[0] = byte(v)
		return 1
	}
	i := 0
	for v >= 0x80 {
		b[i] = byte(v) | 0x80
		v >>= 7
		i++
	}
	b[i] = byte(v)
	return i + 1
}

// putTag writes a tag that takes more than a byte.
func putTag(b []byte, tag uint64) int { return putUvarint(b, tag) }

func putString(b []byte, s string) int {
	i := putUvarint(b, uint64(len(s)))
	return i + copy(b[i:], s)
}

func putBytes(b, s []byte) int {
	i := putUvarint(b, uint64(len(s)))
	return i + copy(b[i:], s)
}

func putBool(b []byte, v bool) int {
	b[0] = 0
	if v {
		b[0] = 1
	}
	return 1
}

// putMap writes m in the order of its keys, so that equal messages have equal bytes.
func putMap(b []byte, tag uint64, m map[string]string) int {
	i := 0
	if len(m) <= 1 {
		for k, v := range m {
			i += putEntry(b[i:], tag, k, v)
		}
		return i
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sortStrings(keys)
	for _, k := range keys {
		i += putEntry(b[i:], tag, k, m[k])
	}
	return i
}

func putEntry(b []byte, tag uint64, k, v string) int {
	i := putTag(b, tag)
	i += putUvarint(b[i:], uint64(sizeEntry(k, v)))
	if k != "" {
		b[i] = 1<<3 | 2
		i++
		i += putString(b[i:], k)
	}
	if v != "" {
		b[i] = 2<<3 | 2
		i++
		i += putString(b[i:], v)
	}
	return i
}

// sortStrings is a heap sort: no recursion, no reflection, and no package to
// link into a guest.
func sortStrings(s []string) {
	down := func(i, n int) {
		for {
			c := 2*i + 1
			if c >= n {
				return
			}
			if c+1 < n && s[c] < s[c+1] {
				c++
			}
			if s[i] >= s[c] {
				return
			}
			s[i], s[c] = s[c], s[i]
			i = c
		}
	}
	for i := len(s)/2 - 1; i >= 0; i-- {
		down(i, len(s))
	}
	for n := len(s) - 1; n > 0; n-- {
		s[0], s[n] = s[n], s[0]
		down(0, n)
	}
}
