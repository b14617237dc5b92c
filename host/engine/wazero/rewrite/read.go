package rewrite

import (
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
