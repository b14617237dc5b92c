package resource

import (
	"slices"
	"strings"
)

// Field describes one metadata field of a component. The names of types are those
// of Dapr's metadata.yaml: string, number, integer, bool, duration, bytesize.
type Field struct {
	Name          string
	Type          string // "" = string
	Required      bool
	Sensitive     bool // the value is never shown
	Default       string
	Description   string
	Example       string
	AllowedValues []string
	Aliases       []string // used, in this order, when Name is absent
	Deprecated    string   // what to use instead; "" = not deprecated
}

// Schema is the metadata that a component takes.
type Schema struct {
	Fields       []Field
	AllowUnknown bool // fields that are not listed are for the component to judge
}

// find returns the field that a metadata name stands for.
func (s Schema) find(name string) *Field {
	for i := range s.Fields {
		f := &s.Fields[i]
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if slices.ContainsFunc(f.Aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			return f
		}
	}
	return nil
}

// Check compares the component's metadata with a schema. Values that come from
// secrets, the environment or templates are left to CheckResolved. Keys that the
// runtime itself uses are always known.
func (c *Component) Check(s Schema) Problems {
	d := c.reporter()
	for _, m := range c.Metadata {
		f := s.find(m.Name)
		if f == nil {
			if !s.AllowUnknown && c.runtimeKey(m.Name) == nil {
				d.reportAt(m.at, CodeUnknownField, m.path(),
					printable(c.Type)+" has no metadata field "+quote(m.Name), didYouMean(m.Name, c.fieldNames(s)))
			}
			continue
		}
		d.checkUse(c, f, m)
		if m.literal() && m.HasValue {
			d.checkField(f, m, m.Value)
			if m.word && (f.Type == "" || f.Type == "string") {
				d.reportAt(m.at, CodeIgnoredValue, m.path(), "the unquoted word is read as "+m.Value, "put it in quotes")
			}
		}
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		m, ok := c.field(f)
		switch {
		case !f.Required:
		case !ok:
			hint := ""
			if f.Example != "" && !f.Sensitive {
				hint = "for example: {name: " + f.Name + ", value: " + quote(f.Example) + "}"
			}
			d.report(CodeMissingField, "spec.metadata["+f.Name+"]", "required field is missing", hint)
		case m.literal() && m.Value == "":
			d.reportAt(m.at, CodeEmptyField, m.path(), "required field is empty", "")
		}
	}
	return d.finish(c)
}

// CheckResolved checks the values that Check could not see, as Properties resolved
// them. It never shows one.
func (c *Component) CheckResolved(s Schema, properties map[string]string) Problems {
	d := c.reporter()
	for _, m := range c.Metadata {
		f := s.find(m.Name)
		if f == nil || m.literal() {
			continue
		}
		v, ok := properties[m.Name]
		if used, _ := c.field(f); !ok && used.Name == m.Name {
			v, ok = properties[f.Name] // as Resolution.Schema makes it
		}
		if !ok {
			continue
		}
		hidden := *f
		hidden.Sensitive = true
		d.checkField(&hidden, m, v)
		if f.Required && v == "" {
			d.reportAt(m.at, CodeEmptyField, m.path(), "required field is empty", "")
		}
	}
	return d.finish(c)
}

// field returns the entry that gives a field its value: the one of its name, else
// of the first alias that is there.
func (c *Component) field(f *Field) (Item, bool) {
	if m, ok := c.Lookup(f.Name); ok {
		return m, true
	}
	for _, a := range f.Aliases {
		if m, ok := c.Lookup(a); ok {
			return m, true
		}
	}
	return Item{}, false
}

// checkUse reports deprecated fields and aliases that have no effect.
func (d *decoder) checkUse(c *Component, f *Field, m Item) {
	if f.Deprecated != "" {
		d.reportAt(m.at, CodeDeprecated, m.path(), "the field is deprecated", f.Deprecated)
	}
	if used, ok := c.field(f); ok && !strings.EqualFold(used.Name, m.Name) {
		d.reportAt(m.at, CodeShadowedField, m.path(),
			quote(m.Name)+" is another name of "+f.Name+" and not used: "+quote(used.Name)+" wins", "")
	}
}

func (d *decoder) checkField(f *Field, m Item, value string) {
	shown := ""
	if !f.Sensitive {
		shown = quote(value) + ": "
	}
	if e := checkValue(f.Type, value); e != nil {
		d.reportAt(m.at, e.code, m.path(), shown+e.message, "")
		return
	}
	if len(f.AllowedValues) == 0 || value == "" ||
		slices.ContainsFunc(f.AllowedValues, func(a string) bool { return strings.EqualFold(a, value) }) {
		return
	}
	hint := ""
	if !f.Sensitive {
		hint = didYouMean(value, f.AllowedValues)
	}
	d.reportAt(m.at, CodeNotAllowedValue, m.path(), shown+"want one of "+strings.Join(f.AllowedValues, ", "), hint)
}

// fieldNames lists every name that c may use, for suggestions.
func (c *Component) fieldNames(s Schema) []string {
	var out []string
	for _, f := range s.Fields {
		out = append(out, f.Name)
		out = append(out, f.Aliases...)
	}
	for _, k := range runtimeKeys[c.Kind()] {
		out = append(out, k.Name)
	}
	return append(out, sandboxKeyNames()...)
}

// reporter collects problems of c after it was loaded.
func (c *Component) reporter() *decoder {
	return &decoder{file: c.File, resource: "Component/" + printable(c.Name), places: c.places}
}

func (d *decoder) finish(c *Component) Problems {
	for i := range d.problems {
		d.problems[i].Ignorable = c.IgnoreErrors
	}
	return d.problems.Sort()
}
