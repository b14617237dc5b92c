package rewrite

// class is how an instruction's immediates are read, and whether the rewriter
// has to look at them.
type class uint8

const (
	refused     class = iota // not among the instructions of Core 2.0, or one Berth does not offer
	plain                    // no immediate
	memArg                   // alignment and offset
	memIndex                 // the byte that names memory 0
	localGet                 // local index
	localSet                 // local index; the second instruction of a dispatched jump
	globalIdx                // global index
	tableGet                 // table index
	tableSet                 // table index; changes a table
	constI32                 // the first instruction of a dispatched jump
	constI64                 //
	const4                   // 4 bytes
	const8                   // 8 bytes
	openBlock                // block type
	openLoop                 // block type
	openIf                   // block type
	elseArm                  //
	endBlock                 //
	branch                   // label
	branchIf                 // label
	branchTable              // labels
	callFunc                 // function index
	callTable                // type index, table index
	selectType               // value types
	refNull                  // heap type
	refFunc                  // function index
	prefixFC                 // a second opcode: saturating conversions, bulk operations, tables
	prefixFD                 // a second opcode: SIMD
)

// Instructions that the rewriter writes, or looks for.
const (
	opBlock      = 0x02
	opLoop       = 0x03
	opIf         = 0x04
	opElse       = 0x05
	opEnd        = 0x0b
	opBr         = 0x0c
	opBrIf       = 0x0d
	opBrTable    = 0x0e
	opCall       = 0x10
	opLocalGet   = 0x20
	opLocalSet   = 0x21
	opLocalTee   = 0x22
	opGlobalGet  = 0x23
	opGlobalSet  = 0x24
	opMemorySize = 0x3f
	opMemoryGrow = 0x40
	opI32Const   = 0x41
	opI64Const   = 0x42
	opF32Const   = 0x43
	opF64Const   = 0x44
	opI32LeU     = 0x4d
	opI32GeS     = 0x4e
	opI64GtU     = 0x56
	opI32Add     = 0x6a
	opI32Sub     = 0x6b
	opI32ShrU    = 0x76
	opI64Add     = 0x7c
	opI64Shl     = 0x86
	opI64ExtendU = 0xad // i64.extend_i32_u
	opRefNull    = 0xd0
	opRefFunc    = 0xd2
	opMisc       = 0xfc
	opSIMD       = 0xfd

	miscMemoryCopy = 10
	miscMemoryFill = 11
	simdV128Const  = 12

	blockEmpty = 0x40 // block type without parameters and results
)

// op says how to read an instruction, and what it costs.
type op struct {
	class class
	cost  uint8
}

// Costs of instructions. They are set by BenchmarkExit, so that no code takes
// much longer than it pays for: a load pays for missing all caches, as a guest
// can make every load do, and the others for their longest latency.
const (
	costPlain  = 1
	costDiv    = 8
	costFloat  = 4
	costMemory = 40
	costTable  = 40
	costBranch = 2
	costJump   = 8 // through a table
)

var ops = func() (t [256]op) {
	set := func(c class, cost uint8, from, to int) {
		for i := from; i <= to; i++ {
			t[i] = op{c, cost}
		}
	}
	set(plain, 0, 0x00, 0x01)              // unreachable, nop
	set(openBlock, 0, 0x02, 0x02)          // block
	set(openLoop, 0, 0x03, 0x03)           // loop
	set(openIf, costBranch, 0x04, 0x04)    // if
	set(elseArm, costBranch, 0x05, 0x05)   // else
	set(endBlock, 0, 0x0b, 0x0b)           // end
	set(branch, costBranch, 0x0c, 0x0c)    // br
	set(branchIf, costBranch, 0x0d, 0x0d)  // br_if
	set(branchTable, costJump, 0x0e, 0x0e) // br_table
	set(plain, costBranch, 0x0f, 0x0f)     // return
	set(callFunc, 0, 0x10, 0x10)           // call
	set(callTable, costJump, 0x11, 0x11)   // call_indirect
	set(callFunc, 0, 0x12, 0x12)           // return_call
	set(callTable, costJump, 0x13, 0x13)   // return_call_indirect
	set(plain, costPlain, 0x1a, 0x1b)      // drop, select
	set(selectType, costPlain, 0x1c, 0x1c) // select t
	set(localGet, costPlain, 0x20, 0x20)   // local.get
	set(localSet, costPlain, 0x21, 0x21)   // local.set
	set(localGet, costPlain, 0x22, 0x22)   // local.tee
	set(globalIdx, costPlain, 0x23, 0x24)  // global.get, global.set
	set(tableGet, costTable, 0x25, 0x25)   // table.get
	set(tableSet, costTable, 0x26, 0x26)   // table.set
	set(memArg, costMemory, 0x28, 0x3e)    // loads and stores
	set(memIndex, costPlain, 0x3f, 0x40)   // memory.size, memory.grow
	set(constI32, costPlain, 0x41, 0x41)   // i32.const
	set(constI64, costPlain, 0x42, 0x42)   // i64.const
	set(const4, costPlain, 0x43, 0x43)     // f32.const
	set(const8, costPlain, 0x44, 0x44)     // f64.const
	set(plain, costPlain, 0x45, 0x5a)      // integer tests and comparisons
	set(plain, costFloat, 0x5b, 0x66)      // float comparisons
	set(plain, costPlain, 0x67, 0x8a)      // integer arithmetic
	set(plain, costDiv, 0x6d, 0x70)        // i32 division
	set(plain, costDiv, 0x7f, 0x82)        // i64 division
	set(plain, costFloat, 0x8b, 0xa6)      // float arithmetic
	set(plain, costDiv, 0x91, 0x91)        // f32.sqrt
	set(plain, costDiv, 0x95, 0x95)        // f32.div
	set(plain, costDiv, 0x9f, 0x9f)        // f64.sqrt
	set(plain, costDiv, 0xa3, 0xa3)        // f64.div
	set(plain, costFloat, 0xa7, 0xbf)      // conversions
	set(plain, costPlain, 0xc0, 0xc4)      // sign extension
	set(refNull, costPlain, 0xd0, 0xd0)    // ref.null
	set(plain, costPlain, 0xd1, 0xd1)      // ref.is_null
	set(refFunc, 255, 0xd2, 0xd2)          // ref.func, a call into the engine
	set(prefixFC, 0, 0xfc, 0xfc)           //
	set(prefixFD, costFloat, 0xfd, 0xfd)   //
	return t
}()

// simd classes of the second opcode, which the binary format writes as LEB128.
// Those from 0x80 on take two bytes, the second of which is 1.
type simdClass uint8

const (
	simdRefused simdClass = iota
	simdPlain
	simdMem     // memory argument
	simdMemLane // memory argument and lane
	simdLane    // lane
	simdConst   // 16 bytes: v128.const, i8x16.shuffle
)

var simdClasses = func() (t [256]simdClass) {
	set := func(c simdClass, from, to int) {
		for i := from; i <= to; i++ {
			t[i] = c
		}
	}
	set(simdPlain, 0x0e, 0xff)
	set(simdMem, 0x00, 0x0b)
	set(simdConst, 0x0c, 0x0d)
	set(simdLane, 0x15, 0x22)
	set(simdMemLane, 0x54, 0x5b)
	set(simdMem, 0x5c, 0x5d)
	for _, hole := range [...]int{0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee} {
		t[hole] = simdRefused
	}
	return t
}()
