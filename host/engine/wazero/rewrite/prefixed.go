package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

// misc is an instruction behind the prefix 0xfc.
type misc struct {
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
	0:  {name: "i32.trunc_sat_f32_s", cost: costFloat},
	1:  {name: "i32.trunc_sat_f32_u", cost: costFloat},
	2:  {name: "i32.trunc_sat_f64_s", cost: costFloat},
	3:  {name: "i32.trunc_sat_f64_u", cost: costFloat},
	4:  {name: "i64.trunc_sat_f32_s", cost: costFloat},
	5:  {name: "i64.trunc_sat_f32_u", cost: costFloat},
	6:  {name: "i64.trunc_sat_f64_s", cost: costFloat},
	7:  {name: "i64.trunc_sat_f64_u", cost: costFloat},
	8:  {name: "memory.init", indexes: 1, zeros: 1, bulk: true, cost: costCall},
	9:  {name: "data.drop", indexes: 1, changes: true, cost: costPlain},
	10: {name: "memory.copy", zeros: 2, bulk: true, cost: costCall},
	11: {name: "memory.fill", zeros: 1, bulk: true, cost: costCall},
	12: {name: "table.init", indexes: 2, bulk: true, changes: true, cost: costCall},
	13: {name: "elem.drop", indexes: 1, changes: true, cost: costPlain},
	14: {name: "table.copy", indexes: 2, bulk: true, changes: true, cost: costCall},
	15: {name: "table.grow", indexes: 1, bulk: true, changes: true, cost: costGrow},
	16: {name: "table.size", indexes: 1, cost: costPlain},
	17: {name: "table.fill", indexes: 1, bulk: true, changes: true, cost: costCall},
}

// misc takes the instruction behind 0xfc at offset at.
func (b *body) misc(at, p int) (int, error) {
	if p >= len(b.code) {
		return len(b.code) + 1, nil
	}
	second := b.code[p]
	if int(second) >= len(miscs) {
		return 0, b.errorAt(at, "instruction 0xfc 0x%x: %w", second, ErrUnsupported)
	}
	in := &miscs[second]
	p++
	for range in.indexes {
		_, p = u32(b.code, p)
	}
	for range in.zeros {
		if p < len(b.code) && b.code[p] != 0 {
			return 0, b.errorAt(at, "%s with memory %d (multi-memory): %w", in.name, b.code[p], ErrUnsupported)
		}
		p = skip(b.code, p, 1)
	}
	if p > len(b.code) {
		return p, nil
	}
	if in.zeros > 0 && b.m.memories == 0 {
		return 0, b.errorAt(at, "%s without a memory: %w", in.name, wasmfile.ErrMalformed)
	}
	b.cost += in.cost
	if in.changes {
		b.m.snapshotFails("its code changes what no snapshot holds (%s)", in.name)
	}
	if !in.bulk {
		return p, nil
	}
	b.placed.bulk++
	b.spare = true
	b.flush(at)
	switch second {
	case miscMemoryCopy:
		b.out = b.check.bulkOr(b.out, b.locals, b.code[at:p], b.m.copyHelper(), b.m.threeI32())
	case miscMemoryFill:
		b.out = b.check.bulkOr(b.out, b.locals, b.code[at:p], b.m.fillHelper(), b.m.threeI32())
	default:
		b.out = b.check.bulk(b.out, b.locals)
		return p, nil
	}
	b.from = p
	return p, nil
}

// simd takes the SIMD instruction at offset at. The engine takes the second
// opcode as one byte, and the 1 that follows those from 0x80 on as a nop: other
// ways to write the same number would be read differently there, and are refused.
func (b *body) simd(at, p int) (int, error) {
	if p >= len(b.code) {
		return len(b.code) + 1, nil
	}
	second := b.code[p]
	p++
	if second >= 0x80 {
		if p >= len(b.code) || b.code[p] != 1 {
			return 0, b.errorAt(at, "SIMD instruction beyond 0xff (relaxed SIMD), or in a long form: %w", ErrUnsupported)
		}
		p++
	}
	switch simdClasses[second] {
	case simdPlain:
		return p, nil
	case simdLane:
		return skip(b.code, p, 1), nil
	case simdConst:
		return skip(b.code, p, 16), nil
	case simdMem, simdMemLane:
		b.cost += costMemory
		p, err := b.memArg(at, p)
		if err == nil && simdClasses[second] == simdMemLane {
			p = skip(b.code, p, 1)
		}
		return p, err
	}
	return 0, b.errorAt(at, "SIMD instruction 0x%x: %w", second, ErrUnsupported)
}

// proposal names the proposal that a refused instruction belongs to.
func proposal(opcode byte) string {
	switch {
	case opcode >= 0x06 && opcode <= 0x0a, opcode == 0x18, opcode == 0x19, opcode == 0x1f:
		return " (exceptions)"
	case opcode == 0x14, opcode == 0x15, opcode >= 0xd3 && opcode <= 0xd6:
		return " (typed function references or garbage collection)"
	case opcode == 0xfb:
		return " (garbage collection)"
	case opcode == 0xfe:
		return " (threads)"
	}
	return ""
}
