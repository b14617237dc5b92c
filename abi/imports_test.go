package abi

import (
	"regexp"
	"strings"
	"testing"
)

func TestImportTable(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	signature := regexp.MustCompile(`^[iIF]*:[iIF]?$`) // at most one result
	seen := map[string]bool{}
	for _, i := range Imports() {
		full := i.Module + "." + i.Name
		if seen[full] {
			t.Errorf("%s is in the table twice", full)
		}
		seen[full] = true
		if !name.MatchString(i.Name) {
			t.Errorf("%s: name does not match %v", full, name)
		}
		if !signature.MatchString(string(i.Signature)) {
			t.Errorf("%s: signature %q does not match %v", full, i.Signature, signature)
		}
		if i.Module != ImportWASI && !strings.HasPrefix(i.Module, ImportStem) {
			t.Errorf("%s: module is neither WASI nor of this major version", full)
		}
		if i.Since > Minor {
			t.Errorf("%s: since 1.%d, but the tree speaks 1.%d", full, i.Since, Minor)
		}
	}
	// The witx of preview 1 has 46 functions.
	wasi := 0
	for full := range seen {
		if strings.HasPrefix(full, ImportWASI+".") {
			wasi++
		}
	}
	if wasi != 46 {
		t.Errorf("got %d functions of WASI preview 1, want 46", wasi)
	}
}

func TestExportTable(t *testing.T) {
	required := 0
	for _, e := range Exports() {
		if e.Required {
			required++
			if !strings.HasPrefix(e.Name, "berth1_") {
				t.Errorf("required export %s does not carry the major version", e.Name)
			}
		}
		if strings.Count(string(e.Signature), ":") != 1 {
			t.Errorf("%s: signature %q has no colon of its own", e.Name, e.Signature)
		}
	}
	if required != 3 {
		t.Errorf("got %d required exports, want 3", required)
	}
}

func TestSignature(t *testing.T) {
	for _, tc := range []struct {
		params, results []byte
		want            Signature
		text            string
	}{
		{nil, nil, ":", "() -> ()"},
		{nil, []byte{0x7f}, ":i", "() -> i32"},
		{[]byte{0x7f, 0x7e}, []byte{0x7f}, "iI:i", "(i32, i64) -> i32"},
		{[]byte{0x7c}, nil, "F:", "(f64) -> ()"},
		{[]byte{0x7d, 0x7b}, []byte{0x7f, 0x7f}, "fv:ii", "(f32, v128) -> i32, i32"},
		{[]byte{0x70, 0x6f, 0x01}, nil, "re?:", "(funcref, externref, ?) -> ()"},
	} {
		got := SignatureOf(tc.params, tc.results)
		if got != tc.want {
			t.Errorf("SignatureOf(%x, %x): got %q, want %q", tc.params, tc.results, got, tc.want)
		}
		if got.String() != tc.text {
			t.Errorf("%q: got %q, want %q", got, got, tc.text)
		}
	}
}
