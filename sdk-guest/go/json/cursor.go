package json

import (
	"strings"
	"unicode/utf8"
)

// cursor goes through the elements of an array or the members of an object,
// whose text was checked.
type cursor struct {
	s     string
	at    int
	keys  bool
	key   string // with its quotes
	value Value
}

func (v Value) cursor() cursor {
	if v.kind != Array && v.kind != Object {
		return cursor{}
	}
	return cursor{s: v.raw, at: 1, keys: v.kind == Object}
}

// next moves on, and returns false at the end.
func (c *cursor) next() bool {
	for c.at < len(c.s) {
		switch c.s[c.at] {
		case ' ', '\t', '\n', '\r', ',', ':':
			c.at++
			continue
		case ']', '}':
			return false
		}
		start := c.at
		c.skip()
		if c.keys {
			c.key = c.s[start:c.at]
			for kindOf(c.s[c.at]) == Missing { // space and the colon
				c.at++
			}
			start = c.at
			c.skip()
		}
		c.value = Value{kindOf(c.s[start]), c.s[start:c.at]}
		return true
	}
	return false
}

// skip passes over the value that begins here.
func (c *cursor) skip() {
	for depth := 0; ; {
		switch c.s[c.at] {
		case '"':
			c.skipString()
		case '[', '{':
			depth++
			c.at++
		case ']', '}':
			depth--
			c.at++
		default:
			if depth > 0 {
				c.at++
				continue
			}
			for c.at < len(c.s) && strings.IndexByte(" \t\n\r,:]}", c.s[c.at]) < 0 {
				c.at++
			}
		}
		if depth == 0 {
			return
		}
	}
}

func (c *cursor) skipString() {
	for c.at++; c.s[c.at] != '"'; c.at++ {
		if c.s[c.at] == '\\' {
			c.at++
		}
	}
	c.at++
}

// is reports whether a string as it stands in the text, with its quotes, means
// s. What an escape means is always shorter than the escape.
func is(quoted, s string) bool {
	inner := quoted[1 : len(quoted)-1]
	if len(inner) == len(s) {
		return inner == s && strings.IndexByte(inner, '\\') < 0
	}
	return len(inner) > len(s) && strings.IndexByte(inner, '\\') >= 0 && unquote(quoted) == s
}

// unquote returns what a string in the text means.
func unquote(quoted string) string {
	s := quoted[1 : len(quoted)-1]
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for ; at >= 0; at = strings.IndexByte(s, '\\') {
		b = append(b, s[:at]...)
		c := s[at+1]
		s = s[at+2:]
		switch c {
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
			var r rune
			r, s = character(s)
			b = utf8.AppendRune(b, r)
			continue
		}
		b = append(b, c)
	}
	return string(append(b, s...))
}

// character reads the digits behind \u, and a second \u when the first is one
// half of a character. A half alone becomes U+FFFD: the grammar has it, and no
// UTF-8 can say it.
func character(s string) (r rune, rest string) {
	r, rest = hex4(s), s[4:]
	if r < 0xd800 || r > 0xdfff {
		return r, rest
	}
	if r <= 0xdbff && len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
		if low := hex4(rest[2:]); low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), rest[6:]
		}
	}
	return utf8.RuneError, rest
}

func hex4(s string) rune {
	return unhex(s[0])<<12 | unhex(s[1])<<8 | unhex(s[2])<<4 | unhex(s[3])
}
