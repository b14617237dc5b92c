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
	test []byte // subtract, store, compare, and ask for more when negative
}

func newCheck(fuel, irq uint32) check {
	get := wasmfile.AppendU32([]byte{0x23}, fuel)
	set := wasmfile.AppendU32([]byte{0x24}, fuel)
	var test []byte
	test = append(test, 0x6b) // i32.sub
	test = append(test, set...)
	test = append(test, get...)
	test = append(test, 0x41, 0, 0x48, 0x04, 0x40) // i32.const 0; i32.lt_s; if
	test = wasmfile.AppendU32(append(test, 0x10), irq)
	test = append(test, set...)
	test = append(test, 0x0b) // end
	return check{take: get, test: test}
}

// fixed appends a check of a known weight.
func (c *check) fixed(out []byte, w int32) []byte {
	out = append(out, c.take...)
	out = appendS32(append(out, 0x41), w)
	return append(out, c.test...)
}

// open appends a check whose weight is set later, at the returned offset.
func (c *check) open(out []byte) ([]byte, int) {
	out = append(out, c.take...)
	out = append(out, 0x41, 0x80, 0x80, 0x80, 0)
	at := len(out) - 4
	return append(out, c.test...), at
}

// setWeight fills in the weight of an open check.
func setWeight(b []byte, w int32) {
	v := uint32(w)
	binary.LittleEndian.PutUint32(b, v&0x7f|0x80|(v>>7&0x7f|0x80)<<8|(v>>14&0x7f|0x80)<<16|(v>>21&0x7f)<<24)
}

// bulk appends a check that charges an eighth of the i32 on top of the stack,
// which stays there; local is a spare i32 local. The charge is below 1<<29.
func (c *check) bulk(out []byte, local uint32) []byte {
	out = wasmfile.AppendU32(append(out, 0x22), local) // local.tee
	out = append(out, c.take...)
	out = wasmfile.AppendU32(append(out, 0x20), local) // local.get
	out = append(out, 0x41, 3, 0x76)                   // i32.const 3; i32.shr_u
	return append(out, c.test...)
}

// appendS32 appends v, which is not negative, as signed LEB128.
func appendS32(b []byte, v int32) []byte {
	for v >= 0x40 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
