package main

import (
	"bytes"
	"fmt"
	"strings"
)

type printer struct{ bytes.Buffer }

func (p *printer) f(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *printer) doc(lines []string) {
	for _, l := range lines {
		p.f("// %s", l)
	}
}

func generate(f *file, pkg string) []byte {
	p := &printer{}
	p.WriteString(header("abi/proto/" + f.Name + ".proto"))
	p.f("package %s\n", pkg)
	for _, e := range f.Enums {
		p.enum(e)
	}
	for _, m := range f.Messages {
		p.message(m)
		p.size(m)
		p.marshal(m)
		p.unmarshal(m)
	}
	return p.Bytes()
}

// enum writes a type and constants: CONCURRENCY_FIRST_WRITE of Concurrency
// becomes ConcurrencyFirstWrite.
func (p *printer) enum(e *enum) {
	if len(e.Doc) > 0 {
		p.doc(e.Doc)
	} else {
		p.f("// %s is an enum; unknown values are kept.", e.Name)
	}
	p.f("type %s int32\n\nconst (", e.Name)
	for _, v := range e.Values {
		p.f("%s %s = %d", camel(strings.ToLower(v.Name)), e.Name, v.Number)
	}
	p.f(")\n")
}

func (p *printer) message(m *message) {
	if len(m.Doc) > 0 {
		p.f("// %s: %s", m.Name, strings.ToLower(m.Doc[0][:1])+m.Doc[0][1:])
		p.doc(m.Doc[1:])
	} else {
		p.f("// %s is a message of the ABI.", m.Name)
	}
	p.f("type %s struct {", m.Name)
	for _, f := range m.Fields {
		p.doc(f.Doc)
		p.f("%s %s", camel(f.Name), goType(f))
	}
	p.f("}\n")
}

func goType(f *field) string {
	switch {
	case f.Map:
		return "map[string]string"
	case f.Repeated && f.message != nil:
		return "[]" + f.Type
	case f.Repeated:
		return "[]string"
	case f.message != nil:
		return "*" + f.Type
	case f.enum != nil:
		return f.Type
	default:
		return scalars[f.Type]
	}
}

// wireType of a field's elements: 2 for all that has a length, else 0.
func wireType(f *field) uint64 {
	if f.Map || f.message != nil || f.Type == "string" || f.Type == "bytes" {
		return 2
	}
	return 0
}

func tag(f *field) uint64 { return uint64(f.Number)<<3 | wireType(f) }

func tagSize(f *field) int {
	n := 1
	for t := tag(f); t >= 0x80; t >>= 7 {
		n++
	}
	return n
}

// present is the condition under which a field is written.
func present(f *field) string {
	v := "m." + camel(f.Name)
	switch {
	case f.message != nil:
		return v + " != nil"
	case f.Type == "string":
		return v + ` != ""`
	case f.Type == "bytes":
		return "len(" + v + ") > 0"
	case f.Type == "bool":
		return v
	default:
		return v + " != 0"
	}
}

func (p *printer) size(m *message) {
	p.f("// Size returns how many bytes MarshalTo writes.\nfunc (m *%s) Size() (n int) {", m.Name)
	for _, f := range m.Fields {
		v, ts := "m."+camel(f.Name), tagSize(f)
		switch {
		case f.Map:
			p.f("if len(%s) > 0 {\nn += sizeMap(%d, %s)\n}", v, ts, v)
		case f.Repeated && f.message != nil:
			p.f("for i := range %s {\nn += %d + sizeLen(%s[i].Size())\n}", v, ts, v)
		case f.Repeated:
			p.f("for _, s := range %s {\nn += %d + sizeLen(len(s))\n}", v, ts)
		default:
			p.f("if %s {", present(f))
			switch {
			case f.message != nil:
				p.f("n += %d + sizeLen(%s.Size())", ts, v)
			case f.Type == "string", f.Type == "bytes":
				p.f("n += %d + sizeLen(len(%s))", ts, v)
			case f.Type == "bool":
				p.f("n += %d", ts+1)
			default:
				p.f("n += %d + sizeUvarint(%s)", ts, varint(f, v))
			}
			p.f("}")
		}
	}
	p.f("return n\n}\n")
}

// varint is the expression of a number as it goes on the wire: signed ones are
// sign-extended to 64 bits, as protocol buffers have it.
func varint(f *field, v string) string {
	switch {
	case f.enum != nil || f.Type == "int32":
		return "uint64(int64(" + v + "))"
	case f.Type == "uint64":
		return v
	default:
		return "uint64(" + v + ")"
	}
}

func (p *printer) putTag(f *field) {
	if t := tag(f); t < 0x80 {
		p.f("b[i] = %#x\ni++", t)
	} else {
		p.f("i += putTag(b[i:], %#x)", t)
	}
}

func (p *printer) marshal(m *message) {
	p.f("// MarshalTo writes the message to b, which holds at least Size bytes, and returns how many.")
	p.f("func (m *%s) MarshalTo(b []byte) (i int) {", m.Name)
	for _, f := range m.Fields {
		v := "m." + camel(f.Name)
		switch {
		case f.Map:
			p.f("if len(%s) > 0 {\ni += putMap(b[i:], %#x, %s)\n}", v, tag(f), v)
		case f.Repeated && f.message != nil:
			p.f("for j := range %s {", v)
			p.putTag(f)
			p.f("i += putUvarint(b[i:], uint64(%s[j].Size()))\ni += %s[j].MarshalTo(b[i:])\n}", v, v)
		case f.Repeated:
			p.f("for _, s := range %s {", v)
			p.putTag(f)
			p.f("i += putString(b[i:], s)\n}")
		default:
			p.f("if %s {", present(f))
			p.putTag(f)
			switch {
			case f.message != nil:
				p.f("i += putUvarint(b[i:], uint64(%s.Size()))\ni += %s.MarshalTo(b[i:])", v, v)
			case f.Type == "string":
				p.f("i += putString(b[i:], %s)", v)
			case f.Type == "bytes":
				p.f("i += putBytes(b[i:], %s)", v)
			case f.Type == "bool":
				p.f("i += putBool(b[i:], %s)", v)
			default:
				p.f("i += putUvarint(b[i:], %s)", varint(f, v))
			}
			p.f("}")
		}
	}
	p.f("return i\n}\n")
	p.f("// Marshal returns the message's bytes.\nfunc (m *%s) Marshal() []byte {\nb := make([]byte, m.Size())\nreturn b[:m.MarshalTo(b)]\n}\n", m.Name)
}

func (p *printer) unmarshal(m *message) {
	p.f("// Unmarshal replaces m by the message in b, of which it keeps nothing.")
	p.f("func (m *%s) Unmarshal(b []byte) error { return m.decode(decoder{b: b}) }\n", m.Name)
	p.f("// UnmarshalView is Unmarshal without copying: strings and bytes of m are parts of b.")
	p.f("func (m *%s) UnmarshalView(b []byte) error { return m.decode(decoder{b: b, view: true}) }\n", m.Name)
	p.f("func (m *%s) decode(d decoder) error {\n*m = %s{}", m.Name, m.Name)
	p.f("for d.more() {\nswitch t := d.tag(); t {")
	for _, f := range m.Fields {
		v := "m." + camel(f.Name)
		p.f("case %#x:", tag(f))
		switch {
		case f.Map:
			p.f("d.entry(&%s)", v)
		case f.Repeated && f.message != nil:
			p.f("if sub := d.raw(); d.room(len(%s)) {\n%s = append(%s, %s{})", v, v, v, f.Type)
			p.f("if err := %s[len(%s)-1].decode(decoder{b: sub, view: d.view}); err != nil {\nd.fail(err)\n}\n}", v, v)
		case f.Repeated:
			p.f("if s := d.string(); d.room(len(%s)) {\n%s = append(%s, s)\n}", v, v, v)
		case f.message != nil:
			p.f("if sub := d.raw(); d.err == nil {\nif %s == nil {\n%s = new(%s)\n}", v, v, f.Type) // once, however often the field occurs
			p.f("if err := %s.decode(decoder{b: sub, view: d.view}); err != nil {\nd.fail(err)\n}\n}", v)
		case f.Type == "string":
			p.f("%s = d.string()", v)
		case f.Type == "bytes":
			p.f("%s = d.bytes()", v)
		case f.Type == "bool":
			p.f("%s = d.uvarint() != 0", v)
		case f.Type == "uint64":
			p.f("%s = d.uvarint()", v)
		default:
			p.f("%s = %s(d.uvarint())", v, goType(f))
		}
	}
	p.f("default:\nd.skip(t)\n}\n}\nreturn d.err\n}\n")
}

// camel turns snake_case into Go's form: continue_token -> ContinueToken, query_json -> QueryJSON.
func camel(s string) string {
	var b strings.Builder
	for _, w := range strings.Split(s, "_") {
		if up, ok := initialisms[w]; ok {
			b.WriteString(up)
		} else if w != "" {
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	return b.String()
}

var initialisms = map[string]string{"id": "ID", "abi": "ABI", "json": "JSON"}
