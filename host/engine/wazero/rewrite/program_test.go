package rewrite

import (
	"bytes"

	"github.com/berth-run/berth/plugins/wasmfile"
	"pgregory.net/rapid"
)

// program makes random modules that are valid and come to an end: every loop
// turn and every function entry takes one from a budget, and what finds none
// left returns.
//
// Before each statement the program counts some ticks, so that a test can compare
// what ran with what was charged.
type program struct {
	t     *rapid.T
	depth int // blocks of statements open
	left  int // statements that may still be made in this function

	// Of the function being made.
	index   uint32
	types   string   // of its params and locals
	results string   // of its type
	labels  []string // what a branch to each open block carries; innermost last
}

// Globals of every program.
const (
	globalBudget = iota
	globalTicks
	globalI32
	globalI64
	globalF64
)

// Functions of every program: the host's, then those of programTypes[0], and so on.
const (
	hostFunc      = 0
	programFuncs  = 5
	programMemory = 2 // pages
	tickCost      = 4 // what a tick costs
)

var programTypes = []struct{ params, results string }{
	{i32 + i32, i32},
	{i32 + i64, i64},
	{"", ""},
	{i32, i32 + i32},
	{f64 + i32, f64},
}

// programModule makes a module. Its function "f" is of type 0.
func programModule(t *rapid.T) []byte {
	m := &mod{
		imports:  [][]byte{cat(str("env"), str("trace"), 0, u(5))},
		tables:   [][]byte{cat(typeFuncref, 1, u(8), u(12)), cat(typeExternref, 0, u(4))},
		memories: [][]byte{{1, programMemory, programMemory + 1}},
		globals: [][]byte{
			cat(typeI32, 1, i32const(300), opEnd),
			cat(typeI64, 1, opI64Const, 0, opEnd),
			cat(typeI32, 1, i32const(-5), opEnd),
			cat(typeI64, 1, opI64Const, 9, opEnd),
			cat(typeF64, 1, opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, opEnd),
		},
		elements: [][]byte{
			cat(0, i32const(0), opEnd, 6, u(1), u(2), u(3), u(4), u(5), u(1)),
			cat(1, 0, 3, u(1), u(2), u(3)),
		},
		dataCount: true,
		datas: [][]byte{
			cat(0, i32const(64), opEnd, str("some data that lies in memory from the start")),
			cat(1, str("some data that does not")),
		},
	}
	for _, ty := range programTypes {
		m.types = append(m.types, functype(ty.params, ty.results))
	}
	m.types = append(m.types, functype(i32, ""))
	for i := range uint32(programFuncs) {
		p := &program{t: t, index: i + 1, left: 12, results: programTypes[i].results}
		declared := i32 + i32 + i64 + f64
		p.types = programTypes[i].params + declared
		m.fn(i, locals([]byte(declared)...), p.body())
	}
	m.export("f", wasmfile.ExternFunc, 1)
	m.export("memory", wasmfile.ExternMemory, 0)
	for i, name := range []string{"budget", "ticks", "i32", "i64", "f64"} {
		m.export(name, wasmfile.ExternGlobal, uint32(i))
	}
	return m.bytes()
}

func (p *program) pick(n int, what string) int { return rapid.IntRange(0, n-1).Draw(p.t, what) }

// body is the code of a function.
func (p *program) body() []byte {
	p.labels = []string{p.results}
	return cat(p.spend(), p.statements(), p.values(p.results))
}

// spend takes one from the budget, and returns when there is none left.
func (p *program) spend() []byte {
	return cat(opGlobalGet, globalBudget, i32const(1), opI32Sub, opGlobalSet, globalBudget,
		opGlobalGet, globalBudget, i32const(0), 0x48, opIf, blockEmpty, p.constants(p.results), 0x0f, opEnd)
}

// constants pushes a value of each type.
func (p *program) constants(types string) []byte {
	var out []byte
	for _, ty := range []byte(types) {
		out = append(out, p.constant(ty)...)
	}
	return out
}

func (p *program) constant(ty byte) []byte {
	switch ty {
	case typeI32:
		return i32const(rapid.OneOf(rapid.Int32Range(-3, 40), rapid.Int32()).Draw(p.t, "i32"))
	case typeI64:
		return cat(opI64Const, s(rapid.Int32().Draw(p.t, "i64")))
	default:
		return cat(opF64Const, rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(p.t, "f64"), rapid.SampledFrom([]int{0, 0xf0, 0xf8}).Draw(p.t, "f64"), rapid.SampledFrom([]int{0, 0x3f, 0xbf, 0x40}).Draw(p.t, "f64"))
	}
}

// values pushes a value of each type, from any expression.
func (p *program) values(types string) []byte {
	var out []byte
	for _, ty := range []byte(types) {
		out = append(out, p.expression(ty, 2)...)
	}
	return out
}

// local is a local of a type.
func (p *program) local(ty byte) (uint32, bool) {
	var fit []uint32
	for i, have := range []byte(p.types) {
		if have == ty {
			fit = append(fit, uint32(i))
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return fit[p.pick(len(fit), "local")], true
}

// expression pushes a value of a type.
func (p *program) expression(ty byte, depth int) []byte {
	if depth == 0 {
		if l, ok := p.local(ty); ok && p.pick(2, "leaf") == 0 {
			return cat(opLocalGet, u(l))
		}
		return p.constant(ty)
	}
	sub := func(ty byte) []byte { return p.expression(ty, depth-1) }
	switch ty {
	case typeI32:
		switch p.pick(16, "i32 expression") {
		case 0:
			return cat(opGlobalGet, globalI32)
		case 1:
			return cat(sub(typeI32), sub(typeI32), rapid.SampledFrom([]int{0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x46, 0x48, 0x4d}).Draw(p.t, "binary"))
		case 2: // division, which may trap
			return cat(sub(typeI32), sub(typeI32), rapid.SampledFrom([]int{0x6d, 0x6e, 0x6f, 0x70}).Draw(p.t, "division"))
		case 3:
			return cat(p.address(), rapid.SampledFrom([]int{0x28, 0x2c, 0x2d, 0x2e, 0x2f}).Draw(p.t, "load"), 0, u(uint32(p.pick(300, "offset"))))
		case 4:
			return cat(sub(typeI32), sub(typeI32), sub(typeI32), 0x1b) // select
		case 5:
			return cat(sub(typeI32), opIf, 0x7f, sub(typeI32), opElse, sub(typeI32), opEnd)
		case 6:
			return cat(opMemorySize, 0)
		case 7:
			return cat(sub(typeI64), 0xa7) // i32.wrap_i64
		case 8:
			return cat(p.expression(typeF64, 0), opMisc, 2+p.pick(2, "signed")) // i32.trunc_sat_f64
		case 9:
			return cat(sub(typeI32), 0xc0+p.pick(2, "extend"))
		case 10:
			return p.call(0)
		case 11:
			return cat(p.call(3), opI32Add)
		case 12:
			return cat(opSIMD, simdV128Const, rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(p.t, "v128"), sub(typeI32), opSIMD, 17, opSIMD, u(0xae), opSIMD, 27, p.pick(4, "lane"))
		case 13: // block with a parameter
			return cat(sub(typeI32), opBlock, u(3), sub(typeI32), opEnd, 0x73)
		case 14:
			return cat(opMisc, 16, p.pick(2, "table")) // table.size
		default:
			return cat(sub(typeI32), i32const(15), 0x71, 0x25, 0, 0xd1) // table.get, ref.is_null; may trap
		}
	case typeI64:
		switch p.pick(5, "i64 expression") {
		case 0:
			return cat(opGlobalGet, globalI64)
		case 1:
			return cat(sub(typeI64), sub(typeI64), rapid.SampledFrom([]int{0x7c, 0x7d, 0x7e, 0x83, 0x85, 0x86, 0x88}).Draw(p.t, "binary"))
		case 2:
			return cat(sub(typeI32), 0xac+p.pick(2, "extend"))
		case 3:
			return p.call(1)
		default:
			return cat(p.address(), 0x29, 3, u(8))
		}
	default:
		switch p.pick(4, "f64 expression") {
		case 0:
			return cat(opGlobalGet, globalF64)
		case 1:
			return cat(sub(typeF64), sub(typeF64), 0xa0+p.pick(4, "binary"))
		case 2:
			return cat(sub(typeI32), 0xb7)
		default:
			return p.call(4)
		}
	}
}

// address is one within memory, most of the time.
func (p *program) address() []byte {
	if p.pick(20, "wild") == 0 {
		return p.expression(typeI32, 0)
	}
	return cat(p.expression(typeI32, 1), i32const(0xfff), 0x71)
}

// call calls a function of a type, directly or through the table.
func (p *program) call(ty uint32) []byte {
	args := p.constants(programTypes[ty].params)
	if p.pick(3, "indirect") == 0 {
		return cat(args, p.tableIndex(ty), 0x11, u(ty), 0)
	}
	return cat(args, opCall, u(ty+1))
}

// tableIndex is where the table has a function of that type, most of the time.
func (p *program) tableIndex(ty uint32) []byte {
	if p.pick(10, "other entry") == 0 {
		return p.expression(typeI32, 0)
	}
	return i32const(int32(ty))
}

func (p *program) statements() []byte {
	var out []byte
	for n := 1 + p.pick(4, "statements"); n > 0 && p.left > 0; n-- {
		p.left--
		// Straight code of some length, so that weights count.
		out = append(out, bytes.Repeat(p.tick(), 1+p.pick(30, "ticks"))...)
		out = append(out, p.statement()...)
	}
	return out
}

func (p *program) tick() []byte {
	return cat(opGlobalGet, globalTicks, opI64Const, 1, opI64Add, opGlobalSet, globalTicks)
}

// open makes statements within a block whose label carries the given types.
func (p *program) open(label string) []byte {
	p.labels = append(p.labels, label)
	p.depth++
	out := p.statements()
	p.depth--
	p.labels = p.labels[:len(p.labels)-1]
	return out
}

// branchDepth is how far out a label without values is.
func (p *program) branchDepth() (int, bool) {
	var fit []int
	for i, l := range p.labels {
		if l == "" {
			fit = append(fit, len(p.labels)-1-i)
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return fit[p.pick(len(fit), "label")], true
}

func (p *program) statement() []byte {
	kind := p.pick(30, "statement")
	if p.depth > 5 {
		kind %= 14
	}
	switch kind {
	case 0:
		return cat(p.expression(typeI32, 2), opCall, hostFunc)
	case 1:
		ty := rapid.SampledFrom([]byte{typeI32, typeI64, typeF64}).Draw(p.t, "type")
		if l, ok := p.local(ty); ok {
			return cat(p.expression(ty, 2), opLocalSet, u(l))
		}
	case 2:
		return cat(p.expression(typeI32, 2), opGlobalSet, globalI32)
	case 3:
		return cat(p.expression(typeI64, 2), opGlobalSet, globalI64)
	case 4:
		return cat(p.address(), p.expression(typeI32, 1), 0x36, 2, u(4))
	case 5:
		return cat(p.address(), p.expression(typeI64, 1), 0x37, 3, u(4))
	case 6, 7:
		length := i32const(rapid.SampledFrom([]int32{0, 1, 10, 100, 1000, 3000, 40_000, 70_000, 70_000, -1}).Draw(p.t, "length"))
		switch p.pick(4, "bulk") {
		case 0:
			return cat(p.address(), p.expression(typeI32, 1), length, opMisc, miscMemoryFill, 0)
		case 1:
			return cat(p.address(), p.address(), length, opMisc, miscMemoryCopy, 0, 0)
		case 2:
			return cat(p.address(), i32const(0), i32const(int32(p.pick(30, "length"))), opMisc, 8, 1, 0)
		default:
			return cat(p.address(), p.expression(typeI32, 1), p.expression(typeI32, 1), i32const(0xffff), 0x71, opMisc, miscMemoryFill, 0)
		}
	case 8:
		small := func() []byte { return i32const(int32(p.pick(8, "element"))) }
		switch p.pick(6, "table") {
		case 0:
			return cat(small(), opRefFunc, u(uint32(1+p.pick(programFuncs, "function"))), 0x26, 0)
		case 1:
			return cat(small(), small(), i32const(int32(p.pick(3, "length"))), opMisc, 14, 0, 0)
		case 2:
			return cat(opRefNull, typeFuncref, small(), opMisc, 15, 0, 0x1a)
		case 3:
			return cat(small(), opRefNull, typeFuncref, i32const(int32(p.pick(2, "length"))), opMisc, 17, 0)
		case 4:
			return cat(small(), i32const(0), i32const(int32(p.pick(4, "length"))), opMisc, 12, 1, 0)
		default:
			return cat(opMisc, 13, 1)
		}
	case 9:
		if d, ok := p.branchDepth(); ok {
			return cat(p.expression(typeI32, 1), opBrIf, d)
		}
	case 10:
		a, ok := p.branchDepth()
		if ok {
			b, _ := p.branchDepth()
			c, _ := p.branchDepth()
			return cat(opBlock, blockEmpty, p.expression(typeI32, 1), opBrTable, 3, 0, a+1, b+1, c+1, opEnd)
		}
	case 11:
		return cat(p.expression(typeI32, 1), opIf, blockEmpty, p.values(p.results), 0x0f, opEnd)
	case 12: // a tail call
		ty := p.index - 1
		return cat(p.expression(typeI32, 1), opIf, blockEmpty, p.constants(programTypes[ty].params), 0x12, u(p.index), opEnd)
	case 13:
		return cat(p.call(2))
	case 14, 15:
		return cat(p.expression(typeI32, 2), opIf, blockEmpty, p.open(""), opElse, p.open(""), opEnd)
	case 16:
		return cat(opBlock, blockEmpty, p.open(""), opEnd)
	case 17, 18:
		return cat(opLoop, blockEmpty, p.spend(), p.open(""), p.expression(typeI32, 1), opBrIf, 0, opEnd)
	case 19:
		return cat(p.values(i32+i32), opLoop, u(0), p.spend(), opI32Add,
			p.constant(typeI32), p.expression(typeI32, 1), opBrIf, 0, opI32Add, opEnd, opGlobalSet, globalI32)
	default:
		return p.dispatch()
	}
	return nil
}

// dispatch is code in Go's form, on local number types[params]. Its jumps go
// anywhere; each block spends, so that they end.
func (p *program) dispatch() []byte {
	local := uint32(len(p.types) - 4) // the first i32 that is declared
	n := 1 + p.pick(5, "blocks")
	out := cat(opLoop, blockEmpty)
	for range n {
		out = append(out, opBlock, blockEmpty)
	}
	out = append(out, cat(opLocalGet, u(local), opBrTable, u(uint32(n)))...)
	for i := range n {
		label := i
		if p.pick(6, "table") == 0 {
			label = p.pick(n, "entry")
		}
		out = append(out, u(uint32(label))...)
	}
	out = append(out, cat(u(uint32(p.pick(n, "default"))), opEnd)...)
	for i := range n {
		open := n - 1 - i // blocks of the form still open
		for range open + 1 {
			p.labels = append(p.labels, "-") // not for other branches
		}
		p.depth++
		out = append(out, p.spend()...)
		out = append(out, p.statements()...)
		to := i32const(int32(p.pick(n+2, "to")))
		switch p.pick(5, "jump") {
		case 0:
			out = append(out, cat(to, opLocalSet, u(local), opBr, u(uint32(open)))...)
		case 1:
			out = append(out, cat(p.expression(typeI32, 1), opIf, blockEmpty, to, opLocalSet, u(local), opBr, u(uint32(open+1)), opEnd)...)
		case 2:
			out = append(out, cat(to, opLocalSet, u(local), p.expression(typeI32, 0), opBrIf, u(uint32(open)))...)
		case 3:
			out = append(out, cat(p.expression(typeI32, 1), opLocalSet, u(local), opBr, u(uint32(open)))...)
		}
		p.depth--
		p.labels = p.labels[:len(p.labels)-open-1]
		if i < n-1 {
			out = append(out, opEnd)
		}
	}
	return append(out, opEnd)
}
