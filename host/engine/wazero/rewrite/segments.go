package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

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

// writeData takes the bytes of the active data segments into the result, and
// keeps the passive ones. Where instructions may name segments, which takes a
// data count section, empty ones stay in the place of the active ones, so that
// the others keep their indexes. Otherwise nothing stays: the Go linker makes
// thousands of segments, and each costs every instance memory and time.
func (m *module) writeData(out []byte) ([]byte, error) {
	if !m.has(wasmfile.Data) {
		return out, nil
	}
	named := m.has(wasmfile.DataCount)
	r := m.reader(wasmfile.Data)
	n := r.Count(2)
	if named {
		out = wasmfile.AppendU32(out, n)
	}
	for i := uint32(0); i < n && r.Err == nil; i++ {
		flag := r.U32()
		switch {
		case flag > 2:
			r.Fail("data segment %d has flags 0x%x: %w", i, flag, wasmfile.ErrMalformed)
		case flag != 1:
			m.activeData(r, i, flag)
			if named {
				out = append(out, 0, opI32Const, 0, opEnd, 0)
			}
		default:
			b := r.Bytes(r.U32())
			if named {
				out = wasmfile.AppendU32(append(out, 1), uint32(len(b)))
				out = append(out, b...)
			}
		}
	}
	return out, m.done(wasmfile.Data, r)
}

// activeData reads an active segment, after its flag, into the result.
func (m *module) activeData(r *wasmfile.Reader, segment, flag uint32) {
	if flag == 2 {
		if mem := r.U32(); mem != 0 {
			r.Fail("data segment %d for memory %d: %w", segment, mem, ErrUnsupported)
		}
	}
	if m.memories == 0 {
		r.Fail("data segment %d without a memory: %w", segment, wasmfile.ErrMalformed)
	}
	offset := m.dataOffset(r, segment)
	m.res.Data = append(m.res.Data, Segment{Offset: offset, Bytes: r.Bytes(r.U32())})
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
