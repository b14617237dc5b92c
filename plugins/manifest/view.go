package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/berth-run/berth/abi/proto"
)

// view is a manifest with the keys of plugin.yaml.
type view struct {
	ABI          string           `json:"abi"`
	Name         string           `json:"name"`
	Version      string           `json:"version"`
	Vendor       string           `json:"vendor,omitempty"`
	Description  string           `json:"description,omitempty"`
	License      string           `json:"license,omitempty"`
	Homepage     string           `json:"homepage,omitempty"`
	Stability    string           `json:"stability,omitempty"`
	Kinds        []kindView       `json:"kinds"`
	Metadata     []fieldView      `json:"metadata,omitempty"`
	AuthProfiles []profileView    `json:"authProfiles,omitempty"`
	Capabilities []capabilityView `json:"capabilities,omitempty"`
	Concurrency  *concurrencyView `json:"concurrency,omitempty"`
	Limits       *limitsView      `json:"limits,omitempty"`
}

// The fields of these three have the order of the messages, so that a message
// converts to its view, and a field added to one and not to the other does not compile.

type kindView struct {
	Kind       string   `json:"kind"`
	Type       string   `json:"type"`
	Versions   []string `json:"versions"`
	Features   []string `json:"features,omitempty"`
	Operations []string `json:"operations,omitempty"`
	Aliases    []string `json:"aliases,omitempty"`
}

type fieldView struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required,omitempty"`
	Sensitive     bool     `json:"sensitive,omitempty"`
	Default       string   `json:"default,omitempty"`
	Description   string   `json:"description,omitempty"`
	Example       string   `json:"example,omitempty"`
	AllowedValues []string `json:"allowedValues,omitempty"`
	Binding       string   `json:"binding,omitempty"`
	Aliases       []string `json:"aliases,omitempty"`
	Deprecated    bool     `json:"deprecated,omitempty"`
}

type capabilityView struct {
	Name     string   `json:"name"`
	Required bool     `json:"required,omitempty"`
	Reason   string   `json:"reason"`
	Hints    []string `json:"hints,omitempty"`
}

type profileView struct {
	Title       string      `json:"title"`
	Description string      `json:"description,omitempty"`
	Metadata    []fieldView `json:"metadata,omitempty"`
}

type concurrencyView struct {
	Mode         string `json:"mode"`
	MaxInflight  uint32 `json:"maxInflight,omitempty"`
	MaxInstances uint32 `json:"maxInstances,omitempty"`
}

type limitsView struct {
	MinMemory       string `json:"minMemory,omitempty"`
	SuggestedMemory string `json:"suggestedMemory,omitempty"`
}

// JSON returns the manifest as JSON with the keys of plugin.yaml. It is a valid
// plugin.yaml, and validates against the schema. m has passed Check.
func JSON(m *proto.Manifest) ([]byte, error) {
	v := view{
		ABI: m.ABI, Name: m.Name, Version: m.Version, Vendor: m.Vendor, Description: m.Description,
		License: m.License, Homepage: m.Homepage, Stability: m.Stability,
		Metadata: fieldViews(m.Metadata),
	}
	for _, k := range m.Kinds {
		v.Kinds = append(v.Kinds, kindView(k))
	}
	for i := range m.AuthProfiles {
		a := &m.AuthProfiles[i]
		v.AuthProfiles = append(v.AuthProfiles, profileView{a.Title, a.Description, fieldViews(a.Metadata)})
	}
	for _, c := range m.Capabilities {
		v.Capabilities = append(v.Capabilities, capabilityView(c))
	}
	if c := m.Concurrency; c != nil {
		v.Concurrency = &concurrencyView{ModeName(c.Mode), c.MaxInflight, c.MaxInstances}
	}
	if l := m.Limits; l != nil {
		v.Limits = &limitsView{memoryView(l.MinMemoryBytes), memoryView(l.SuggestedMemoryBytes)}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding manifest: %w", err)
	}
	return b.Bytes(), nil
}

func fieldViews(list []proto.MetadataField) []fieldView {
	var out []fieldView
	for _, f := range list {
		out = append(out, fieldView(f))
	}
	return out
}

func memoryView(n uint64) string {
	if n == 0 {
		return ""
	}
	return formatMemory(n)
}

// ModeName returns the mode as plugin.yaml has it: "pool", "serial" or "serve".
func ModeName(m proto.Mode) string {
	if m < 0 || int(m) >= len(modes) {
		return fmt.Sprintf("mode %d", m)
	}
	return modes[m]
}

// Row is a line of the text view.
type Row struct{ Key, Value string }

// WriteText writes the manifest for people to read, behind the rows of first. m
// has passed Check, so that nothing in it plays tricks on a terminal.
func WriteText(w io.Writer, m *proto.Manifest, first ...Row) error {
	var t table
	for _, r := range first {
		t.row(r.Key, r.Value)
	}
	row := func(key string, values ...string) {
		if s := joined(", ", values...); s != "" {
			t.row(key, s)
		}
	}
	row("name", m.Name)
	row("version", joined(" ", m.Version, bracketed(m.Stability)))
	row("vendor", m.Vendor)
	row("license", m.License)
	row("homepage", m.Homepage)
	row("abi", m.ABI)
	for _, k := range m.Kinds {
		row("type", k.Type+" "+strings.Join(k.Versions, ", ")+" ("+k.Kind+")")
		row("  also", k.Aliases...)
		row("  features", k.Features...)
		row("  operations", k.Operations...)
	}
	row("concurrency", concurrencyText(m.Concurrency)...)
	if l := m.Limits; l != nil {
		row("memory", prefixed("at least ", memoryView(l.MinMemoryBytes)), prefixed("suggested ", memoryView(l.SuggestedMemoryBytes)))
	}
	t.flush()
	if m.Description != "" {
		t.out.WriteString("\n" + strings.TrimSpace(m.Description) + "\n")
	}
	t.capabilities(m.Capabilities)
	t.fields("metadata", m.Metadata)
	for i := range m.AuthProfiles {
		a := &m.AuthProfiles[i]
		t.fields("to log in with "+a.Title, a.Metadata)
		if a.Description != "" {
			t.out.WriteString("  " + firstLine(a.Description) + "\n")
		}
	}
	_, err := t.out.WriteTo(w)
	return err
}

// table aligns rows, and leaves no blanks at the ends of lines.
type table struct{ out, rows bytes.Buffer }

func (t *table) row(cells ...string) { t.rows.WriteString(strings.Join(cells, "\t") + "\n") }

func (t *table) flush() {
	var aligned bytes.Buffer
	w := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	t.rows.WriteTo(w) // neither writer fails: both are buffers
	w.Flush()
	t.rows.Reset()
	for line := range strings.Lines(aligned.String()) {
		t.out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

func (t *table) capabilities(list []proto.Capability) {
	if len(list) == 0 {
		t.out.WriteString("\nasks for no grants\n")
		return
	}
	t.out.WriteString("\nasks to be granted\n")
	for _, c := range list {
		need := "optional"
		if c.Required {
			need = "required"
		}
		t.row("  "+c.Name, need, joined(" ", c.Reason, bracketed(strings.Join(c.Hints, ", "))))
	}
	t.flush()
}

func (t *table) fields(title string, list []proto.MetadataField) {
	if len(list) == 0 {
		return
	}
	t.out.WriteString("\n" + title + "\n")
	for _, f := range list {
		var notes []string
		note := func(yes bool, s string) {
			if yes {
				notes = append(notes, s)
			}
		}
		note(f.Required, "required")
		note(f.Sensitive, "sensitive")
		note(f.Deprecated, "deprecated")
		note(f.Binding != "", f.Binding)
		note(f.Default != "", "default "+firstLine(f.Default))
		note(len(f.AllowedValues) > 0, firstLine(strings.Join(f.AllowedValues, "|")))
		note(len(f.Aliases) > 0, "or "+strings.Join(f.Aliases, ", "))
		t.row("  "+f.Name, f.Type, strings.Join(notes, ", "), firstLine(f.Description))
	}
	t.flush()
}

func concurrencyText(c *proto.ConcurrencyModel) []string {
	if c == nil {
		c = &proto.ConcurrencyModel{}
	}
	out := []string{ModeName(c.Mode)}
	if c.MaxInstances > 0 {
		out = append(out, fmt.Sprintf("up to %d instances", c.MaxInstances))
	}
	if c.MaxInflight > 0 {
		out = append(out, fmt.Sprintf("up to %d calls in flight", c.MaxInflight))
	}
	return out
}

// joined joins the parts that are not empty.
func joined(sep string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, sep)
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// firstLine is the part of a text that fits a table.
func firstLine(s string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if rest != "" {
		line += " ..."
	}
	return strings.ReplaceAll(line, "\t", " ")
}
