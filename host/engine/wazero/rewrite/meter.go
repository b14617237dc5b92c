package rewrite

import (
	"encoding/binary"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// Costs, in the unit of opcodes.go, of what runs elsewhere.
const (
	// costUnit of code is charged as one unit of fuel.
	costUnit = 32
	// costCall is what a caller pays for a call: the callee's whole body where
	// it costs no more than that, and the callee has no check at its entry then.
	costCall = 64
	// costHost is for calling an import, and for what the engine does in Go.
	costHost = 256
	// costGrow is for memory.grow and table.grow, beside what is charged by length.
	costGrow = 2048
)

// maxWeight is the most that a check subtracts for code: what four bytes of
// signed LEB128 hold. Fuel is 0 or more before a check, so nothing wraps.
const maxWeight = 1<<27 - 1

// weight is the fuel that code of that cost is charged.
func weight(cost int) int32 {
	return int32(min(1+cost/costUnit, maxWeight))
}

// check holds the instructions of a fuel check around its weight.
type check struct {
	take []byte // fuel on the stack, before the weight
	test []byte // subtract and store; whether fuel is left on the stack
	more []byte // ask the host for more
}

// newCheck makes the check of a module:
//
//	global.get $fuel  i32.const W  i32.sub  global.set $fuel
//	global.get $fuel  i32.const 0  i32.ge_s
//	if  else  call $irq  global.set $fuel  end
//
// The call is in the else arm because wazero's register allocator lets the
// code after the end start from the state at the end of the first arm, so that
// it is the rare arm that moves values back into their registers.
func newCheck(fuel, irq uint32) check {
	get := wasmfile.AppendU32([]byte{opGlobalGet}, fuel)
	set := wasmfile.AppendU32([]byte{opGlobalSet}, fuel)
	test := append([]byte{opI32Sub}, set...)
	test = append(test, get...)
	test = append(test, opI32Const, 0, opI32GeS)
	more := wasmfile.AppendU32([]byte{opCall}, irq)
	more = append(more, set...)
	return check{take: get, test: test, more: more}
}

// finish appends what follows the weight.
func (c *check) finish(out []byte) []byte {
	out = append(out, c.test...)
	out = append(out, opIf, blockEmpty, opElse)
	out = append(out, c.more...)
	return append(out, opEnd)
}

// fixed appends a check of a known weight.
func (c *check) fixed(out []byte, w int32) []byte {
	out = append(out, c.take...)
	out = appendS32(append(out, opI32Const), w)
	return c.finish(out)
}

// open appends a check whose weight is set later, at the returned offset.
func (c *check) open(out []byte) ([]byte, int) {
	out = append(out, c.take...)
	out = append(out, opI32Const, 0x80, 0x80, 0x80, 0)
	at := len(out) - 4
	return c.finish(out), at
}

// setWeight fills in the weight of an open check.
func setWeight(b []byte, w int32) {
	v := uint32(w)
	binary.LittleEndian.PutUint32(b, v&0x7f|0x80|(v>>7&0x7f|0x80)<<8|(v>>14&0x7f|0x80)<<16|(v>>21&0x7f)<<24)
}

// charge appends the part of a check that subtracts an eighth of the i32 on top
// of the stack, which stays there; local is a spare i32 local. The charge is
// below 1<<29.
func (c *check) charge(out []byte, local uint32) []byte {
	out = wasmfile.AppendU32(append(out, opLocalTee), local)
	out = append(out, c.take...)
	out = wasmfile.AppendU32(append(out, opLocalGet), local)
	out = append(out, opI32Const, 3, opI32ShrU)
	return append(out, c.test...)
}

// bulk appends a check that charges by length.
func (c *check) bulk(out []byte, local uint32) []byte {
	out = c.charge(out, local)
	out = append(out, opIf, blockEmpty, opElse)
	out = append(out, c.more...)
	return append(out, opEnd)
}

// bulkOr appends instruction, which takes three i32, charged by length; when
// the fuel runs out it calls helper instead, whose type is threeI32.
func (c *check) bulkOr(out []byte, local uint32, instruction []byte, helper, threeI32 uint32) []byte {
	out = c.charge(out, local)
	out = appendS32(append(out, opIf), int32(threeI32))
	out = append(out, instruction...)
	out = append(out, opElse)
	out = wasmfile.AppendU32(append(out, opCall), helper)
	return append(out, opEnd)
}

// appendS32 appends v, which is not negative, as signed LEB128.
func appendS32(b []byte, v int32) []byte {
	for v >= 0x40 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
