package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// file is one .proto file, in the subset that the ABI uses: proto3, messages
// and enums at the top level, scalar, enum and message fields, repeated, and
// map<string, string>.
type file struct {
	Name     string // without .proto
	Doc      []string
	Messages []*message
	Enums    []*enum
}

type message struct {
	Name   string
	Doc    []string
	Fields []*field
}

type field struct {
	Doc      []string
	Name     string
	Type     string // a scalar, or the name of a message or enum
	Number   int
	Repeated bool
	Map      bool // map<string, string>
	message  *message
	enum     *enum
}

type enum struct {
	Name   string
	Doc    []string
	Values []enumValue
}

type enumValue struct {
	Name   string
	Number int
}

type parser struct {
	file string
	toks []token
	pos  int
}

type token struct {
	text string
	line int
	doc  []string // the comment lines right above
}

func parseFiles(dir string) ([]*file, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.proto"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no .proto file in %s", dir)
	}
	var out []*file
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		f, err := parse(filepath.Base(p), string(src))
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, resolve(out)
}

func parse(name, src string) (f *file, err error) {
	p := &parser{file: name, toks: scan(src)}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(syntaxError)
			if !ok {
				panic(r)
			}
			err = e.err
		}
	}()
	f = &file{Name: strings.TrimSuffix(name, ".proto")}
	f.Doc = p.peek().doc
	p.expect("syntax", "=", `"proto3"`, ";")
	p.expect("package", "berth.v1", ";")
	for p.peek().text != "" {
		doc := p.peek().doc
		switch kw := p.next(); kw {
		case "message":
			f.Messages = append(f.Messages, p.message(doc))
		case "enum":
			f.Enums = append(f.Enums, p.enum(doc))
		default:
			p.fail("%q is not of the subset that the ABI uses", kw)
		}
	}
	return f, nil
}

type syntaxError struct{ err error }

func (p *parser) fail(format string, args ...any) {
	line := 0
	if n := min(p.pos, len(p.toks)); n > 0 { // the text may have ended
		line = p.toks[n-1].line
	}
	panic(syntaxError{fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, args...))})
}

func (p *parser) peek() token {
	if p.pos < len(p.toks) {
		return p.toks[p.pos]
	}
	return token{}
}

func (p *parser) next() string {
	t := p.peek()
	p.pos++
	return t.text
}

func (p *parser) expect(texts ...string) {
	for _, want := range texts {
		if got := p.next(); got != want {
			p.fail("got %q, want %q", got, want)
		}
	}
}

func (p *parser) number() int {
	n, err := strconv.Atoi(p.next())
	if err != nil || n < 0 || n > 1<<29-1 {
		p.fail("not a field number")
	}
	return n
}

func (p *parser) message(doc []string) *message {
	m := &message{Name: p.next(), Doc: doc}
	p.expect("{")
	for p.peek().text != "}" {
		f := &field{Doc: p.peek().doc}
		switch t := p.next(); t {
		case "repeated":
			f.Repeated, f.Type = true, p.next()
		case "map":
			p.expect("<", "string", ",", "string", ">")
			f.Map = true
		default:
			f.Type = t
		}
		f.Name = p.next()
		p.expect("=")
		f.Number = p.number()
		p.expect(";")
		if n := len(m.Fields); n > 0 && m.Fields[n-1].Number >= f.Number {
			p.fail("%s.%s: fields stand in the order of their numbers", m.Name, f.Name)
		}
		m.Fields = append(m.Fields, f)
	}
	p.expect("}")
	return m
}

func (p *parser) enum(doc []string) *enum {
	e := &enum{Name: p.next(), Doc: doc}
	p.expect("{")
	for p.peek().text != "}" {
		name := p.next()
		p.expect("=")
		e.Values = append(e.Values, enumValue{name, p.number()})
		p.expect(";")
	}
	p.expect("}")
	return e
}

// scan splits src into words, punctuation and quoted strings.
func scan(src string) []token {
	var out []token
	var doc []string
	for n, line := range strings.Split(src, "\n") {
		trimmed := strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(trimmed, "//"); ok {
			doc = append(doc, strings.TrimSpace(rest))
			continue
		}
		if trimmed == "" {
			doc = nil
			continue
		}
		for i := 0; i < len(trimmed); {
			c := rune(trimmed[i])
			j := i + 1
			switch {
			case unicode.IsSpace(c):
				i = j
				continue
			case c == '"':
				j += strings.IndexByte(trimmed[j:], '"') + 1
			case isWord(c):
				for j < len(trimmed) && isWord(rune(trimmed[j])) {
					j++
				}
			}
			out = append(out, token{trimmed[i:j], n + 1, doc})
			doc = nil
			i = j
		}
	}
	return out
}

func isWord(c rune) bool { return c == '_' || c == '.' || unicode.IsLetter(c) || unicode.IsDigit(c) }

var scalars = map[string]string{
	"string": "string", "bytes": "[]byte", "bool": "bool", "int32": "int32", "int64": "int64", "uint32": "uint32", "uint64": "uint64",
}

// resolve links fields to the messages and enums they name.
func resolve(files []*file) error {
	messages := map[string]*message{}
	enums := map[string]*enum{}
	for _, f := range files {
		for _, m := range f.Messages {
			messages[m.Name] = m
		}
		for _, e := range f.Enums {
			enums[e.Name] = e
		}
	}
	for _, f := range files {
		for _, m := range f.Messages {
			for _, fd := range m.Fields {
				if !fd.Map && scalars[fd.Type] == "" {
					fd.message, fd.enum = messages[fd.Type], enums[fd.Type]
					if fd.message == nil && fd.enum == nil {
						return fmt.Errorf("%s.proto: %s.%s: unknown type %q", f.Name, m.Name, fd.Name, fd.Type)
					}
				}
				if fd.Repeated && fd.Type != "string" && fd.message == nil {
					return fmt.Errorf("%s.proto: %s.%s: only strings and messages are repeated in the ABI", f.Name, m.Name, fd.Name)
				}
			}
		}
		for _, m := range f.Messages {
			if err := noCycle(m, nil); err != nil {
				return fmt.Errorf("%s.proto: %w", f.Name, err)
			}
		}
	}
	return nil
}

// noCycle keeps decoders free of recursion that a hostile message could deepen.
func noCycle(m *message, above []string) error {
	for _, a := range above {
		if a == m.Name {
			return fmt.Errorf("message %s contains itself", m.Name)
		}
	}
	for _, f := range m.Fields {
		if f.message != nil {
			if err := noCycle(f.message, append(above, m.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}
