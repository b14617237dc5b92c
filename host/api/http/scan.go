package http

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/state"
)

// item is a write as the HTTP API takes it, also inside a transaction.
type item struct {
	Key      string            `json:"key"`
	Value    json.RawMessage   `json:"value"`
	ETag     *string           `json:"etag"`
	Metadata map[string]string `json:"metadata"`
	Options  struct {
		Concurrency string `json:"concurrency"`
		Consistency string `json:"consistency"`
	} `json:"options"`
	ContentType *string `json:"contentType"`
}

// null is the value of an item that has none.
var null = []byte("null")

// set turns an item into the component's request. The value stays the JSON
// that was sent, byte for byte: numbers keep their digits and strings their quotes.
func (it *item) set(req *proto.SetRequest) error {
	opts, err := state.ParseOptions(it.Options.Concurrency, it.Options.Consistency)
	if err != nil {
		return err
	}
	*req = proto.SetRequest{Key: it.Key, Value: it.Value, Metadata: it.Metadata, Options: opts}
	if len(req.Value) == 0 {
		req.Value = null
	}
	if it.ETag != nil {
		req.Etag = &proto.Etag{Value: *it.ETag}
	}
	if it.ContentType != nil {
		req.ContentType = *it.ContentType
	}
	return nil
}

// optionsError is an item's options that are not known; it is told apart from
// JSON that does not fit, since it is the store's to refuse.
type optionsError struct{ error }

// parseSave reads the body of a save: an array of items. The usual forms are
// read without reflection and without copying values; whatever is unusual is
// left to encoding/json, so that the outcome is always its. The requests alias
// body. Like Dapr it reads the first JSON value and no further.
func parseSave(items []proto.SetRequest, body []byte) ([]proto.SetRequest, error) {
	if out, ok := scanSave(items, body); ok {
		return out, nil
	}
	var list []item
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&list); err != nil {
		return nil, err
	}
	items = items[:0]
	for i := range list {
		items = append(items, proto.SetRequest{})
		if err := list[i].set(&items[i]); err != nil {
			return nil, optionsError{err}
		}
	}
	return items, nil
}

// scanSave reads the usual forms; ok is false for anything else.
func scanSave(items []proto.SetRequest, body []byte) (_ []proto.SetRequest, ok bool) {
	items = items[:0]
	s := scanner{b: body}
	if !s.open('[') {
		return nil, false
	}
	if s.open(']') {
		return items, true
	}
	for {
		items = append(items, proto.SetRequest{})
		if !s.item(&items[len(items)-1]) {
			return nil, false
		}
		if s.open(',') {
			continue
		}
		return items, s.open(']')
	}
}

// scanner is a cursor over JSON.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// open skips white space and, when it comes next, c.
func (s *scanner) open(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// text reads a string that has no escapes and is UTF-8; it aliases the input.
func (s *scanner) text() ([]byte, bool) {
	if !s.open('"') {
		return nil, false
	}
	start, ascii := s.i, true
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			t := s.b[start:s.i]
			s.i++
			return t, ascii || utf8.Valid(t)
		case c == '\\' || c < 0x20:
			return nil, false
		case c >= 0x80:
			ascii = false
		}
	}
	return nil, false
}

// members reads an object; member is called at each value.
func (s *scanner) members(member func(name []byte) bool) bool {
	if !s.open('{') {
		return false
	}
	if s.open('}') {
		return true
	}
	for {
		name, ok := s.text()
		if !ok || !s.open(':') || !member(name) {
			return false
		}
		if !s.open(',') {
			return s.open('}')
		}
	}
}

// Fields that were seen. One that comes twice is unusual: encoding/json then
// lets the later win, or merges the two.
const (
	seenKey = 1 << iota
	seenValue
	seenETag
	seenMetadata
	seenOptions
	seenContentType
)

func (s *scanner) item(req *proto.SetRequest) bool {
	seen := 0
	first := func(bit int) bool {
		ok := seen&bit == 0
		seen |= bit
		return ok
	}
	ok := s.members(func(name []byte) bool {
		switch string(name) {
		case "key":
			t, ok := s.text()
			req.Key = string(t)
			return ok && first(seenKey)
		case "value":
			s.space()
			start := s.i
			ok := s.skip(0)
			req.Value = s.b[start:s.i:s.i]
			return ok && first(seenValue)
		case "etag":
			t, ok := s.text()
			req.Etag = &proto.Etag{Value: string(t)}
			return ok && first(seenETag)
		case "metadata":
			req.Metadata = map[string]string{}
			return first(seenMetadata) && s.members(func(k []byte) bool {
				v, ok := s.text()
				req.Metadata[string(k)] = string(v)
				return ok
			})
		case "options":
			return first(seenOptions) && s.options(req)
		case "contentType":
			t, ok := s.text()
			req.ContentType = string(t)
			return ok && first(seenContentType)
		}
		return false
	})
	if seen&seenValue == 0 {
		req.Value = null
	}
	return ok
}

func (s *scanner) options(req *proto.SetRequest) bool {
	var concurrency, consistency []byte
	ok := s.members(func(name []byte) bool {
		t, ok := s.text()
		switch {
		case string(name) == "concurrency" && concurrency == nil:
			concurrency = t
		case string(name) == "consistency" && consistency == nil:
			consistency = t
		default:
			return false
		}
		return ok
	})
	if !ok {
		return false
	}
	var err error
	req.Options, err = state.ParseOptions(string(concurrency), string(consistency))
	return err == nil
}

// maxDepth is how deep a value may be nested to be read here.
const maxDepth = 64

// skip passes over one JSON value and reports whether it is one.
func (s *scanner) skip(depth int) bool {
	s.space()
	if s.i >= len(s.b) || depth > maxDepth {
		return false
	}
	switch c := s.b[s.i]; c {
	case '"':
		s.i++
		return s.skipString()
	case '{':
		s.i++
		if s.open('}') {
			return true
		}
		for {
			if !s.open('"') || !s.skipString() || !s.open(':') || !s.skip(depth+1) {
				return false
			}
			if !s.open(',') {
				return s.open('}')
			}
		}
	case '[':
		s.i++
		if s.open(']') {
			return true
		}
		for {
			if !s.skip(depth + 1) {
				return false
			}
			if !s.open(',') {
				return s.open(']')
			}
		}
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// skipString passes over the rest of a string. Like encoding/json it does not
// mind bytes that are not UTF-8 in a value that is kept as it is.
func (s *scanner) skipString() bool {
	b, i := s.b, s.i
	for i < len(b) {
		// Eight bytes at a time, as long as none of them means anything.
		for i+8 <= len(b) && plain(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
		}
		if i == len(b) {
			return false
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return true
		case c < 0x20:
			return false
		case c != '\\':
			i++
		default:
			if i+1 >= len(b) {
				return false
			}
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if i+6 > len(b) || !hex(b[i+2]) || !hex(b[i+3]) || !hex(b[i+4]) || !hex(b[i+5]) {
					return false
				}
				i += 6
			default:
				return false
			}
		}
	}
	return false
}

// plain reports that none of the eight bytes of x is a quote, a backslash or a
// control character. A byte borrows from its neighbour only when it is one
// itself, so the answer is exact.
func plain(x uint64) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := x^'"'*ones, x^'\\'*ones
	return ((x-0x20*ones)&^x|(quote-ones)&^quote|(slash-ones)&^slash)&highs == 0
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// number passes over -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() bool {
	s.one('-')
	if !s.one('0') && !s.digits() {
		return false
	}
	if s.one('.') && !s.digits() {
		return false
	}
	if s.one('e') || s.one('E') {
		if !s.one('+') {
			s.one('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) one(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}
