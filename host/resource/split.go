package resource

import (
	"bytes"
	"unicode/utf8"
)

// document is the text of one YAML document.
type document struct {
	text []byte
	line int // of its first line in the file, from 1
}

// split cuts a file into its documents, so that one that is broken does not hide
// the next. As in Dapr, every line that begins with "---" ends a document; what
// follows the dashes on that line is kept when YAML reads it as content.
func split(data []byte) []document {
	var out []document
	start, startLine := 0, 1
	line := 1
	for pos := 0; pos < len(data); line++ {
		end := pos + len(data[pos:])
		if i := bytes.IndexByte(data[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		if bytes.HasPrefix(data[pos:end], []byte("---")) && line > 1 && !directives(data[start:pos]) {
			out = append(out, document{data[start:pos], startLine})
			start, startLine = pos, line
			if rest := bytes.TrimRight(data[pos+3:end], "\r\n"); len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' {
				start, startLine = end, line+1 // a ruler such as "------": Dapr drops the line
			}
		}
		pos = end
	}
	return append(out, document{data[start:], startLine})
}

// directives reports whether text is only %YAML and %TAG lines, which belong to
// the document that the next "---" starts.
func directives(text []byte) bool {
	found := false
	for l := range bytes.Lines(text) {
		switch l = bytes.TrimSpace(l); {
		case len(l) == 0 || l[0] == '#':
		case l[0] == '%':
			found = true
		default:
			return false
		}
	}
	return found
}

// badCharacterLine is the line of the first byte that YAML does not allow in a
// file: the reader of the YAML package refuses such text without a position.
func badCharacterLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1, r < 0x20 && r != '\t' && r != '\n' && r != '\r',
			r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return line
		case r == '\n':
			line++
		}
		data = data[n:]
	}
	return 0
}
