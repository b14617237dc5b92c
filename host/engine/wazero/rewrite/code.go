package rewrite

import (
	"fmt"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// writeCode rewrites the code section.
func (m *module) writeCode(out []byte) ([]byte, error) {
	defined := len(m.funcs) - int(m.funcImports)
	r := m.reader(wasmfile.Code)
	var n uint32
	if m.has(wasmfile.Code) {
		n = r.Count(3)
	}
	if r.Err == nil && int(n) != defined {
		r.Fail("%d bodies for %d functions: %w", n, defined, wasmfile.ErrMalformed)
	}
	if n+m.helpers() == 0 {
		return out, m.done(wasmfile.Code, r)
	}
	out = wasmfile.AppendU32(out, n+m.helpers())
	m.localBudget = freeLocals + len(m.wasm)
	b := body{m: m, check: newCheck(m.fuel(), m.irq())}
	for i := uint32(0); i < n && r.Err == nil; i++ {
		code := r.Bytes(r.U32())
		if r.Err != nil {
			break
		}
		var err error
		start := r.Off - len(code)
		if out, err = b.function(out, m.funcImports+i, code, start); err != nil {
			return nil, fmt.Errorf("function %d: %w", m.funcImports+i, err)
		}
	}
	m.res.placed, m.res.Checks = b.placed, b.placed.checks()
	if m.helpers() > 0 {
		out = m.appendHelpers(out, &b.check)
	}
	return out, m.done(wasmfile.Code, r)
}

// function appends the rewritten body of function f. start is the offset of
// code in the file.
func (b *body) function(out []byte, f uint32, code []byte, start int) ([]byte, error) {
	t := b.m.types[b.m.funcs[f]]
	r := wasmfile.Reader{B: b.m.wasm[:start+len(code)], Off: start}
	groups := r.Count(2)
	groupsAt := r.Off - start
	locals := uint64(t.params)
	for i := uint32(0); i < groups && r.Err == nil; i++ {
		locals += uint64(r.U32())
		readValueType(&r)
		if locals > maxLocals {
			r.Fail("%d locals: %w %d", locals, ErrLimit, maxLocals)
		}
	}
	if b.m.localBudget -= int(locals) - t.params; b.m.localBudget < 0 {
		r.Fail("more locals in all functions than bytes: %w %d", ErrLimit, freeLocals+len(b.m.wasm))
	}
	if r.Err != nil {
		return nil, r.Err
	}
	declared, code := code[:r.Off-start], code[r.Off-start:]
	if err := b.rewrite(code, r.Off, uint32(locals), t); err != nil {
		return nil, err
	}

	// Whether there is a check at the entry, and a spare local, is known only now.
	b.head = b.head[:0]
	if b.spare {
		b.head = wasmfile.AppendU32(b.head, groups+1)
		b.head = append(b.head, declared[groupsAt:]...)
		b.head = append(b.head, 1, typeI32)
	} else {
		b.head = append(b.head, declared...)
	}
	if b.cost >= costCall {
		b.head = b.check.fixed(b.head, weight(b.cost))
		b.placed.entries++
	}
	out = wasmfile.AppendU32(out, uint32(len(b.head)+len(b.out)))
	out = append(out, b.head...)
	return append(out, b.out...), nil
}
