package proto

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write new golden vectors; those of a released version only ever grow")

// goldenDir holds one file for each message; its README says what is in them.
const goldenDir = "../testdata/golden/v1"

type goldenFile struct {
	Message string   `json:"message"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name string `json:"name"`
	Hex  string `json:"hex"`
	// JSON is the message; absent for bytes that are to be refused.
	JSON       any    `json:"json,omitempty"`
	DecodeOnly bool   `json:"decode_only,omitempty"` // an encoder writes the message otherwise
	Error      string `json:"error,omitempty"`
}

var goldenErrors = map[string]error{"truncated": ErrTruncated, "malformed": ErrMalformed, "utf8": ErrUTF8}

func TestGolden(t *testing.T) {
	idl := idl(readIDL(t))
	for _, m := range messages {
		path := filepath.Join(goldenDir, name(m)+".json")
		if *update {
			writeGolden(t, path, goldenFile{name(m), idl.vectors(m)})
		}
		t.Run(name(m), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var f goldenFile
			if err := json.Unmarshal(src, &f); err != nil {
				t.Fatal(err)
			}
			if f.Message != name(m) || len(f.Vectors) < 5 {
				t.Fatalf("got %d vectors of %s", len(f.Vectors), f.Message)
			}
			for _, v := range f.Vectors {
				checkVector(t, idl, m, v)
			}
		})
	}
	files, err := os.ReadDir(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		base, isJSON := strings.CutSuffix(f.Name(), ".json")
		if isJSON && !slices.ContainsFunc(messages, func(m message) bool { return name(m) == base }) {
			t.Errorf("%s is of no message", f.Name())
		}
	}
}

func checkVector(t *testing.T, idl idl, typ message, v vector) {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	got := fresh(typ)
	err = got.Unmarshal(b)
	if v.Error != "" {
		if !errors.Is(err, goldenErrors[v.Error]) {
			t.Errorf("%s: got %v, want %q", v.Name, err, v.Error)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", v.Name, err)
		return
	}
	if asJSON := idl.toJSON(reflect.ValueOf(got)); !reflect.DeepEqual(asJSON, v.JSON) {
		t.Errorf("%s: decoded\n%v\nwant\n%v", v.Name, asJSON, v.JSON)
	}
	if v.DecodeOnly {
		return
	}
	m := fresh(typ)
	if err := idl.fromJSON(reflect.ValueOf(m).Elem(), v.JSON); err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	if encoded := m.Marshal(); !bytes.Equal(encoded, b) || m.Size() != len(b) {
		t.Errorf("%s: encoded %x (size %d), want %x", v.Name, encoded, m.Size(), b)
	}
}

func writeGolden(t *testing.T, path string, f goldenFile) {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(f); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// vectors makes those of one message: nothing, everything, each field alone
// with its boundaries, and bytes that an encoder does not write.
func (idl idl) vectors(typ message) []vector {
	var out []vector
	add := func(name string, m message) []byte {
		b := m.Marshal()
		out = append(out, vector{Name: name, Hex: hex.EncodeToString(b), JSON: idl.toJSON(reflect.ValueOf(m))})
		return b
	}
	add("empty", fresh(typ))
	full := fresh(typ)
	fill(reflect.ValueOf(full).Elem(), "")
	encoded := add("full", full)
	for i, f := range idl[name(typ)] {
		for _, value := range values(reflect.TypeOf(typ).Elem().Field(i).Type) {
			m := fresh(typ)
			reflect.ValueOf(m).Elem().Field(i).Set(value.v)
			add(f.name+value.what, m)
		}
	}
	other := func(name string, b []byte) {
		m := fresh(typ)
		if err := m.Unmarshal(b); err != nil {
			for text, e := range goldenErrors {
				if errors.Is(err, e) {
					out = append(out, vector{Name: name, Hex: hex.EncodeToString(b), Error: text})
				}
			}
			return
		}
		out = append(out, vector{Name: name, Hex: hex.EncodeToString(b), JSON: idl.toJSON(reflect.ValueOf(m)), DecodeOnly: true})
	}
	tag := func(number, wire uint64) []byte { return uvarint(number<<3 | wire) }
	// 536870911 is the largest field number, which no message here has.
	unknown := slices.Concat(tag(536870911, 0), []byte{0x96, 1}, tag(536870911, 1), make([]byte, 8), tag(536870911, 2), []byte{3}, []byte("abc"), tag(536870911, 5), make([]byte, 4))
	other("unknown fields behind", slices.Concat(encoded, unknown))
	other("unknown fields before", slices.Concat(unknown, encoded))
	var descending []byte
	for i, f := range idl[name(typ)] {
		number, fv := uint64(f.number), reflect.ValueOf(full).Elem().Field(i)
		one := fresh(typ)
		reflect.ValueOf(one).Elem().Field(i).Set(fv)
		descending = append(one.Marshal(), descending...)
		switch fv.Kind() { // with a wire type that is not the field's, its value is skipped
		case reflect.Bool, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
			other(f.name+" as bytes", slices.Concat(tag(number, 2), []byte{1, 1}))
		default:
			other(f.name+" as varint", slices.Concat(tag(number, 0), []byte{1}))
		}
		switch fv.Interface().(type) {
		case string, []string:
			other(f.name+" not UTF-8", slices.Concat(tag(number, 2), []byte{2, 'a', 0xff}))
			other(f.name+" with half a surrogate pair", slices.Concat(tag(number, 2), []byte{3, 0xed, 0xa0, 0x80}))
		case map[string]string:
			other(f.name+" key not UTF-8", slices.Concat(tag(number, 2), []byte{3, 0x0a, 1, 0xff}))
			other(f.name+" value not UTF-8", slices.Concat(tag(number, 2), []byte{3, 0x12, 1, 0xff}))
			other(f.name+" entry with value first, key twice and an unknown field", slices.Concat(tag(number, 2), []byte{11, 0x12, 1, 'v', 0x0a, 1, 'k', 0x18, 5, 0x0a, 1, 'l'}))
			other(f.name+" entry cut short", slices.Concat(tag(number, 2), []byte{2, 0x0a, 9}))
		case []byte:
			other(f.name+" present and empty", slices.Concat(tag(number, 2), []byte{0}))
		case bool, int32, int64, uint32, uint64:
		default:
			if fv.Kind() == reflect.Pointer || fv.Kind() == reflect.Slice {
				other(f.name+" cut short inside", slices.Concat(tag(number, 2), []byte{1, 0x0a}))
			}
		}
		for _, bits := range []uint64{1, 5} {
			other(f.name+map[uint64]string{1: " as 64 bits", 5: " as 32 bits"}[bits], slices.Concat(tag(number, bits), make([]byte, map[uint64]int{1: 8, 5: 4}[bits])))
		}
	}
	other("fields in descending order", descending)
	other("twice", slices.Concat(encoded, encoded))
	other("cut short", encoded[:len(encoded)-1])
	other("length beyond the end", slices.Concat(tag(536870911, 2), []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, make([]byte, 10)))
	other("length over 63 bits", slices.Concat(tag(536870911, 2), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}))
	other("group", slices.Concat(tag(536870911, 3), tag(536870911, 4)))
	other("wire type 6", tag(536870911, 6))
	other("field number 0", []byte{0x02, 0x00})
	other("field number over 29 bits", slices.Concat(uvarint(1<<32), []byte{0}))
	other("varint of 11 bytes", slices.Concat(tag(536870911, 0), bytes.Repeat([]byte{0x80}, 10), []byte{1}))
	other("varint over 64 bits", slices.Concat(tag(536870911, 0), bytes.Repeat([]byte{0xff}, 9), []byte{2}))
	return out
}

func uvarint(v uint64) []byte {
	b := make([]byte, sizeUvarint(v))
	putUvarint(b, v)
	return b
}

type value struct {
	what string // besides the field's name
	v    reflect.Value
}

// values are a field's typical value and its boundaries.
func values(typ reflect.Type) []value {
	of := func(x any) reflect.Value { return reflect.ValueOf(x).Convert(typ) }
	switch typ.Kind() {
	case reflect.String:
		return []value{{"", of("text")}, {" of 128 bytes, not ASCII", of(strings.Repeat("é", 64))}, {" that is JSON", of(`{"a":"b\n"}`)}}
	case reflect.Bool:
		return []value{{"", of(true)}}
	case reflect.Int32:
		return []value{{"", of(1)}, {" largest", of(1<<31 - 1)}, {" negative", of(-1)}, {" smallest", of(-1 << 31)}}
	case reflect.Int64:
		return []value{{"", of(1)}, {" of two bytes", of(128)}, {" largest", of(int64(1<<63 - 1))}, {" negative", of(-1)}, {" smallest", of(int64(-1 << 63))}}
	case reflect.Uint32:
		return []value{{"", of(1)}, {" largest", of(uint32(1<<32 - 1))}}
	case reflect.Uint64:
		return []value{{"", of(1)}, {" largest", of(uint64(1<<64 - 1))}}
	case reflect.Map:
		return []value{
			{"", reflect.ValueOf(map[string]string{"key": "value"})},
			{" in order", reflect.ValueOf(map[string]string{"b": "2", "a": "1", "c": "3", "aa": "4", "é": "5"})},
			{" with empty key and values", reflect.ValueOf(map[string]string{"": "v", "k": ""})},
			{" of nothing to nothing", reflect.ValueOf(map[string]string{"": ""})},
		}
	case reflect.Pointer:
		full := reflect.New(typ.Elem())
		fill(full.Elem(), "")
		return []value{{"", full}, {" present and empty", reflect.New(typ.Elem())}}
	case reflect.Slice:
		switch typ.Elem().Kind() {
		case reflect.Uint8:
			return []value{{"", of([]byte("bytes"))}, {" not UTF-8", of([]byte{0, 0xff, 0x80})}, {" of 128", of(bytes.Repeat([]byte{7}, 128))}}
		case reflect.String:
			return []value{{"", of([]string{"a"})}, {" some empty", of([]string{"", "b", "", "a", "a"})}}
		}
		two := reflect.MakeSlice(typ, 3, 3)
		fill(two.Index(1), "")
		return []value{{" one empty", reflect.MakeSlice(typ, 1, 1)}, {" empty, full, empty", two}}
	}
	panic("no values for " + typ.String())
}

// fill gives every field of a message a value, by which one can tell it from others of its type.
func fill(v reflect.Value, prefix string) {
	for i := range v.NumField() {
		f, name := v.Field(i), prefix+v.Type().Field(i).Name
		switch f.Kind() {
		case reflect.String:
			f.SetString(name)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int32, reflect.Int64:
			f.SetInt(int64(i + 1))
		case reflect.Uint32, reflect.Uint64:
			f.SetUint(uint64(i + 1))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{name: "1", name + "2": "2"}))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
			fill(f.Elem(), name+".")
		case reflect.Slice:
			switch f.Type().Elem().Kind() {
			case reflect.Uint8:
				f.SetBytes([]byte(name))
			case reflect.String:
				f.Set(reflect.ValueOf([]string{name, name + "2"}))
			default:
				f.Set(reflect.MakeSlice(f.Type(), 2, 2))
				fill(f.Index(0), name+"[0].")
			}
		}
	}
}
