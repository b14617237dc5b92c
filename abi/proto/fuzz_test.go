package proto

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
)

// FuzzUnmarshal gives bytes to the decoder of each message, which must not
// panic, and whose result must be stable: encoded and decoded again it is the
// same, and it has the size that it says.
func FuzzUnmarshal(f *testing.F) {
	for i, m := range messages {
		src, err := os.ReadFile(filepath.Join(goldenDir, name(m)+".json"))
		if err != nil {
			f.Fatal(err)
		}
		var g goldenFile
		if err := json.Unmarshal(src, &g); err != nil {
			f.Fatal(err)
		}
		for _, v := range g.Vectors {
			b, err := hex.DecodeString(v.Hex)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		typ := messages[int(which)%len(messages)]
		m := fresh(typ)
		before := append([]byte(nil), b...)
		err := m.Unmarshal(b)
		if !bytes.Equal(b, before) {
			t.Fatalf("%s: decoding %x changed it to %x", name(typ), before, b)
		}
		view := fresh(typ)
		if viewErr := view.UnmarshalView(b); viewErr != err {
			t.Fatalf("%s: UnmarshalView of %x gives %v, Unmarshal %v", name(typ), b, viewErr, err)
		}
		if err != nil {
			return
		}
		if !reflect.DeepEqual(normal(view), normal(m)) {
			t.Fatalf("%s: UnmarshalView of %x gives %+v, Unmarshal %+v", name(typ), b, view, m)
		}
		first := m.Marshal()
		if m.Size() != len(first) {
			t.Fatalf("%s: Size of %+v is %d, Marshal gives %d", name(typ), m, m.Size(), len(first))
		}
		if len(first) > 11*len(b) {
			// The worst: an empty element of a map, two bytes, is written as such.
			t.Fatalf("%s: %d bytes became %d", name(typ), len(b), len(first))
		}
		again := fresh(typ)
		if err := again.Unmarshal(first); err != nil {
			t.Fatalf("%s: %v in its own encoding %x", name(typ), err, first)
		}
		if second := again.Marshal(); !bytes.Equal(first, second) {
			t.Fatalf("%s: encoded %x, then %x", name(typ), first, second)
		}
		if !reflect.DeepEqual(normal(m), normal(again)) {
			t.Fatalf("%s: got %+v, want %+v", name(typ), again, m)
		}
	})
}

// normal is a message whose empty slices and maps are nil: on the wire they are the same.
func normal(m message) any {
	v := reflect.ValueOf(m).Elem()
	normalise(v)
	return v.Interface()
}

func normalise(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			normalise(v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			normalise(v.Elem())
		}
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			v.SetZero()
		}
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				normalise(v.Index(i))
			}
		}
	}
}

// TestMemoryForHostileInput bounds what the densest input makes a decoder hold:
// two bytes for an element that takes a hundred.
func TestMemoryForHostileInput(t *testing.T) {
	const limit = 4 << 20 // the host's default for a message
	b := bytes.Repeat([]byte{0x0a, 0x00}, limit/2)
	for _, typ := range messages {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m := fresh(typ)
		err := m.Unmarshal(b)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 24*limit {
			t.Errorf("%s: decoding %d bytes allocated %d, with error %v", name(typ), limit, got, err)
		}
	}
}
