package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

// The readers of immediates return the offset after what they read. Beyond
// the end of code it says that the immediate was malformed or cut off; the main
// loop finds that before the next instruction, so that callers look at the
// offset only before they use it as an index.

// u32 reads an unsigned LEB128 of 32 bits at p.
func u32(code []byte, p int) (uint32, int) {
	if p < len(code) && code[p] < 0x80 {
		return uint32(code[p]), p + 1
	}
	return u32Long(code, p)
}

func u32Long(code []byte, p int) (uint32, int) {
	var v uint32
	for shift := 0; shift < 35 && p < len(code); shift += 7 {
		c := code[p]
		p++
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			if shift == 28 && c > 0x0f {
				break
			}
			return v, p
		}
	}
	return 0, len(code) + 1
}

// signed reads a signed LEB128 of 32, 33 or 64 bits at p.
func signed(code []byte, p, bits int) (int64, int) {
	if p >= len(code) {
		return 0, len(code) + 1
	}
	if c := code[p]; c < 0x80 {
		return int64(int8(c<<1)) >> 1, p + 1
	}
	r := wasmfile.Reader{B: code, Off: p}
	var v int64
	switch bits {
	case 32:
		v = int64(r.S32())
	case 33:
		v = r.S33()
	default:
		v = r.S64()
	}
	if r.Err != nil {
		return 0, len(code) + 1
	}
	return v, r.Off
}

// skip moves over n bytes.
func skip(code []byte, p, n int) int {
	if p > len(code)-n {
		return len(code) + 1
	}
	return p + n
}
