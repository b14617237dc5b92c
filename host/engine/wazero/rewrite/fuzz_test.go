package rewrite

import (
	"errors"
	"testing"

	"github.com/berth-run/berth/plugins/wasmfile"
	"pgregory.net/rapid"
)

// FuzzRewrite holds the rewriter against the engine's validator:
//
//   - it never panics, and what it writes is no more than a few times what it read;
//   - a valid module stays valid, or is refused for a reason of Berth's own;
//   - an invalid module does not become valid, but for what the rewriter takes
//     out or corrects on purpose.
func FuzzRewrite(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.wasm)
	}
	for _, c := range spinning {
		if wasm := endless(c.code).bytes(); len(wasm) < 1<<13 {
			f.Add(wasm)
		}
	}
	f.Add(indexed().bytes())
	f.Add(cGuest(f))
	for i := range 8 {
		f.Add(rapid.Custom(programModule).Example(i))
	}
	v := newValidator(f)
	f.Fuzz(func(t *testing.T, wasm []byte) { v.hold(t, wasm) })
}

// FuzzCode does the same for the code of one function, in a module that has
// everything code may refer to.
func FuzzCode(f *testing.F) {
	for _, c := range spinning {
		if len(c.code) < 1<<10 {
			f.Add(c.code)
		}
	}
	f.Add(cat(opSIMD, simdV128Const, make([]byte, 16), opSIMD, u(0xae), opSIMD, 21, 3, 0x1a))
	v := newValidator(f)
	f.Fuzz(func(t *testing.T, code []byte) { v.hold(t, endless(code).bytes()) })
}

// hold is what both fuzz targets claim of every module.
func (v *validator) hold(t *testing.T, wasm []byte) {
	res, err := Rewrite(wasm)
	if err != nil {
		own := errors.Is(err, ErrUnsupported) || errors.Is(err, ErrReserved) || errors.Is(err, ErrLimit)
		if !own && smallNumbers(wasm) && v.check(wasm) == nil {
			t.Errorf("a valid module is refused: %v", err)
		}
		return
	}
	if most := 16*len(wasm) + 1000; len(res.Wasm) > most {
		t.Errorf("%d bytes became %d, want at most %d", len(wasm), len(res.Wasm), most)
	}
	before, after := v.check(withoutCustom(t, wasm)), v.check(res.Wasm)
	switch {
	case before == nil && after != nil:
		t.Errorf("a valid module became invalid: %v", after)
	case before != nil && after == nil && res.Start == "":
		// With a start function, its export may declare it for a ref.func.
		t.Errorf("an invalid module became valid; before: %v", before)
	}
}

// smallNumbers says whether no LEB128 number of b can be above 1<<14. The
// engine's decoder allocates what a count asks for before it looks for the
// elements, which the fuzzer would find; Rewrite does not let such counts through.
func smallNumbers(b []byte) bool {
	for i := 1; i < len(b); i++ {
		if b[i] >= 0x80 && b[i-1] >= 0x80 {
			return false
		}
	}
	return true
}

// withoutCustom leaves out the custom sections: a malformed name section makes
// a module invalid for the engine, and is left out by the rewriter.
func withoutCustom(t *testing.T, wasm []byte) []byte {
	sections, err := wasmfile.Sections(wasm)
	if err != nil {
		t.Fatalf("a module with broken sections was rewritten: %v", err)
	}
	out := append([]byte{}, wasmfile.Preamble...)
	for _, s := range sections {
		if s.ID != wasmfile.Custom {
			out = wasmfile.AppendSection(out, s.ID, s.Content)
		}
	}
	return out
}
