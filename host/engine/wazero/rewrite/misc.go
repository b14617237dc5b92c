package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

// misc is an instruction behind the prefix 0xfc.
type misc struct {
	known   bool
	name    string
	indexes uint8 // of segments and tables
	zeros   uint8 // bytes that name memory 0, after the indexes
	bulk    bool  // takes a length on top of the stack, by which it is charged
	changes bool  // what neither memory nor globals hold
	cost    int
}

// miscs is indexed by the second byte. The engine reads it as one byte or as
// LEB128, depending on where: only the short form is taken.
var miscs = [...]misc{
	0:  {known: true, name: "i32.trunc_sat_f32_s", cost: costFloat},
	1:  {known: true, name: "i32.trunc_sat_f32_u", cost: costFloat},
	2:  {known: true, name: "i32.trunc_sat_f64_s", cost: costFloat},
	3:  {known: true, name: "i32.trunc_sat_f64_u", cost: costFloat},
	4:  {known: true, name: "i64.trunc_sat_f32_s", cost: costFloat},
	5:  {known: true, name: "i64.trunc_sat_f32_u", cost: costFloat},
	6:  {known: true, name: "i64.trunc_sat_f64_s", cost: costFloat},
	7:  {known: true, name: "i64.trunc_sat_f64_u", cost: costFloat},
	8:  {known: true, name: "memory.init", indexes: 1, zeros: 1, bulk: true, cost: costCall},
	9:  {known: true, name: "data.drop", indexes: 1, changes: true, cost: costPlain},
	10: {known: true, name: "memory.copy", zeros: 2, bulk: true, cost: costCall},
	11: {known: true, name: "memory.fill", zeros: 1, bulk: true, cost: costCall},
	12: {known: true, name: "table.init", indexes: 2, bulk: true, changes: true, cost: costCall},
	13: {known: true, name: "elem.drop", indexes: 1, changes: true, cost: costPlain},
	14: {known: true, name: "table.copy", indexes: 2, bulk: true, changes: true, cost: costCall},
	15: {known: true, name: "table.grow", indexes: 1, bulk: true, changes: true, cost: costGrow},
	16: {known: true, name: "table.size", indexes: 1, cost: costPlain},
	17: {known: true, name: "table.fill", indexes: 1, bulk: true, changes: true, cost: costCall},
}

func miscOp(second byte) misc {
	if int(second) < len(miscs) {
		return miscs[second]
	}
	return misc{}
}

// simdImmediates returns the offset after the SIMD instruction at offset at.
// The engine takes the second opcode as one byte, and the 1 that follows those
// from 0x80 on as a nop: other ways to write the same number would be read
// differently there, and are refused.
func simdImmediates(code []byte, at, base int) (int, error) {
	p := at + 2
	if p > len(code) {
		return 0, errorAt(base, at, "SIMD instruction: %w", wasmfile.ErrTruncated)
	}
	second := code[at+1]
	if second >= 0x80 {
		if p >= len(code) || code[p] != 1 {
			return 0, errorAt(base, at, "SIMD instruction beyond 0xff (relaxed SIMD), or in a long form: %w", ErrUnsupported)
		}
		p++
	}
	switch simd[second] {
	case simdPlain:
	case simdMem, simdMemLane:
		var align uint32
		align, p = u32(code, p)
		if align >= 32 {
			return 0, errorAt(base, at, "memory argument with flags 0x%x (multi-memory): %w", align, ErrUnsupported)
		}
		_, p = u32(code, p)
		if simd[second] == simdMemLane {
			p = skip(code, p, 1)
		}
	case simdLane:
		p = skip(code, p, 1)
	case simdConst:
		p = skip(code, p, 16)
	default:
		return 0, errorAt(base, at, "SIMD instruction 0x%x: %w", second, ErrUnsupported)
	}
	return p, nil
}

// refusedWhy names the proposal that an instruction belongs to.
func refusedWhy(code byte) string {
	switch {
	case code >= 0x06 && code <= 0x0a, code == 0x18, code == 0x19, code == 0x1f:
		return " (exceptions)"
	case code == 0x14, code == 0x15, code >= 0xd3 && code <= 0xd6:
		return " (typed function references or garbage collection)"
	case code == 0xfb:
		return " (garbage collection)"
	case code == 0xfe:
		return " (threads)"
	}
	return ""
}
