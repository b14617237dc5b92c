// Package json reads JSON in a guest: without reflection, and without the
// 1.2 MB and the hundred microseconds a document that encoding/json costs there.
//
// Parse takes exactly one JSON text as RFC 8259 defines it, and checks all of it:
//
//	doc, err := json.Parse(body)
//	org, ok := doc.Path("person.org")
//	if ok && org.Kind() == json.String { use(org.Text()) }
//
// A Value is a kind and a piece of that text, which is looked through again for
// what is asked for. So a document costs no memory besides its text, however
// many values are in it, and what nobody asks for is never decoded.
//
// Numbers keep the digits they were written with, and Compare compares them by
// their mathematical value, so that nothing is lost above 2^53. There is no
// decoding into structs and no writing of JSON.
package json

import (
	"strconv"
	"strings"
	"unsafe"
)

// Kind is what a Value is.
type Kind uint8

// The kinds of JSON values. Missing is the kind of the zero Value, which is in no document.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}

// String returns the kind's name with its article, as errors have it: "a number".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is a value in a JSON text, whose memory it shares. It is immutable.
type Value struct {
	kind Kind
	raw  string // as it stands in the text, which was checked
}

// Parse reads a text that is one JSON value. The error is a *SyntaxError. The
// text is not copied, and not to be changed while a value of it is in use.
func Parse(text []byte) (Value, error) {
	return ParseString(unsafe.String(unsafe.SliceData(text), len(text)))
}

// ParseString reads a text that is one JSON value. The error is a *SyntaxError.
func ParseString(text string) (Value, error) {
	p := parser{s: text}
	v := p.value(0)
	p.space()
	if p.err == nil && p.at < len(text) {
		p.fail("text goes on after the value")
	}
	if p.err != nil {
		return Value{}, p.err
	}
	return v, nil
}

// Kind returns what the value is.
func (v Value) Kind() Kind { return v.kind }

// Raw returns the value as JSON, as it stands in the text.
func (v Value) Raw() string { return v.raw }

// Bool returns the value of a Bool, and false for any other kind.
func (v Value) Bool() bool { return v.kind == Bool && v.raw == "true" }

// Text returns a String without quotes and escapes, a Number as it was written,
// "true" or "false" for a Bool, and "" for any other kind.
func (v Value) Text() string {
	switch v.kind {
	case String:
		return unquote(v.raw)
	case Number, Bool:
		return v.raw
	}
	return ""
}

// Int returns the value of a Number that is written as an integer, without
// fraction and exponent, and fits.
func (v Value) Int() (int64, bool) {
	if v.kind != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(v.raw, 10, 64)
	return n, err == nil
}

// Len counts the elements of an Array or the members of an Object, and is 0 for any other kind.
func (v Value) Len() (n int) {
	for c := v.cursor(); c.next(); {
		n++
	}
	return n
}

// Elements goes through the elements of an Array or the values of an Object, in
// the order of the text.
func (v Value) Elements() func(yield func(i int, element Value) bool) {
	return func(yield func(int, Value) bool) {
		c := v.cursor()
		for i := 0; c.next() && yield(i, c.value); i++ {
		}
	}
}

// Members goes through the members of an Object, in the order of the text.
func (v Value) Members() func(yield func(key string, value Value) bool) {
	return func(yield func(string, Value) bool) {
		if v.kind == Object {
			for c := v.cursor(); c.next() && yield(unquote(c.key), c.value); {
			}
		}
	}
}

// Get returns the member of an Object with that key; of several, the last.
func (v Value) Get(key string) (found Value, ok bool) {
	if v.kind == Object {
		for c := v.cursor(); c.next(); {
			if is(c.key, key) {
				found, ok = c.value, true
			}
		}
	}
	return found, ok
}

// Path goes down objects by the keys in path, which dots part: "person.org".
// Where that leads nowhere, what is left of the path is tried as one key: of
// {"a.b": 1} "a.b" is 1, of {"a.b": 1, "a": {"b": 2}} it is 2.
func (v Value) Path(path string) (Value, bool) {
	if first, rest, ok := strings.Cut(path, "."); ok {
		if sub, ok := v.Get(first); ok {
			if found, ok := sub.Path(rest); ok {
				return found, true
			}
		}
	}
	return v.Get(path)
}

// Clone returns a copy that does not keep the text around it in memory.
func (v Value) Clone() Value { return Value{v.kind, strings.Clone(v.raw)} }

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // in bytes
	Text   string
}

func (e *SyntaxError) Error() string { return "offset " + strconv.Itoa(e.Offset) + ": " + e.Text }
