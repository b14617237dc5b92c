package rewrite

import "github.com/berth-run/berth/plugins/wasmfile"

// Subsections of the name section that are indexed by function.
const (
	nameFunctions = 1
	nameLocals    = 2
	nameLabels    = 3
)

// writeNames appends the name section with function indexes shifted. A
// malformed one is left out: names never make a module invalid.
func (m *module) writeNames(out []byte) []byte {
	if m.names == nil {
		return out
	}
	content := make([]byte, 0, len(m.names)+len(m.names)/16)
	r := wasmfile.Reader{B: m.names}
	for r.Off < len(r.B) {
		id := r.Byte()
		sub := wasmfile.Reader{B: r.Bytes(r.U32())}
		if r.Err != nil {
			return out
		}
		content = append(content, id, 0, 0, 0, 0, 0)
		at := len(content)
		switch id {
		case 0: // the module's
			content = wasmfile.AppendName(content, sub.Name())
		case nameFunctions:
			content = m.shiftNames(content, &sub, func(c []byte) []byte { return wasmfile.AppendName(c, sub.Name()) })
		case nameLocals, nameLabels:
			content = m.shiftNames(content, &sub, func(c []byte) []byte { return copyNames(c, &sub) })
		default:
			content = append(content, sub.Bytes(uint32(len(sub.B)))...)
		}
		if sub.Err != nil || sub.Off != len(sub.B) {
			return out
		}
		putU32(content[at-5:at], len(content)-at)
	}
	return wasmfile.AppendCustom(out, "name", content)
}

// shiftNames copies a map from function indexes to what value copies.
func (m *module) shiftNames(out []byte, r *wasmfile.Reader, value func([]byte) []byte) []byte {
	n := r.Count(2)
	out = wasmfile.AppendU32(out, n)
	for ; n > 0 && r.Err == nil; n-- {
		out = wasmfile.AppendU32(out, m.shift(m.funcIndex(r)))
		out = value(out)
	}
	return out
}

// copyNames copies a map from indexes to names.
func copyNames(out []byte, r *wasmfile.Reader) []byte {
	n := r.Count(2)
	out = wasmfile.AppendU32(out, n)
	for ; n > 0 && r.Err == nil; n-- {
		out = wasmfile.AppendU32(out, r.U32())
		out = wasmfile.AppendName(out, r.Name())
	}
	return out
}
