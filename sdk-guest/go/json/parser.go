package json

import "unicode/utf8"

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 500

// parser checks a text from end to end. After the first failure err is set and
// at is the end, so that every loop ends.
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
	start, kind := p.at, kindOf(p.peek())
	switch kind {
	case Array, Object:
		if depth == MaxDepth {
			p.fail("nested too deeply")
			break
		}
		p.at++
		if kind == Object {
			p.object(depth + 1)
		} else {
			p.array(depth + 1)
		}
	case String:
		p.text()
	case Number:
		p.number()
	case Bool:
		if p.peek() == 't' {
			p.word("true")
		} else {
			p.word("false")
		}
	case Null:
		p.word("null")
	default:
		if p.at == len(p.s) {
			p.fail("a value is missing")
		} else {
			p.fail("a value cannot start here")
		}
	}
	if p.err != nil {
		return Value{}
	}
	return Value{kind, p.s[start:p.at]}
}

// kindOf is the kind of a value by its first byte.
func kindOf(c byte) Kind {
	switch {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == '-' || c >= '0' && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	}
	return Missing
}

func (p *parser) word(w string) {
	if len(p.s)-p.at < len(w) || p.s[p.at:p.at+len(w)] != w {
		p.fail("a value cannot start here")
		return
	}
	p.at += len(w)
}

func (p *parser) array(depth int) {
	if p.space(); p.peek() == ']' {
		p.at++
		return
	}
	for {
		p.value(depth)
		if p.space(); p.peek() != ',' {
			break
		}
		p.at++
	}
	p.close(']', "an array goes on with , or ends with ]")
}

func (p *parser) object(depth int) {
	if p.space(); p.peek() == '}' {
		p.at++
		return
	}
	for {
		if p.space(); p.peek() != '"' {
			p.fail("a key is a string in quotes")
			return
		}
		p.text()
		if p.space(); p.peek() != ':' {
			p.fail("a key is followed by :")
			return
		}
		p.at++
		p.value(depth)
		if p.space(); p.peek() != ',' {
			break
		}
		p.at++
	}
	p.close('}', "an object goes on with , or ends with }")
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

func (p *parser) number() {
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
}

// text passes over a string.
func (p *parser) text() {
	p.at++
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return
		case c == '\\':
			p.at++
			p.escape()
		case c < ' ':
			p.fail("a control character has to be escaped")
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, n := utf8.DecodeRuneInString(p.s[p.at:])
			if r == utf8.RuneError && n == 1 {
				p.fail("a string is not UTF-8")
				return
			}
			p.at += n
		}
	}
	p.fail("a string has no end")
}

// escape passes over what follows a backslash.
func (p *parser) escape() {
	switch p.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.at++
	case 'u':
		p.at++
		for range 4 {
			if unhex(p.peek()) < 0 {
				p.fail("\\u is followed by four hexadecimal digits")
				return
			}
			p.at++
		}
	default:
		p.fail("an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits")
	}
}

func unhex(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}
