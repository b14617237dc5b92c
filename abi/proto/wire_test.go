package proto

import (
	"bytes"
	"errors"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

// TestRandomMessages encodes and decodes messages of random content.
func TestRandomMessages(t *testing.T) {
	idl := idl(readIDL(t))
	r := rand.New(rand.NewSource(1))
	for _, typ := range messages {
		for range 300 {
			m := fresh(typ)
			random(r, reflect.ValueOf(m).Elem())
			b := m.Marshal()
			if m.Size() != len(b) {
				t.Fatalf("%s: Size is %d, MarshalTo writes %d", name(typ), m.Size(), len(b))
			}
			// MarshalTo stays inside what Size said: the host hands it the guest's memory.
			guarded := bytes.Repeat([]byte{0xaa}, len(b)+8)
			if n := m.MarshalTo(guarded); n != len(b) || !bytes.Equal(guarded[:n], b) || !bytes.Equal(guarded[n:], bytes.Repeat([]byte{0xaa}, 8)) {
				t.Fatalf("%s: MarshalTo wrote %d of %d bytes, or beyond them", name(typ), n, len(b))
			}
			got := fresh(typ)
			if err := got.Unmarshal(b); err != nil {
				t.Fatalf("%s: %v in %x", name(typ), err, b)
			}
			want, have := idl.toJSON(reflect.ValueOf(m)), idl.toJSON(reflect.ValueOf(got))
			if !reflect.DeepEqual(have, want) {
				t.Fatalf("%s: got\n%v\nwant\n%v", name(typ), have, want)
			}
			view := fresh(typ)
			if err := view.UnmarshalView(b); err != nil || !reflect.DeepEqual(idl.toJSON(reflect.ValueOf(view)), want) {
				t.Fatalf("%s: UnmarshalView: got %v,\n%v\nwant\n%v", name(typ), err, idl.toJSON(reflect.ValueOf(view)), want)
			}
			for i := range b {
				b[i] = 0xff
			}
			if again := idl.toJSON(reflect.ValueOf(got)); !reflect.DeepEqual(again, want) {
				t.Fatalf("%s: the message keeps a part of the bytes it was decoded from", name(typ))
			}
		}
	}
}

func random(r *rand.Rand, v reflect.Value) {
	text := func() string {
		return strings.Repeat([]string{"a", "é", "\x00", "€uro "}[r.Intn(4)], []int{0, 1, 2, 40, 200}[r.Intn(5)])
	}
	if r.Intn(3) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			random(r, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		random(r, v.Elem())
	case reflect.String:
		v.SetString(text())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.Intn(64))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> r.Intn(64))
	case reflect.Map:
		m := map[string]string{}
		for range r.Intn(5) {
			m[text()] = text()
		}
		v.Set(reflect.ValueOf(m))
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, r.Intn(300))
			r.Read(b)
			v.SetBytes(b)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), r.Intn(4), 4))
		for i := range v.Len() {
			random(r, v.Index(i))
		}
	}
}

// TestUnmarshalReplaces decodes into a message that held another.
func TestUnmarshalReplaces(t *testing.T) {
	for _, typ := range messages {
		m := fresh(typ)
		fill(reflect.ValueOf(m).Elem(), "")
		if err := m.Unmarshal(nil); err != nil || !reflect.ValueOf(m).Elem().IsZero() {
			t.Errorf("%s: got %v, %+v, want an empty message", name(typ), err, m)
		}
	}
}

// TestTooMany gives each repeated field more elements than ABI-053 has room for.
func TestTooMany(t *testing.T) {
	for _, tc := range []struct {
		m       message
		element string
	}{
		{&BulkGetRequest{}, "\x0a\x00"},
		{&KeysLikeResponse{}, "\x0a\x00"},
		{&BulkResponse{}, "\xc2\x3e\x00"},
	} {
		if err := tc.m.Unmarshal([]byte(strings.Repeat(tc.element, MaxItems))); err != nil {
			t.Errorf("%s: %d elements: %v", name(tc.m), MaxItems, err)
		}
		if err := tc.m.Unmarshal([]byte(strings.Repeat(tc.element, MaxItems+1))); !errors.Is(err, ErrTooMany) {
			t.Errorf("%s: %d elements: got %v, want %v", name(tc.m), MaxItems+1, err, ErrTooMany)
		}
	}
	var entries bytes.Buffer
	for i := range MaxItems + 1 {
		entries.Write([]byte{0x0a, 6, 0x0a, 4, byte(i & 0x7f), byte(i >> 7 & 0x7f), byte(i >> 14), 'x'})
	}
	var m MetadataRequest
	if err := m.Unmarshal(entries.Bytes()); !errors.Is(err, ErrTooMany) {
		t.Errorf("a map of %d: got %v, want %v", MaxItems+1, err, ErrTooMany)
	}
	if err := m.Unmarshal(entries.Bytes()[:8*MaxItems]); err != nil || len(m.Properties) != MaxItems {
		t.Errorf("a map of %d: got %d, %v", MaxItems, len(m.Properties), err)
	}
}

// TestHostileLengths puts lengths into messages that no bytes back: decoding
// must not make room for them.
func TestHostileLengths(t *testing.T) {
	for _, length := range [][]byte{{0xff, 0xff, 0xff, 0xff, 0x0f}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, {0x7f}} {
		for _, typ := range messages {
			for number := uint64(1); number < 1100; number++ {
				b := append(uvarint(number<<3|2), length...)
				m := fresh(typ)
				if err := m.Unmarshal(b); !errors.Is(err, ErrTruncated) {
					t.Fatalf("%s: %x: got %v, want %v", name(typ), b, err, ErrTruncated)
				}
			}
		}
	}
	allocated := testing.AllocsPerRun(10, func() {
		m := &SetRequest{}
		if m.Unmarshal([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f}) == nil {
			t.Error("4 GiB without bytes were decoded")
		}
	})
	if allocated > 2 {
		t.Errorf("got %v allocations for a message that is refused, want at most the message and its error", allocated)
	}
}

// TestOverlongVarints: the wire format lets a number be written with more bytes than it needs.
func TestOverlongVarints(t *testing.T) {
	m := &KeysLikeRequest{}
	if err := m.Unmarshal([]byte{0x90, 0x80, 0x00, 0x85, 0x80, 0x80, 0x80, 0x00}); err != nil || m.PageSize != 5 {
		t.Errorf("got %d, %v, want 5", m.PageSize, err)
	}
}

func TestSortStrings(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for n := range 200 {
		m := map[string]string{}
		for range n {
			m[strings.Repeat("k", r.Intn(4))+string(rune('a'+r.Intn(26)))] = "v"
		}
		b := (&MetadataRequest{Properties: m}).Marshal()
		last, seen := "", 0
		for d := (decoder{b: b}); d.more(); seen++ {
			d.tag()
			e := decoder{b: d.raw()}
			e.tag()
			key := e.string()
			if seen > 0 && key <= last {
				t.Fatalf("key %q comes behind %q", key, last)
			}
			last = key
		}
		if seen != len(m) {
			t.Fatalf("got %d entries, want %d", seen, len(m))
		}
	}
}

// TestViewAllocatesLittle: what a view is for.
func TestViewAllocatesLittle(t *testing.T) {
	b := (&SetRequest{Key: "app||key", Value: make([]byte, 4096), ContentType: "text/plain"}).Marshal()
	var m SetRequest
	if got := testing.AllocsPerRun(100, func() {
		if err := m.UnmarshalView(b); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
	b[2] = 'A'
	if m.Key != "App||key" || len(m.Value) != 4096 {
		t.Errorf("got key %q: it does not share the memory of the bytes", m.Key)
	}
}
