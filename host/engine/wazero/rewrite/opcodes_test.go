package rewrite

import (
	"errors"
	"fmt"
	"testing"
)

// TestEveryInstruction tries every instruction there may be with every form of
// immediates, and holds the rewriter against the engine's validator: what is
// valid stays valid, and what the engine does not know is refused.
func TestEveryInstruction(t *testing.T) {
	v := newValidator(t)
	zeros := make([]byte, 16)
	immediates := [][]byte{
		nil, {0}, {0, 0}, {0, 0, 0}, zeros[:4], zeros[:8], zeros,
		{blockEmpty, opEnd}, {0x7f, 0, opEnd}, {0x70}, {0x6f}, {1, 0x7f}, {1, 0x70},
		{1}, {1, 0}, {2, 0, 0, 0}, {blockEmpty, opElse, opEnd},
	}
	var opcodes [][]byte
	for i := range 256 {
		if i != opMisc && i != opSIMD && i != 0xfb && i != 0xfe {
			opcodes = append(opcodes, []byte{byte(i)})
		}
	}
	for i := uint32(0); i < 40; i++ {
		opcodes = append(opcodes, cat(opMisc, u(i)))
	}
	for i := uint32(0); i < 256; i++ {
		opcodes = append(opcodes, cat(opSIMD, u(i)))
	}
	for i := uint32(0); i < 256; i++ {
		opcodes = append(opcodes, cat(0xfb, u(i)), cat(0xfe, u(i)))
	}
	// The engine reads SIMD opcodes as one byte, and so takes a relaxed SIMD
	// instruction for something else. It must not get to see one.
	for i := uint32(256); i < 512; i++ {
		for _, imm := range immediates {
			if _, err := Rewrite(oneInstruction(cat(opSIMD, u(i)), imm)); !errors.Is(err, ErrUnsupported) {
				t.Errorf("relaxed SIMD instruction %d %x: got error %v, want %v", i, imm, err, ErrUnsupported)
			}
		}
	}
	valid := map[string]int{}
	for _, opcode := range opcodes {
		known := false
		for _, imm := range immediates {
			wasm := oneInstruction(opcode, imm)
			res, err := Rewrite(wasm)
			if v.check(wasm) != nil {
				if err == nil && v.check(res.Wasm) == nil {
					t.Errorf("instruction %x %x: invalid, and valid after rewriting", opcode, imm)
				}
				continue
			}
			known = true
			if err != nil {
				t.Errorf("instruction %x %x: got error %v, want none", opcode, imm, err)
			} else if err := v.check(res.Wasm); err != nil {
				t.Errorf("instruction %x %x: got invalid module: %v", opcode, imm, err)
			}
		}
		if known {
			switch opcode[0] {
			case opMisc, opSIMD, 0xfb, 0xfe:
				valid[fmt.Sprintf("0x%x", opcode[0])]++
			default:
				valid["one byte"]++
			}
		} else if _, err := Rewrite(oneInstruction(opcode, nil)); opcode[0] != opEnd && opcode[0] != opElse && !errors.Is(err, ErrUnsupported) {
			t.Errorf("instruction %x: got error %v, want %v", opcode, err, ErrUnsupported)
		}
	}
	// Core 2.0 and tail calls: so many that a mistake in this test would show.
	// An end or an else alone is not valid.
	for class, want := range map[string]int{"one byte": 183, "0xfc": 18, "0xfd": 236, "0xfb": 0, "0xfe": 0} {
		if valid[class] != want {
			t.Errorf("instructions, %s: got %d known to the engine, want %d", class, valid[class], want)
		}
	}
}

// oneInstruction is a module with an instruction in code that is not reached,
// where the operands may have any types.
func oneInstruction(opcode, imm []byte) []byte {
	m := &mod{
		types:     [][]byte{functype("", ""), functype(i32, i32)},
		tables:    [][]byte{{typeFuncref, 0, 4}},
		memories:  [][]byte{{0, 1}},
		globals:   [][]byte{{typeI32, 1, opI32Const, 0, opEnd}},
		elements:  [][]byte{cat(3, 0, 1, 0), cat(1, 0, 1, 0)},
		dataCount: true,
		datas:     [][]byte{cat(1, str("data"))},
	}
	m.fn(0, locals(typeI32), 0x00, opcode, imm, 0x00)
	return m.bytes()
}
