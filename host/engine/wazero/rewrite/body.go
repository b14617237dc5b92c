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

	code   []byte // of the function being rewritten, without its locals
	base   int    // offset of code in the file
	locals uint32 // with the parameters

	head []byte // the rewritten locals and the check at the entry
	out  []byte // the rewritten code
	from int    // what of code lies before is in out
	cost int    // of the current scope up to here

	frames  []frame
	scopes  []int      // costs of the scopes around the current one, so far
	loops   []dispatch // open ones
	targets []uint32   // their jump tables
	ends    []int      // costs at the ends of their blocks
	jump    jump       // the last two instructions

	spare bool // the local after the last is used
}

// A scope is a function or a loop with a check at its head, without the loops
// of that kind in it. Its cost is that of all its instructions. The check at its
// start is charged for the whole of it, and the branches back within it, which
// are those of dispatch loops, for the part that they repeat.

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

// errorAt is an error about the instruction at offset p of the code.
func (b *body) errorAt(p int, format string, args ...any) error {
	return fmt.Errorf("offset %d: "+format, append([]any{b.base + p}, args...)...)
}

// indexError is an error about an index that is not in the original's space.
func (b *body) indexError(p int, space string, index uint32, size int) error {
	return b.errorAt(p, "%s %d of %d: %w", space, index, size, wasmfile.ErrMalformed)
}

// flush copies the code up to offset p that is not in out yet.
func (b *body) flush(p int) {
	b.out = append(b.out, b.code[b.from:p]...)
	b.from = p
}

// checkHere places a check before the instruction at offset p.
func (b *body) checkHere(p, cost int) {
	b.flush(p)
	b.out = b.check.fixed(b.out, weight(cost))
	b.placed.backs++
}

// rewrite rewrites code, which lies at offset base of the file, into b.out, and
// leaves the cost of the function's own scope in b.cost.
func (b *body) rewrite(code []byte, base int, locals uint32, t funcType) error {
	b.code, b.base, b.locals = code, base, locals
	b.out, b.from = b.out[:0], 0
	b.cost = int(locals) / 8 // they are zeroed
	b.frames = append(b.frames[:0], frame{kind: frameFunc, arity: int32(t.results)})
	b.scopes, b.loops, b.targets, b.ends = b.scopes[:0], b.loops[:0], b.targets[:0], b.ends[:0]
	b.jump, b.spare = jump{}, false
	globals := uint32(len(b.m.globals))

	for p := 0; ; {
		if p >= len(code) {
			return b.endOfCode(p)
		}
		at, opcode := p, code[p]
		p++
		in := ops[opcode]
		b.cost += int(in.cost)
		before := b.jump
		b.jump.state = jumpNone
		var i uint32
		var err error
		switch in.class {
		case plain:

		case memArg:
			p, err = b.memArg(at, p)

		case localGet, localSet:
			if i, p = u32(code, p); i >= locals {
				return b.indexError(at, "local", i, int(locals))
			}
			if in.class == localSet && before.state == jumpConst {
				b.jump.state, b.jump.local = jumpSet, i
			}

		case globalIdx:
			if i, p = u32(code, p); i >= globals {
				return b.indexError(at, "global", i, int(globals))
			}

		case constI32:
			var v int64
			v, p = signed(code, p, 32)
			b.jump.state, b.jump.to = jumpConst, uint32(v)

		case constI64:
			_, p = signed(code, p, 64)

		case const4:
			p = skip(code, p, 4)

		case const8:
			p = skip(code, p, 8)

		case openBlock, openLoop, openIf:
			p, err = b.open(in.class, p)

		case elseArm:
			f := &b.frames[len(b.frames)-1]
			if f.kind != frameIf {
				return b.errorAt(at, "else without if: %w", wasmfile.ErrMalformed)
			}
			f.kind = frameElse

		case endBlock:
			if b.end() {
				if p != len(code) {
					return b.errorAt(p, "%d bytes after the function's end: %w", len(code)-p, wasmfile.ErrMalformed)
				}
				b.flush(p)
				return nil
			}

		case branch, branchIf:
			if i, p = u32(code, p); uint64(i) >= uint64(len(b.frames)) {
				return b.indexError(at, "label", i, len(b.frames))
			}
			f := b.frames[len(b.frames)-1-int(i)]
			b.cost += int(f.arity)
			if f.kind != frameDispatch {
				break
			}
			b.cost += costJump // the loop's own table
			if distance, back := b.distance(int(f.loop), in.class == branch, before); back {
				b.checkHere(at, distance)
			} else {
				b.placed.forward++
			}

		case branchTable:
			p, err = b.branchTable(at, p)

		case callFunc, refFunc:
			if i, p = u32(code, p); uint64(i) >= uint64(len(b.m.funcs)) {
				return b.indexError(at, "function", i, len(b.m.funcs))
			}
			if in.class == callFunc {
				b.cost += b.m.callCosts[i]
			}
			if i >= b.m.funcImports && p <= len(code) {
				b.flush(at + 1)
				b.out = wasmfile.AppendU32(b.out, b.m.shift(i))
				b.from = p
			}

		case callTable:
			if i, p = u32(code, p); uint64(i) >= uint64(len(b.m.types)) {
				return b.indexError(at, "type", i, len(b.m.types))
			}
			b.cost += costHost + b.m.types[i].params + b.m.types[i].results
			_, p = u32(code, p) // table

		case tableGet:
			_, p = u32(code, p)

		case tableSet:
			_, p = u32(code, p)
			b.m.snapshotFails("its code changes tables (table.set)")

		case selectType:
			i, p = u32(code, p)
			if p >= len(code) {
				break
			}
			if i != 1 || !isValueType(code[p]) {
				return b.errorAt(at, "select of %d values of type 0x%x: %w", i, code[p], ErrUnsupported)
			}
			p++

		case refNull:
			if p < len(code) && !isRef(code[p]) {
				return b.errorAt(at, "ref.null of heap type 0x%x: %w", code[p], ErrUnsupported)
			}
			p = skip(code, p, 1)

		case memIndex:
			if p < len(code) && code[p] != 0 {
				return b.errorAt(at, "memory.size or memory.grow of memory %d (multi-memory): %w", code[p], ErrUnsupported)
			}
			p = skip(code, p, 1)
			if opcode == opMemoryGrow {
				b.cost += costGrow
			}

		case prefixFC:
			p, err = b.misc(at, p)

		case prefixFD:
			p, err = b.simd(at, p)

		default:
			return b.errorAt(at, "instruction 0x%x%s: %w", opcode, proposal(opcode), ErrUnsupported)
		}
		if err != nil {
			return err
		}
	}
}

// endOfCode says what is wrong when offset p is not that of an instruction.
func (b *body) endOfCode(p int) error {
	if p > len(b.code) {
		return b.errorAt(0, "code with a malformed or truncated immediate: %w", wasmfile.ErrMalformed)
	}
	return b.errorAt(p, "code without an end: %w", wasmfile.ErrTruncated)
}

// memArg reads the memory argument of the instruction at offset at.
func (b *body) memArg(at, p int) (int, error) {
	align, p := u32(b.code, p)
	if align >= 32 {
		return 0, b.errorAt(at, "memory argument with flags 0x%x (multi-memory): %w", align, ErrUnsupported)
	}
	_, p = u32(b.code, p)
	return p, nil
}

// open opens a block, loop or if, whose block type is at offset p.
func (b *body) open(c class, p int) (int, error) {
	t, p, err := b.blockType(p)
	if err != nil || p > len(b.code) {
		return p, err
	}
	b.cost += t.params + t.results
	f := frame{kind: frameBlock, arity: int32(t.results)}
	switch c {
	case openIf:
		f.kind = frameIf
	case openBlock:
		if n := len(b.loops); n > 0 && b.loops[n-1].opening > 0 {
			b.loops[n-1].opening--
			f.kind, f.loop = frameDispatchBlock, int32(n-1)
		}
	default:
		f.arity = int32(t.params)
		if b.openDispatch(p) {
			f.kind, f.loop = frameDispatch, int32(len(b.loops)-1)
			break
		}
		f.kind = frameLoop
		b.flush(p)
		var weigh int
		b.out, weigh = b.check.open(b.out)
		f.weigh = int32(weigh)
		b.placed.heads++
		b.scopes = append(b.scopes, b.cost)
		b.cost = 0
	}
	if len(b.frames) > maxNesting {
		return p, b.errorAt(p, "more than %d blocks nested: %w", maxNesting, ErrLimit)
	}
	b.frames = append(b.frames, f)
	return p, nil
}

// end closes the innermost block and reports whether it was the function.
func (b *body) end() bool {
	f := b.frames[len(b.frames)-1]
	b.frames = b.frames[:len(b.frames)-1]
	b.cost += int(f.arity)
	switch f.kind {
	case frameFunc:
		return true
	case frameLoop:
		setWeight(b.out[f.weigh:], weight(b.cost))
		b.cost = b.scopes[len(b.scopes)-1] + costBranch
		b.scopes = b.scopes[:len(b.scopes)-1]
	case frameDispatchBlock:
		b.loops[f.loop].ended++
		b.ends = append(b.ends, b.cost)
	case frameDispatch:
		b.closeDispatch()
	}
	return false
}

// branchTable reads the labels of the br_table at offset at.
func (b *body) branchTable(at, p int) (int, error) {
	n, p := u32(b.code, p)
	farthest, back := 0, false
	for i := uint64(0); i <= uint64(n) && p < len(b.code); i++ {
		var label uint32
		label, p = u32(b.code, p)
		if uint64(label) >= uint64(len(b.frames)) {
			return 0, b.indexError(at, "label", label, len(b.frames))
		}
		f := b.frames[len(b.frames)-1-int(label)]
		if i == 0 {
			b.cost += int(f.arity) // the same for all of them
		}
		if f.kind == frameDispatch {
			distance, _ := b.distance(int(f.loop), false, jump{})
			farthest, back = max(farthest, distance), true
		}
	}
	if back && p <= len(b.code) {
		b.checkHere(at, farthest)
	}
	return p, nil
}

// blockType reads the block type at offset p.
func (b *body) blockType(p int) (funcType, int, error) {
	if p >= len(b.code) {
		return funcType{}, len(b.code) + 1, nil
	}
	switch c := b.code[p]; {
	case c == blockEmpty:
		return funcType{}, p + 1, nil
	case c >= 0x40 && c < 0x80:
		if !isValueType(c) {
			return funcType{}, 0, b.errorAt(p, "block type 0x%x: %w", c, ErrUnsupported)
		}
		return funcType{results: 1}, p + 1, nil
	}
	v, next := signed(b.code, p, 33)
	if next > len(b.code) {
		return funcType{}, next, nil
	}
	if v < 0 { // wazero takes a value type in a long form, the standard does not
		return funcType{}, 0, b.errorAt(p, "block type %d in a long form: %w", v, ErrUnsupported)
	}
	if v >= int64(len(b.m.types)) {
		return funcType{}, 0, b.errorAt(p, "block type %d of %d: %w", v, len(b.m.types), wasmfile.ErrMalformed)
	}
	return b.m.types[v], next, nil
}
