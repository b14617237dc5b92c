package rewrite

import (
	"fmt"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// body rewrites the code of one function after the other. Its slices are kept
// from one to the next.
type body struct {
	m      *module
	check  check
	placed placed // in all functions

	out     []byte // the rewritten code
	frames  []frame
	scopes  []int // costs of the scopes around the current one
	loops   []dispatch
	targets []uint32 // jump tables of the loops
	ends    []int    // costs at the ends of the loops' blocks

	bulk  bool // the spare local is used
	total int  // the cost of the function's own scope

	head, entry []byte // of the function being put together
}

// frame is an open block.
type frame struct {
	kind  frameKind
	arity int32 // how many values a branch to it carries
	weigh int32 // of a loop with a check at its head: where in out the weight goes
	loop  int32 // of a dispatch loop or one of its blocks: index into loops
}

type frameKind uint8

const (
	frameFunc frameKind = iota
	frameBlock
	frameIf
	frameElse
	frameLoop          // checked at its head
	frameDispatch      // a loop checked at the branches back to it
	frameDispatchBlock // one of the blocks that a dispatch loop jumps to the ends of
)

// errorAt is an error about the instruction at offset p of the body.
func errorAt(base, p int, format string, args ...any) error {
	return fmt.Errorf("offset %d: "+format, append([]any{base + p}, args...)...)
}

// rewrite rewrites code, which lies at offset base of the file, into b.out.
// locals counts the parameters too.
//
// Code between instructions that change is copied in one piece: from is where
// the piece not yet copied starts. An index that does not fit its LEB128 sets
// p beyond the code's end, where the next turn of the loop finds it.
func (b *body) rewrite(code []byte, base int, locals uint32, t funcType) error {
	m := b.m
	b.out = b.out[:0]
	b.frames = append(b.frames[:0], frame{kind: frameFunc, arity: int32(t.results)})
	b.scopes = b.scopes[:0]
	b.loops = b.loops[:0]
	b.targets = b.targets[:0]
	b.ends = b.ends[:0]
	b.bulk = false
	globals := uint32(len(m.globals))

	var (
		p, from int
		cost    = int(locals) / 8 // of the current scope; locals are zeroed
		jump    jump
	)
	for {
		if p >= len(code) {
			if p > len(code) {
				return errorAt(base, 0, "malformed or truncated immediate in the code: %w", wasmfile.ErrMalformed)
			}
			return errorAt(base, p, "code without an end: %w", wasmfile.ErrTruncated)
		}
		at := p
		code0 := code[p]
		p++
		o := ops[code0]
		cost += int(o.cost)
		before := jump
		jump.state = 0
		switch o.class {
		case plain:

		case memArg:
			var align uint32
			align, p = u32(code, p)
			if align >= 32 {
				return errorAt(base, at, "memory argument with flags 0x%x (multi-memory): %w", align, ErrUnsupported)
			}
			_, p = u32(code, p)

		case localGet, localSet:
			var i uint32
			i, p = u32(code, p)
			if i >= locals {
				return errorAt(base, at, "local %d of %d: %w", i, locals, wasmfile.ErrMalformed)
			}
			if o.class == localSet && before.state == 1 {
				jump.state, jump.local = 2, i
			}

		case globalIdx:
			var i uint32
			i, p = u32(code, p)
			if i >= globals {
				return errorAt(base, at, "global %d of %d: %w", i, globals, wasmfile.ErrMalformed)
			}

		case constI32:
			var v uint64
			v, p = sleb(code, p, 32)
			jump.state, jump.to = 1, uint32(v)

		case constI64:
			_, p = sleb(code, p, 64)

		case const4:
			p = skip(code, p, 4)

		case const8:
			p = skip(code, p, 8)

		case openBlock, openLoop, openIf:
			var bt funcType
			var err error
			if bt, p, err = b.blockType(code, p, base); err != nil {
				return err
			}
			cost += bt.params + bt.results
			f := frame{kind: frameBlock, arity: int32(bt.results)}
			switch o.class {
			case openIf:
				f.kind = frameIf
			case openLoop:
				f = frame{kind: frameLoop, arity: int32(bt.params)}
				if b.openDispatch(code, p, cost) {
					f.kind, f.loop = frameDispatch, int32(len(b.loops)-1)
					break
				}
				b.out = append(b.out, code[from:min(p, len(code))]...)
				from = p
				var where int
				b.out, where = b.check.open(b.out)
				f.weigh = int32(where)
				b.placed.heads++
				b.scopes = append(b.scopes, cost)
				cost = 0
			default:
				if n := len(b.loops); n > 0 && b.loops[n-1].opening > 0 {
					b.loops[n-1].opening--
					f.kind, f.loop = frameDispatchBlock, int32(n-1)
				}
			}
			b.frames = append(b.frames, f)

		case elseArm:
			f := &b.frames[len(b.frames)-1]
			if f.kind != frameIf {
				return errorAt(base, at, "else without if: %w", wasmfile.ErrMalformed)
			}
			f.kind = frameElse

		case endBlock:
			f := b.frames[len(b.frames)-1]
			b.frames = b.frames[:len(b.frames)-1]
			cost += int(f.arity)
			switch f.kind {
			case frameFunc:
				if p != len(code) {
					return errorAt(base, p, "%d bytes after the function's end: %w", len(code)-p, wasmfile.ErrMalformed)
				}
				b.out = append(b.out, code[from:]...)
				b.total = cost
				return nil
			case frameLoop:
				setWeight(b.out[f.weigh:], weight(cost))
				cost = b.scopes[len(b.scopes)-1] + costBranch
				b.scopes = b.scopes[:len(b.scopes)-1]
			case frameDispatchBlock:
				b.endDispatchBlock(int(f.loop), cost)
			case frameDispatch:
				b.closeDispatch()
			}

		case branch, branchIf:
			var label uint32
			label, p = u32(code, p)
			if uint64(label) >= uint64(len(b.frames)) {
				return errorAt(base, at, "label %d of %d: %w", label, len(b.frames), wasmfile.ErrMalformed)
			}
			f := b.frames[len(b.frames)-1-int(label)]
			cost += int(f.arity)
			if f.kind != frameDispatch {
				break
			}
			cost += costJump // the loop's own table
			distance, back := b.backEdge(int(f.loop), cost, o.class == branch, before)
			if !back {
				b.placed.forward++
				break
			}
			b.out = append(b.out, code[from:at]...)
			from = at
			b.out = b.check.fixed(b.out, weight(distance))
			b.placed.backs++

		case branchTable:
			var n, label uint32
			n, p = u32(code, p)
			distance, back := 0, false
			for i := uint64(0); i <= uint64(n) && p < len(code); i++ {
				label, p = u32(code, p)
				if uint64(label) >= uint64(len(b.frames)) {
					return errorAt(base, at, "label %d of %d: %w", label, len(b.frames), wasmfile.ErrMalformed)
				}
				f := b.frames[len(b.frames)-1-int(label)]
				if i == 0 {
					cost += int(f.arity) // the same for all
				}
				if f.kind == frameDispatch {
					d, _ := b.backEdge(int(f.loop), cost, false, before)
					distance, back = max(distance, d), true
				}
			}
			if p > len(code) {
				continue
			}
			if back {
				b.out = append(b.out, code[from:at]...)
				from = at
				b.out = b.check.fixed(b.out, weight(distance))
				b.placed.backs++
			}

		case callFunc:
			var f uint32
			f, p = u32(code, p)
			if uint64(f) >= uint64(len(m.funcs)) {
				return errorAt(base, at, "function %d of %d: %w", f, len(m.funcs), wasmfile.ErrMalformed)
			}
			cost += m.callCosts[f]
			if f >= m.funcImports && p <= len(code) {
				b.out = append(b.out, code[from:at+1]...)
				b.out = wasmfile.AppendU32(b.out, f+1)
				from = p
			}

		case refFunc:
			var f uint32
			f, p = u32(code, p)
			if uint64(f) >= uint64(len(m.funcs)) {
				return errorAt(base, at, "function %d of %d: %w", f, len(m.funcs), wasmfile.ErrMalformed)
			}
			if f >= m.funcImports && p <= len(code) {
				b.out = append(b.out, code[from:at+1]...)
				b.out = wasmfile.AppendU32(b.out, f+1)
				from = p
			}

		case callTable:
			var i uint32
			i, p = u32(code, p)
			if uint64(i) >= uint64(len(m.types)) {
				return errorAt(base, at, "type %d of %d: %w", i, len(m.types), wasmfile.ErrMalformed)
			}
			cost += costHost + m.types[i].params + m.types[i].results
			_, p = u32(code, p) // table

		case selectType:
			var n uint32
			n, p = u32(code, p)
			if p >= len(code) {
				continue
			}
			if n != 1 || !isValueType(code[p]) {
				return errorAt(base, at, "select of %d values of type 0x%x: %w", n, code[p], ErrUnsupported)
			}
			p++

		case tableGet:
			_, p = u32(code, p)

		case tableSet:
			_, p = u32(code, p)
			m.snapshotFails("its code changes tables (table.set)")

		case memIndex:
			if p >= len(code) {
				continue
			}
			if code[p] != 0 {
				return errorAt(base, at, "memory.size or memory.grow of memory %d (multi-memory): %w", code[p], ErrUnsupported)
			}
			p++
			if code0 == opMemoryGrow {
				cost += costGrow
			}

		case refNull:
			if p >= len(code) {
				continue
			}
			if !isRef(code[p]) {
				return errorAt(base, at, "ref.null of heap type 0x%x: %w", code[p], ErrUnsupported)
			}
			p++

		case prefixFC:
			if p >= len(code) {
				continue
			}
			second := code[p]
			o := miscOp(second)
			if !o.known {
				return errorAt(base, at, "instruction 0xfc 0x%x: %w", second, ErrUnsupported)
			}
			p++
			for range o.indexes {
				_, p = u32(code, p)
			}
			if p > len(code) {
				continue
			}
			if o.zeros > 0 {
				for i := range int(o.zeros) {
					if p+i >= len(code) || code[p+i] != 0 {
						return errorAt(base, at, "%s of another memory than 0 (multi-memory): %w", o.name, ErrUnsupported)
					}
				}
				p += int(o.zeros)
				if m.memories == 0 {
					return errorAt(base, at, "%s without a memory: %w", o.name, wasmfile.ErrMalformed)
				}
			}
			cost += int(o.cost)
			if o.changes {
				m.snapshotFails("its code changes what no snapshot holds (%s)", o.name)
			}
			if o.bulk {
				b.out = append(b.out, code[from:at]...)
				from = at
				switch second {
				case miscMemoryCopy:
					b.out = b.check.bulkOr(b.out, locals, code[at:p], m.copyHelper(), m.threeI32())
					from = p
				case miscMemoryFill:
					b.out = b.check.bulkOr(b.out, locals, code[at:p], m.fillHelper(), m.threeI32())
					from = p
				default:
					b.out = b.check.bulk(b.out, locals)
				}
				b.bulk = true
				b.placed.bulk++
			}

		case prefixFD:
			var err error
			if p, err = simdImmediates(code, at, base); err != nil {
				return err
			}
			if second := code[at+1]; simd[second] != simdPlain {
				cost += costMemory
			}

		default:
			return errorAt(base, at, "instruction 0x%x%s: %w", code0, refusedWhy(code0), ErrUnsupported)
		}
	}
}

// blockType reads a block type at p.
func (b *body) blockType(code []byte, p, base int) (funcType, int, error) {
	if p >= len(code) {
		return funcType{}, len(code) + 1, nil
	}
	c := code[p]
	if c == blockEmpty {
		return funcType{}, p + 1, nil
	}
	if c >= 0x40 && c < 0x80 {
		if !isValueType(c) {
			return funcType{}, 0, errorAt(base, p, "block type 0x%x: %w", c, ErrUnsupported)
		}
		return funcType{results: 1}, p + 1, nil
	}
	v, next := sleb(code, p, 33)
	if next > len(code) {
		return funcType{}, next, nil
	}
	if v >= uint64(len(b.m.types)) {
		return funcType{}, 0, errorAt(base, p, "block type %d of %d: %w", int64(v), len(b.m.types), wasmfile.ErrMalformed)
	}
	return b.m.types[v], next, nil
}

// u32 reads an unsigned LEB128 of 32 bits at p and returns the offset after it,
// which is beyond the end of code if it is malformed.
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

// sleb reads a signed LEB128 of the given width at p, like u32.
func sleb(code []byte, p, bits int) (uint64, int) {
	if p < len(code) && code[p] < 0x80 {
		return uint64(int64(int8(code[p]<<1)) >> 1), p + 1
	}
	if p >= len(code) {
		return 0, len(code) + 1
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
	return uint64(v), r.Off
}

// skip moves p over n bytes of a constant.
func skip(code []byte, p, n int) int {
	if p > len(code)-n {
		return len(code) + 1
	}
	return p + n
}
