// Package json reads JSON in a guest: without reflection, and without the
// 1.4 MB and the hundred microseconds a document that encoding/json costs there.
//
// Parse takes exactly one JSON text as RFC 8259 defines it and returns it as a
// tree of Values:
//
//	doc, err := json.Parse(body)
//	org, ok := doc.Path("person.org")
//	if ok && org.Kind() == json.String { use(org.Text()) }
//
// Numbers keep the digits they were written with, and Compare compares them by
// their mathematical value, so that nothing is lost above 2^53. There is no
// decoding into structs and no writing of JSON.
package json

import (
	"strconv"
	"strings"
	"unicode/utf8"
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

// Value is a JSON value. It is immutable, and shares the memory of the text it
// was parsed from.
type Value struct {
	kind Kind
	text string // of String: decoded; of Number: as written; of Bool: "true" or "false"
	sub  []member
}

// member is an element of an array, or of an object with its key.
type member struct {
	key   string
	value Value
}

// Kind returns what the value is.
func (v Value) Kind() Kind { return v.kind }

// Bool returns the value of a Bool, and false for any other kind.
func (v Value) Bool() bool { return v.kind == Bool && v.text == "true" }

// Text returns a String without quotes and escapes, a Number as it was written,
// "true" or "false" for a Bool, and "" for any other kind.
func (v Value) Text() string { return v.text }

// Int returns the value of a Number that is written as an integer, without
// fraction and exponent, and fits.
func (v Value) Int() (int64, bool) {
	if v.kind != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	return n, err == nil
}

// Len is how many elements an Array or members an Object has, and 0 for any other kind.
func (v Value) Len() int { return len(v.sub) }

// Index returns the i-th element of an Array or the value of the i-th member of an Object.
func (v Value) Index(i int) Value { return v.sub[i].value }

// Member returns the i-th member of an Object, in the order of the text.
func (v Value) Member(i int) (key string, value Value) { return v.sub[i].key, v.sub[i].value }

// Get returns the member of an Object with that key; of several, the last.
func (v Value) Get(key string) (Value, bool) {
	if v.kind == Object {
		for i := len(v.sub) - 1; i >= 0; i-- {
			if v.sub[i].key == key {
				return v.sub[i].value, true
			}
		}
	}
	return Value{}, false
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

// Clone returns a copy that does not keep the text it was parsed from in memory.
func (v Value) Clone() Value {
	c := Value{kind: v.kind, text: strings.Clone(v.text)}
	if v.sub != nil {
		c.sub = make([]member, len(v.sub))
		for i, m := range v.sub {
			c.sub[i] = member{strings.Clone(m.key), m.value.Clone()}
		}
	}
	return c
}

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // in bytes
	Text   string
}

func (e *SyntaxError) Error() string { return "offset " + strconv.Itoa(e.Offset) + ": " + e.Text }

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 500

// Parse reads a text that is one JSON value. The error is a *SyntaxError. The
// text is copied.
func Parse(text []byte) (Value, error) { return ParseString(string(text)) }

// ParseString reads a text that is one JSON value, and shares its memory.
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

// parser is a cursor over a text. After the first failure err is set and at is the end.
type parser struct {
	s   string
	at  int
	err *SyntaxError
}

func (p *parser) fail(text string) {
	if p.err == nil {
		p.err = &SyntaxError{p.at, text}
		p.at = len(p.s)
	}
}

// peek returns the next byte, 0 at the end. A 0 in the text is no JSON anywhere.
func (p *parser) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *parser) space() {
	for p.at < len(p.s) {
		switch p.s[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) Value {
	p.space()
	switch c := p.peek(); {
	case c == '{', c == '[':
		if depth == MaxDepth {
			p.fail("nested too deeply")
			return Value{}
		}
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case c == '"':
		return Value{kind: String, text: p.text()}
	case c == '-' || c >= '0' && c <= '9':
		return Value{kind: Number, text: p.number()}
	case c == 't':
		return p.word("true", Bool)
	case c == 'f':
		return p.word("false", Bool)
	case c == 'n':
		v := p.word("null", Null)
		v.text = ""
		return v
	case p.at == len(p.s):
		p.fail("a value is missing")
	default:
		p.fail("a value cannot start here")
	}
	return Value{}
}

func (p *parser) word(w string, k Kind) Value {
	if len(p.s)-p.at < len(w) || p.s[p.at:p.at+len(w)] != w {
		p.fail("a value cannot start here")
		return Value{}
	}
	p.at += len(w)
	return Value{kind: k, text: w}
}

func (p *parser) array(depth int) Value {
	v := Value{kind: Array}
	p.at++
	if p.space(); p.peek() == ']' {
		p.at++
		return v
	}
	for {
		v.sub = append(v.sub, member{value: p.value(depth)})
		if p.space(); p.peek() != ',' {
			break
		}
		p.at++
	}
	p.close(']', "an array goes on with , or ends with ]")
	return v
}

func (p *parser) object(depth int) Value {
	v := Value{kind: Object}
	p.at++
	if p.space(); p.peek() == '}' {
		p.at++
		return v
	}
	for {
		if p.space(); p.peek() != '"' {
			p.fail("a key is a string in quotes")
			return Value{}
		}
		key := p.text()
		if p.space(); p.peek() != ':' {
			p.fail("a key is followed by :")
			return Value{}
		}
		p.at++
		v.sub = append(v.sub, member{key, p.value(depth)})
		if p.space(); p.peek() != ',' {
			break
		}
		p.at++
	}
	p.close('}', "an object goes on with , or ends with }")
	return v
}

func (p *parser) close(c byte, otherwise string) {
	if p.peek() != c {
		p.fail(otherwise)
		return
	}
	p.at++
}

func (p *parser) digits() {
	if c := p.peek(); c < '0' || c > '9' {
		p.fail("a digit is missing")
		return
	}
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
}

func (p *parser) number() string {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		if p.at++; p.peek() >= '0' && p.peek() <= '9' {
			p.fail("a number does not start with 0")
		}
	} else {
		p.digits()
	}
	if p.peek() == '.' {
		p.at++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		p.digits()
	}
	return p.s[start:p.at]
}

// text reads a string. Without escapes it is a part of the document's memory.
func (p *parser) text() string {
	p.at++
	start := p.at
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return p.s[start : p.at-1]
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			p.fail("a control character has to be escaped")
		case c < utf8.RuneSelf:
			p.at++
		default:
			p.rune()
		}
	}
	p.fail("a string has no end")
	return ""
}

// rune passes over a character that is not ASCII.
func (p *parser) rune() {
	r, n := utf8.DecodeRuneInString(p.s[p.at:])
	if r == utf8.RuneError && n == 1 {
		p.fail("a string is not UTF-8")
		return
	}
	p.at += n
}

// escaped reads a string of which the part from start on has no escapes.
func (p *parser) escaped(start int) string {
	b := append(make([]byte, 0, p.at-start+32), p.s[start:p.at]...)
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return string(b)
		case c == '\\':
			p.at++
			b = p.escape(b)
		case c < ' ':
			p.fail("a control character has to be escaped")
		case c < utf8.RuneSelf:
			b = append(b, c)
			p.at++
		default:
			from := p.at
			p.rune()
			if p.err == nil {
				b = append(b, p.s[from:p.at]...)
			}
		}
	}
	p.fail("a string has no end")
	return ""
}

// escape reads what follows a backslash and appends what it means.
func (p *parser) escape(b []byte) []byte {
	c := p.peek()
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		p.at++
		return utf8.AppendRune(b, p.codeUnits())
	default:
		p.fail("an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits")
		return b
	}
	p.at++
	return append(b, c)
}

// codeUnits reads the digits behind \u, and a second \u when the first is one
// half of a character. A half alone becomes U+FFFD: the grammar has it, and no
// UTF-8 can say it.
func (p *parser) codeUnits() rune {
	r := p.hex()
	if r < 0xd800 || r > 0xdfff {
		return r
	}
	if r <= 0xdbff && len(p.s)-p.at >= 6 && p.s[p.at] == '\\' && p.s[p.at+1] == 'u' {
		back := p.at
		p.at += 2
		if low := p.hex(); low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
		}
		if p.err == nil {
			p.at = back
		}
	}
	return utf8.RuneError
}

func (p *parser) hex() (r rune) {
	for range 4 {
		c := p.peek()
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			p.fail("\\u is followed by four hexadecimal digits")
			return utf8.RuneError
		}
		r = r<<4 | rune(c)
		p.at++
	}
	return r
}
