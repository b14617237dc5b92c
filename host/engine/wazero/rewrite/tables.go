package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

type tableType struct {
	elem   byte
	limits wasmfile.Limits
}

func readTable(r *wasmfile.Reader) tableType {
	t := tableType{elem: r.Byte()}
	if r.Err == nil && !isRef(t.elem) {
		r.Fail("table of type 0x%x: %w", t.elem, ErrUnsupported)
	}
	t.limits = r.Limits()
	if r.Err == nil && (t.limits.Shared || t.limits.Is64) {
		r.Fail("shared or 64-bit table: %w", ErrUnsupported)
	}
	return t
}

func (m *module) readTables(r *wasmfile.Reader) {
	n := r.Count(3)
	if n > maxTables {
		r.Fail("%d tables: %w %d", n, ErrLimit, maxTables)
	}
	total := uint64(0)
	for ; n > 0 && r.Err == nil; n-- {
		t := readTable(r)
		m.tables = append(m.tables, t)
		total += t.limits.Min
	}
	if r.Err == nil && total > maxTableLength {
		r.Fail("tables of %d elements: %w %d", total, ErrLimit, maxTableLength)
	}
}

// writeTables gives each table a maximum, because the engine keeps tables
// outside the memory that is limited. Growing beyond it fails as the standard
// allows at any time.
func (m *module) writeTables(out []byte) ([]byte, error) {
	if len(m.tables) == 0 {
		return out, nil
	}
	room := uint64(maxTableLength)
	for _, t := range m.tables {
		room -= t.limits.Min
	}
	room /= uint64(len(m.tables))
	out = wasmfile.AppendU32(out, uint32(len(m.tables)))
	for _, t := range m.tables {
		highest := t.limits.Min + room
		if t.limits.HasMax && t.limits.Max < highest {
			highest = t.limits.Max // below the minimum is for the engine to refuse
		}
		out = append(out, t.elem, 1)
		out = wasmfile.AppendU32(out, uint32(t.limits.Min))
		out = wasmfile.AppendU32(out, uint32(highest))
	}
	return out, nil
}
