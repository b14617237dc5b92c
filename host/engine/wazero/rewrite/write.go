package rewrite

import (
	"strconv"
	"strings"

	"github.com/berth-run/berth/plugins/wasmfile"
)

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
