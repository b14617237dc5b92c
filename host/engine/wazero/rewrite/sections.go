package rewrite

import (
	"strconv"
	"strings"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// Value types and forms of the binary format.
const (
	typeI32       = 0x7f
	typeI64       = 0x7e
	typeF32       = 0x7d
	typeF64       = 0x7c
	typeV128      = 0x7b
	typeFuncref   = 0x70
	typeExternref = 0x6f
	formFunc      = 0x60
)

func isRef(t byte) bool { return t == typeFuncref || t == typeExternref }

func isValueType(t byte) bool { return t >= typeV128 && t <= typeI32 || isRef(t) }

// readValueType reads a value type of Core 2.0.
func readValueType(r *wasmfile.Reader) byte {
	t := r.Byte()
	if r.Err == nil && !isValueType(t) {
		r.Fail("value type 0x%x (exceptions, typed references and garbage collection): %w", t, ErrUnsupported)
	}
	return t
}

// read takes in everything that code may refer to, and checks it.
func (m *module) read() error {
	steps := []struct {
		id   byte
		read func(*wasmfile.Reader)
	}{
		{wasmfile.Type, m.readTypes},
		{wasmfile.Import, m.readImports},
		{wasmfile.Function, m.readFunctions},
		{wasmfile.Table, m.readTables},
		{wasmfile.Memory, m.readMemories},
		{wasmfile.Tag, m.readTags},
		{wasmfile.Start, m.readStart},
		{wasmfile.DataCount, func(r *wasmfile.Reader) { r.U32() }},
	}
	m.start = -1
	for _, s := range steps {
		if !m.has(s.id) {
			continue
		}
		r := m.reader(s.id)
		s.read(r)
		if err := m.done(s.id, r); err != nil {
			return err
		}
	}
	return m.readGlobalTypes()
}

func (m *module) readTypes(r *wasmfile.Reader) {
	for n := r.Count(3); n > 0 && r.Err == nil; n-- {
		if form := r.Byte(); form != formFunc && r.Err == nil {
			r.Fail("type form 0x%x (garbage collection): %w", form, ErrUnsupported)
		}
		var t funcType
		for _, side := range [...]struct {
			count *int
			max   uint32
		}{{&t.params, maxParams}, {&t.results, maxResults}} {
			n := r.Count(1)
			if n > side.max {
				r.Fail("a function type with %d parameters or results: %w %d", n, ErrLimit, side.max)
			}
			for i := uint32(0); i < n && r.Err == nil; i++ {
				readValueType(r)
			}
			*side.count = int(n)
		}
		m.types = append(m.types, t)
	}
}

// typeIndex checks an index into the type section.
func (m *module) typeIndex(r *wasmfile.Reader) uint32 {
	t := r.U32()
	if r.Err == nil && uint64(t) >= uint64(len(m.types)) {
		r.Fail("type %d of %d: %w", t, len(m.types), wasmfile.ErrMalformed)
		return 0
	}
	return t
}

func (m *module) addFunc(t, cost uint32) {
	if int(t) < len(m.types) {
		m.funcs = append(m.funcs, t)
		m.callCosts = append(m.callCosts, int(cost)+m.types[t].params+m.types[t].results)
	}
}

func (m *module) readImports(r *wasmfile.Reader) {
	for n := r.Count(4); n > 0 && r.Err == nil; n-- {
		mod, name := r.Name(), r.Name()
		if strings.HasPrefix(mod, reserved) || strings.HasPrefix(name, reserved) {
			r.Fail("import %q.%q: %w", mod, name, ErrReserved)
		}
		switch kind := wasmfile.ExternKind(r.Byte()); kind {
		case wasmfile.ExternFunc:
			m.addFunc(m.typeIndex(r), costHost)
			m.funcImports++
		case wasmfile.ExternTable:
			readTable(r)
			m.tableImports++
			m.snapshotFails("it imports table %q.%q", mod, name)
		case wasmfile.ExternMemory:
			m.readMemory(r)
			m.snapshotFails("it imports memory %q.%q", mod, name)
		case wasmfile.ExternGlobal:
			g := readGlobalType(r)
			m.globals = append(m.globals, g)
			m.globalImports++
			if g.mutable {
				m.snapshotFails("it imports the mutable global %q.%q", mod, name)
			}
		case wasmfile.ExternTag:
			r.Fail("import %q.%q is a tag (exceptions): %w", mod, name, ErrUnsupported)
		default:
			r.Fail("import %q.%q: unknown kind %d: %w", mod, name, byte(kind), wasmfile.ErrMalformed)
		}
	}
}

func (m *module) readFunctions(r *wasmfile.Reader) {
	for n := r.Count(1); n > 0 && r.Err == nil; n-- {
		m.addFunc(m.typeIndex(r), costCall)
	}
}

func (m *module) readMemories(r *wasmfile.Reader) {
	for n := r.Count(2); n > 0 && r.Err == nil; n-- {
		m.readMemory(r)
	}
}

func (m *module) readMemory(r *wasmfile.Reader) {
	l := r.Limits()
	switch m.memories++; {
	case r.Err != nil:
	case l.Shared:
		r.Fail("shared memory (threads): %w", ErrUnsupported)
	case l.Is64:
		r.Fail("64-bit memory: %w", ErrUnsupported)
	case m.memories > 1:
		r.Fail("more than one memory: %w", ErrUnsupported)
	}
}

func (m *module) readTags(r *wasmfile.Reader) {
	r.Fail("tag section (exceptions): %w", ErrUnsupported)
}

func (m *module) readStart(r *wasmfile.Reader) {
	f := m.funcIndex(r)
	if r.Err != nil {
		return
	}
	if t := m.types[m.funcs[f]]; t.params+t.results != 0 {
		r.Fail("the start function has parameters or results: %w", wasmfile.ErrMalformed)
	}
	m.start = int64(f)
	m.res.Start = startExport
}

// funcIndex checks an index into the original functions.
func (m *module) funcIndex(r *wasmfile.Reader) uint32 {
	f := r.U32()
	if r.Err == nil && uint64(f) >= uint64(len(m.funcs)) {
		r.Fail("function %d of %d: %w", f, len(m.funcs), wasmfile.ErrMalformed)
		return 0
	}
	return f
}

// globalIndex checks an index into the original globals.
func (m *module) globalIndex(r *wasmfile.Reader) uint32 {
	g := r.U32()
	if r.Err == nil && uint64(g) >= uint64(len(m.globals)) {
		r.Fail("global %d of %d: %w", g, len(m.globals), wasmfile.ErrMalformed)
		return 0
	}
	return g
}

func readGlobalType(r *wasmfile.Reader) globalType {
	g := globalType{valType: readValueType(r)}
	switch mut := r.Byte(); {
	case mut == 1:
		g.mutable = true
	case mut > 1:
		r.Fail("mutability 0x%x: %w", mut, wasmfile.ErrMalformed)
	}
	return g
}

// readGlobalTypes reads the types of the defined globals. Their initial values
// may only name imported globals, so that the reading is left to writeGlobals.
func (m *module) readGlobalTypes() error {
	r := m.reader(wasmfile.Global)
	if !m.has(wasmfile.Global) {
		return nil
	}
	imported := m.globals
	var all []globalType
	for n := r.Count(4); n > 0 && r.Err == nil; n-- {
		all = append(all, readGlobalType(r))
		m.constExpr(r, nil)
	}
	m.globals = append(imported, all...)
	return m.done(wasmfile.Global, r)
}

// constExpr reads a constant expression, up to and including its end, and
// appends it to out with function indexes shifted.
func (m *module) constExpr(r *wasmfile.Reader, out []byte) []byte {
	for r.Err == nil {
		from := r.Off
		switch code := r.Byte(); code {
		case opEnd:
			return append(out, code)
		case opGlobalGet:
			if g := m.globalIndex(r); r.Err == nil && g >= m.globalImports {
				r.Fail("constant expression that reads global %d, which is not imported (extended-const): %w", g, ErrUnsupported)
			}
		case opI32Const:
			r.S32()
		case opI64Const:
			r.S64()
		case opF32Const:
			r.Bytes(4)
		case opF64Const:
			r.Bytes(8)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
			r.Fail("arithmetic in a constant expression (extended-const): %w", ErrUnsupported)
		case opRefNull:
			if t := r.Byte(); r.Err == nil && !isRef(t) {
				r.Fail("ref.null of heap type 0x%x: %w", t, ErrUnsupported)
			}
		case opRefFunc:
			if f := m.funcIndex(r); r.Err == nil {
				out = wasmfile.AppendU32(append(out, code), m.shift(f))
			}
			continue
		case opSIMD:
			if second := r.Byte(); r.Err == nil && second != simdV128Const {
				r.Fail("SIMD instruction 0x%x in a constant expression: %w", second, wasmfile.ErrMalformed)
			}
			r.Bytes(16)
		default:
			r.Fail("instruction 0x%x in a constant expression: %w", code, ErrUnsupported)
		}
		if r.Err == nil {
			out = append(out, r.B[from:r.Off]...)
		}
	}
	return out
}

func (m *module) writeTypes(out []byte) ([]byte, error) {
	r := m.reader(wasmfile.Type)
	if m.has(wasmfile.Type) {
		r.U32()
	}
	out = wasmfile.AppendU32(out, uint32(len(m.types))+2)
	out = append(out, r.B[r.Off:]...)
	out = append(out, formFunc, 0, 1, typeI32) // irq's
	return append(out, formFunc, 3, typeI32, typeI32, typeI32, 0), nil
}

// irqType and threeI32 are the indexes of the added types.
func (m *module) irqType() uint32  { return uint32(len(m.types)) }
func (m *module) threeI32() uint32 { return uint32(len(m.types)) + 1 }

// writeFunctions appends the helpers to the functions of a module with a memory.
func (m *module) writeFunctions(out []byte) ([]byte, error) {
	r := m.reader(wasmfile.Function)
	var n uint32
	if m.has(wasmfile.Function) {
		n = r.U32()
	}
	if n+m.helpers() == 0 {
		return out, nil
	}
	out = wasmfile.AppendU32(out, n+m.helpers())
	out = append(out, r.B[r.Off:]...)
	for range m.helpers() {
		out = wasmfile.AppendU32(out, m.threeI32())
	}
	return out, nil
}

func (m *module) writeImports(out []byte) ([]byte, error) {
	r := m.reader(wasmfile.Import)
	var n uint32
	if m.has(wasmfile.Import) {
		n = r.U32()
	}
	out = wasmfile.AppendU32(out, n+1)
	out = append(out, r.B[r.Off:]...)
	out = wasmfile.AppendName(out, IrqModule)
	out = wasmfile.AppendName(out, IrqName)
	return wasmfile.AppendU32(append(out, byte(wasmfile.ExternFunc)), m.irqType()), nil
}

func (m *module) writeGlobals(out []byte) ([]byte, error) {
	r := m.reader(wasmfile.Global)
	var n uint32
	if m.has(wasmfile.Global) {
		n = r.U32()
	}
	out = wasmfile.AppendU32(out, n+1)
	for ; n > 0 && r.Err == nil; n-- {
		out = append(out, r.Byte(), r.Byte())
		out = m.constExpr(r, out)
	}
	// The fuel starts at zero, so that the first check asks the host.
	out = append(out, typeI32, 1, opI32Const, 0, opEnd)
	return out, r.Err
}

func (m *module) writeExports(out []byte) ([]byte, error) {
	r := m.reader(wasmfile.Export)
	var n uint32
	if m.has(wasmfile.Export) {
		n = r.Count(3)
	}
	at := len(out)
	out = append(out, 0, 0, 0, 0, 0)
	total := int(n)
	for ; n > 0 && r.Err == nil; n-- {
		name := r.Name()
		if strings.HasPrefix(name, reserved) {
			r.Fail("export %q: %w", name, ErrReserved)
		}
		kind := r.Byte()
		var index uint32
		switch wasmfile.ExternKind(kind) {
		case wasmfile.ExternFunc:
			index = m.shift(m.funcIndex(r))
		case wasmfile.ExternGlobal:
			index = m.globalIndex(r)
		default:
			index = r.U32() // the engine checks it: nothing is added to these
		}
		out = wasmfile.AppendName(out, name)
		out = wasmfile.AppendU32(append(out, kind), index)
	}
	if err := m.done(wasmfile.Export, r); err != nil {
		return nil, err
	}
	add := func(name string, kind wasmfile.ExternKind, index uint32) {
		out = wasmfile.AppendName(out, name)
		out = wasmfile.AppendU32(append(out, byte(kind)), index)
		total++
	}
	for i := m.globalImports; i < m.fuel(); i++ {
		g := m.globals[i]
		switch {
		case !g.mutable:
		case isRef(g.valType):
			m.snapshotFails("global %d is mutable and holds a reference", i)
		case g.valType == typeV128:
			m.snapshotFails("global %d is mutable and a vector", i)
		default:
			name := globalPrefix + strconv.FormatUint(uint64(i), 10)
			add(name, wasmfile.ExternGlobal, i)
			m.res.Globals = append(m.res.Globals, name)
		}
	}
	add(FuelGlobal, wasmfile.ExternGlobal, m.fuel())
	m.res.Globals = append(m.res.Globals, FuelGlobal)
	if m.start >= 0 {
		add(startExport, wasmfile.ExternFunc, m.shift(uint32(m.start)))
	}
	putU32(out[at:at+5], total)
	return out, nil
}

// writeData empties the active data segments and keeps the others. The empty
// ones stay so that the indexes of the others do. Without a data count section
// no instruction may name a segment, and the whole section goes: the Go linker
// makes thousands of them, and each costs every instance memory and time.
func (m *module) writeData(out []byte) ([]byte, error) {
	if !m.has(wasmfile.Data) {
		return out, nil
	}
	if mark := len(out); !m.has(wasmfile.DataCount) {
		out, err := m.emptyData(out)
		return out[:mark], err
	}
	return m.emptyData(out)
}

func (m *module) emptyData(out []byte) ([]byte, error) {
	r := m.reader(wasmfile.Data)
	n := r.Count(2)
	out = wasmfile.AppendU32(out, n)
	for i := uint32(0); i < n && r.Err == nil; i++ {
		flag := r.U32()
		if flag == 1 {
			b := r.Bytes(r.U32())
			out = wasmfile.AppendU32(append(out, 1), uint32(len(b)))
			out = append(out, b...)
			continue
		}
		if flag > 2 {
			r.Fail("data segment %d has flags 0x%x: %w", i, flag, wasmfile.ErrMalformed)
		}
		if flag == 2 {
			if mem := r.U32(); mem != 0 {
				r.Fail("data segment %d for memory %d: %w", i, mem, ErrUnsupported)
			}
		}
		offset := m.dataOffset(r, i)
		m.res.Data = append(m.res.Data, Segment{Offset: offset, Bytes: r.Bytes(r.U32())})
		out = append(out, 0, opI32Const, 0, opEnd, 0)
	}
	return out, m.done(wasmfile.Data, r)
}

// dataOffset reads the offset of an active data segment: i32.const and end.
func (m *module) dataOffset(r *wasmfile.Reader, segment uint32) uint32 {
	switch code := r.Byte(); code {
	case opI32Const:
		v := r.S32()
		if end := r.Byte(); end != opEnd && r.Err == nil {
			r.Fail("the offset of data segment %d is more than a constant (extended-const): %w", segment, ErrUnsupported)
		}
		return uint32(v)
	case opGlobalGet:
		g := m.globalIndex(r)
		r.Fail("the offset of data segment %d is global %d, known only when linked (position-independent code): %w", segment, g, ErrUnsupported)
	default:
		r.Fail("the offset of data segment %d starts with instruction 0x%x: %w", segment, code, wasmfile.ErrMalformed)
	}
	return 0
}

// writeElements copies the element segments with function indexes shifted.
func (m *module) writeElements(out []byte) ([]byte, error) {
	if !m.has(wasmfile.Element) {
		return out, nil
	}
	r := m.reader(wasmfile.Element)
	n := r.Count(2)
	out = wasmfile.AppendU32(out, n)
	for ; n > 0 && r.Err == nil; n-- {
		flags := r.U32()
		if flags > 7 {
			r.Fail("element segment with flags 0x%x: %w", flags, wasmfile.ErrMalformed)
		}
		out = append(out, byte(flags))
		const passive, explicit, expressions = 1, 2, 4
		active := flags&passive == 0
		if active {
			if flags&explicit != 0 {
				out = wasmfile.AppendU32(out, r.U32()) // table
			}
			out = m.constExpr(r, out)
		}
		if flags&(passive|explicit) != 0 {
			kind := r.Byte() // element kind 0, or a reference type
			if flags&expressions != 0 && !isRef(kind) || flags&expressions == 0 && kind != 0 {
				r.Fail("elements of kind 0x%x: %w", kind, ErrUnsupported)
			}
			out = append(out, kind)
		}
		items := r.Count(1)
		out = wasmfile.AppendU32(out, items)
		for ; items > 0 && r.Err == nil; items-- {
			if flags&expressions != 0 {
				out = m.constExpr(r, out)
			} else {
				out = wasmfile.AppendU32(out, m.shift(m.funcIndex(r)))
			}
		}
	}
	return out, m.done(wasmfile.Element, r)
}
