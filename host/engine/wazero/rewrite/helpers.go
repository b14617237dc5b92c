package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

// Two functions stand behind memory.fill and memory.copy and run in their
// place when the fuel is out: they ask for more, and do long ones in pieces,
// because the engine's code cannot be interrupted within one instruction.

// pieceLog is the logarithm of the bytes in a piece.
const pieceLog = 20

// helpers is how many functions are added at the end of the index space.
func (m *module) helpers() uint32 {
	if m.memories == 0 {
		return 0
	}
	return 2
}

func (m *module) fillHelper() uint32 { return uint32(len(m.funcs)) + 1 }
func (m *module) copyHelper() uint32 { return uint32(len(m.funcs)) + 2 }

// The helpers' parameters: destination, value or source, length.
const (
	dst = iota
	src
	length
)

// assembler writes the helpers' code.
type assembler struct{ b []byte }

func (a *assembler) op(bytes ...byte) { a.b = append(a.b, bytes...) }
func (a *assembler) get(local byte)   { a.op(opLocalGet, local) }
func (a *assembler) piece()           { a.b = appendS32(append(a.b, opI32Const), 1<<pieceLog) }

// addPiece adds a piece to a local, or subtracts it.
func (a *assembler) addPiece(local, add byte) {
	a.get(local)
	a.piece()
	a.op(add, opLocalSet, local)
}

// end64 leaves on the stack, as i64, where a range of the helper's length ends.
func (a *assembler) end64(local byte) {
	a.get(local)
	a.op(opI64ExtendU)
	a.get(length)
	a.op(opI64ExtendU, opI64Add)
}

// memory64 leaves the memory's size on the stack, as i64.
func (a *assembler) memory64() {
	a.op(opMemorySize, 0, opI64ExtendU, opI64Const, 16, opI64Shl)
}

// whole branches to label when the rest fits in one piece.
func (a *assembler) whole(label byte) {
	a.get(length)
	a.piece()
	a.op(opI32LeU, opBrIf, label)
}

// appendHelpers appends the code of the helpers.
func (m *module) appendHelpers(out []byte, c *check) []byte {
	for _, code := range [...][]byte{fillCode(c), copyCode(c)} {
		out = wasmfile.AppendU32(out, uint32(len(code)+1))
		out = append(out, 0) // locals
		out = append(out, code...)
	}
	return out
}

// A range that is out of bounds is left to the one instruction at the end,
// which traps before it writes anything, as the standard wants.

func fillCode(c *check) []byte {
	a := &assembler{}
	instruction := []byte{opMisc, miscMemoryFill, 0}
	a.op(c.more...)
	a.op(opBlock, blockEmpty)
	a.end64(dst)
	a.memory64()
	a.op(opI64GtU, opBrIf, 0)
	a.op(opLoop, blockEmpty)
	a.whole(1)
	a.get(dst)
	a.get(src)
	a.piece()
	a.op(instruction...)
	a.addPiece(dst, opI32Add)
	a.addPiece(length, opI32Sub)
	a.b = c.fixed(a.b, 1<<(pieceLog-3))
	a.op(opBr, 0, opEnd, opEnd)
	a.get(dst)
	a.get(src)
	a.get(length)
	a.op(instruction...)
	a.op(opEnd)
	return a.b
}

// copyCode copies forward when the destination lies below the source, and
// backward otherwise, so that ranges may overlap.
func copyCode(c *check) []byte {
	a := &assembler{}
	instruction := []byte{opMisc, miscMemoryCopy, 0, 0}
	a.op(c.more...)
	a.op(opBlock, blockEmpty)
	for _, local := range [...]byte{dst, src} {
		a.end64(local)
		a.memory64()
		a.op(opI64GtU, opBrIf, 0)
	}
	a.op(opLoop, blockEmpty)
	a.whole(1)
	a.get(dst)
	a.get(src)
	a.op(opI32LeU, opIf, blockEmpty)
	a.get(dst)
	a.get(src)
	a.piece()
	a.op(instruction...)
	a.addPiece(dst, opI32Add)
	a.addPiece(src, opI32Add)
	a.addPiece(length, opI32Sub)
	a.op(opElse)
	a.addPiece(length, opI32Sub)
	for _, local := range [...]byte{dst, src} {
		a.get(local)
		a.get(length)
		a.op(opI32Add)
	}
	a.piece()
	a.op(instruction...)
	a.op(opEnd)
	a.b = c.fixed(a.b, 1<<(pieceLog-3))
	a.op(opBr, 0, opEnd, opEnd)
	a.get(dst)
	a.get(src)
	a.get(length)
	a.op(instruction...)
	a.op(opEnd)
	return a.b
}
