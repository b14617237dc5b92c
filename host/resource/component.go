package resource

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// DefaultInitTimeout is how long a component may take to start when it does not
// say; it is Dapr's.
const DefaultInitTimeout = 5 * time.Second

// Component is a document of kind Component. Values that refer to secrets or to
// the environment are resolved by Properties.
type Component struct {
	Name         string        `json:"name"`
	Namespace    string        `json:"namespace,omitempty"`
	Type         string        `json:"type"`              // state.redis
	Version      string        `json:"version,omitempty"` // see IsInitialVersion
	InitTimeout  time.Duration `json:"initTimeout"`
	IgnoreErrors bool          `json:"ignoreErrors,omitempty"` // when it fails, start without it
	Metadata     []Item        `json:"metadata,omitempty"`     // without the wasm. keys, in the order of the file
	SecretStore  string        `json:"secretStore,omitempty"`  // where every SecretKeyRef is looked up
	Scopes       []string      `json:"scopes,omitempty"`       // app ids; empty = every app
	Sandbox      Sandbox       `json:"sandbox"`                // from the wasm. keys
	File         string        `json:"file"`
	Line         int           `json:"line"`

	places map[string]place
}

// Item is one entry of a component's metadata. The first of EnvRef (when there is
// no value), SecretKeyRef and Value that is present gives the value.
type Item struct {
	Name         string        `json:"name"`
	Value        string        `json:"value"`    // numbers, lists and mappings as JSON; "" for null
	HasValue     bool          `json:"hasValue"` // a value other than null is written
	SecretKeyRef *SecretKeyRef `json:"secretKeyRef,omitempty"`
	EnvRef       string        `json:"envRef,omitempty"`

	plain bool // the value is a scalar
	word  bool // the value is a word such as on or y that YAML makes a boolean
	at    place
}

// SecretKeyRef names a value in a secret store. Dapr reads the field named like
// the secret when Key is empty.
type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
}

// Field is the key within the secret.
func (r SecretKeyRef) Field() string {
	if r.Key == "" {
		return r.Name
	}
	return r.Key
}

// String is how Dapr writes a component in logs: name (type/version).
func (c *Component) String() string {
	if c.Version == "" {
		return c.Name + " (" + c.Type + ")"
	}
	return c.Name + " (" + c.Type + "/" + c.Version + ")"
}

// Kind is the kind of component: state, pubsub, bindings, middleware,
// secretstores, configuration, lock, crypto, conversation or workflowbackend.
func (c *Component) Kind() string {
	kind, rest, ok := strings.Cut(c.Type, ".")
	if !ok || rest == "" {
		return ""
	}
	for _, k := range componentKinds {
		if k == kind {
			return k
		}
	}
	return ""
}

var componentKinds = []string{
	"state", "pubsub", "bindings", "middleware", "secretstores", "configuration", "lock",
	"crypto", "conversation", "workflowbackend",
}

// Lookup returns the metadata entry of the given name, in any case. Of several
// with one name the last counts.
func (c *Component) Lookup(name string) (Item, bool) {
	for i := len(c.Metadata) - 1; i >= 0; i-- {
		if strings.EqualFold(c.Metadata[i].Name, name) {
			return c.Metadata[i], true
		}
	}
	return Item{}, false
}

func inScope(scopes []string, appID string) bool {
	for _, s := range scopes {
		if s == appID {
			return true
		}
	}
	return len(scopes) == 0
}

// IsInitialVersion reports whether version names the first version of a component
// type: the empty one, v0 and v1 are the same.
func IsInitialVersion(version string) bool {
	switch strings.ToLower(version) {
	case "", "v0", "v1":
		return true
	}
	return false
}

// NeedsSecrets reports whether the component reads from its secret store.
func (c *Component) NeedsSecrets() bool {
	for _, m := range c.Metadata {
		if m.SecretKeyRef != nil && m.SecretKeyRef.Name != "" && !m.fromEnv() {
			return true
		}
	}
	return false
}

func (m Item) fromEnv() bool { return !m.HasValue && m.EnvRef != "" }

// literal reports whether the value is written in the file as it will be used.
func (m Item) literal() bool {
	return m.EnvRef == "" && m.SecretKeyRef == nil && !hasTemplate(m.Value)
}

func (m Item) path() string { return "spec.metadata[" + printable(m.Name) + "]" }

type componentDoc struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Metadata   objectMeta    `json:"metadata"`
	Spec       componentSpec `json:"spec"`
	Auth       authDoc       `json:"auth"`
	Scopes     []string      `json:"scopes"`
}

type componentSpec struct {
	Type         string `json:"type"`
	Version      string `json:"version"`
	InitTimeout  string `json:"initTimeout"`
	IgnoreErrors bool   `json:"ignoreErrors"`
	Metadata     []Item `json:"metadata"`
}

// itemDoc is an Item as it is written.
type itemDoc struct {
	Name         string        `json:"name"`
	Value        dynamicValue  `json:"value"`
	SecretKeyRef *SecretKeyRef `json:"secretKeyRef"`
	EnvRef       string        `json:"envRef"`
}

// dynamicValue takes any YAML value and keeps it as Dapr does: a string as it is,
// everything else as JSON.
type dynamicValue struct {
	text    string
	present bool
	plain   bool
	word    bool
}

func (v *dynamicValue) decodeNode(d *decoder, n *node, path string) {
	*v = dynamicValue{plain: n.shape == scalarShape}
	if v.plain && n.scalar == nil {
		return
	}
	v.present = true
	if s, ok := n.scalar.(string); ok {
		v.text = s
		return
	}
	budget := maxValues
	x, err := n.value(&budget)
	if err != nil {
		d.reportAt(place{n.line, n.column}, CodeBadValue, path, err.Error(), "")
		return
	}
	v.text = jsonString(x)
	if b, ok := n.scalar.(bool); ok {
		v.word = !strings.EqualFold(n.text, strconv.FormatBool(b))
	}
}

func (m *Item) decodeNode(d *decoder, n *node, path string) {
	var doc itemDoc
	before := len(d.problems)
	d.object(n, reflect.ValueOf(&doc).Elem(), path)
	*m = Item{
		Name: doc.Name, Value: doc.Value.text, HasValue: doc.Value.present,
		SecretKeyRef: doc.SecretKeyRef, EnvRef: doc.EnvRef,
		plain: doc.Value.plain, word: doc.Value.word, at: d.place(path),
	}
	if n.shape != mapShape {
		return
	}
	if m.Name == "" {
		d.missing(path + ".name")
		return
	}
	// From here on the entry is known by its name.
	named := m.path()
	for _, sub := range []string{"", ".name", ".value", ".secretKeyRef", ".secretKeyRef.name", ".secretKeyRef.key", ".envRef"} {
		if at, ok := d.places[path+sub]; ok {
			d.places[named+sub] = at
		}
	}
	for i := before; i < len(d.problems); i++ {
		if rest, ok := strings.CutPrefix(d.problems[i].Field, path); ok {
			d.problems[i].Field = named + rest
		}
	}
}

func (d *decoder) component(root *node) *Component {
	var doc componentDoc
	if meta := root.find("metadata", true); meta != nil && meta.shape == mapShape {
		if name := meta.find("name", true); name != nil && name.shape == scalarShape && scalarString(name.scalar) != "" {
			d.resource += "/" + printable(scalarString(name.scalar))
		}
	}
	d.run(root, &doc)
	c := &Component{
		Name: doc.Metadata.Name, Namespace: doc.Metadata.Namespace,
		Type: doc.Spec.Type, Version: doc.Spec.Version, InitTimeout: DefaultInitTimeout,
		IgnoreErrors: doc.Spec.IgnoreErrors, SecretStore: doc.Auth.SecretStore, Scopes: doc.Scopes,
		File: d.file, Line: root.line, places: d.places,
	}
	d.checkName(c.Name, true)
	d.checkType(c)
	d.initTimeout(c, doc.Spec.InitTimeout)
	d.items(c, doc.Spec.Metadata)
	d.runtimeKeys(c)
	return c
}

func (d *decoder) checkType(c *Component) {
	switch {
	case c.Type == "":
		d.missing("spec.type")
	case c.Kind() == "":
		kind, rest, _ := strings.Cut(c.Type, ".")
		hint := ""
		if kind == "nameresolution" {
			hint = "name resolution is set in a Configuration, under spec.nameResolution"
		} else if n := nearest(kind, componentKinds); n != "" && rest != "" {
			hint = "did you mean " + n + "." + printable(rest) + "?"
		} else {
			hint = "a type is a kind, a dot and a name: state.redis"
		}
		d.report(CodeUnknownType, "spec.type", quote(c.Type)+" is not a type of component", hint)
	}
}

// initTimeout keeps the default when the text is not a duration, as Dapr does.
func (d *decoder) initTimeout(c *Component, text string) {
	if text == "" {
		return
	}
	t, err := time.ParseDuration(text)
	switch {
	case err != nil:
		hint := "write it with a unit: 30s, 5m"
		if _, err := strconv.Atoi(text); err == nil {
			hint = "write " + text + "s for " + text + " seconds"
		}
		d.report(CodeIgnoredValue, "spec.initTimeout",
			quote(text)+" is not a duration; "+DefaultInitTimeout.String()+" is used", hint)
	case t <= 0:
		d.report(CodeBadValue, "spec.initTimeout", "the component would have no time to start", "")
	default:
		c.InitTimeout = t
	}
}

// items checks the entries of spec.metadata one against the other, and takes the
// wasm. keys out.
func (d *decoder) items(c *Component, items []Item) {
	var sandbox []Item
	seen := map[string]Item{} // by lower-case name
	for _, m := range items {
		if m.Name == "" {
			continue
		}
		low := strings.ToLower(m.Name)
		if strings.HasPrefix(low, sandboxPrefix) {
			sandbox = append(sandbox, m)
			continue
		}
		if first, ok := seen[low]; !ok {
			seen[low] = m
		} else if first.Name == m.Name {
			d.reportAt(m.at, CodeRepeatedField, m.path(),
				"the field is written in line "+strconv.Itoa(first.at.line)+" too; this one counts", "")
		} else {
			d.reportAt(m.at, CodeDuplicateField, m.path(),
				quote(m.Name)+" and "+quote(first.Name)+" in line "+strconv.Itoa(first.at.line)+" are the same field", "")
		}
		d.source(c, m)
		c.Metadata = append(c.Metadata, m)
	}
	c.Sandbox = d.sandbox(sandbox)
}

// source checks where an entry takes its value from.
func (d *decoder) source(c *Component, m Item) {
	path := m.path()
	if r := m.SecretKeyRef; r != nil && r.Name == "" {
		d.missing(path + ".secretKeyRef.name")
	} else if r != nil && c.SecretStore == "" && !m.fromEnv() {
		d.report(CodeNoSecretStore, path+".secretKeyRef", "the component has no auth.secretStore to read the secret from",
			"add at the top level of the resource: auth: {secretStore: NAME}")
	}
	switch {
	case m.SecretKeyRef != nil && m.fromEnv():
		d.report(CodeShadowedField, path+".secretKeyRef", "secretKeyRef is not used: envRef wins", "")
	case m.SecretKeyRef != nil && m.HasValue:
		d.report(CodeShadowedField, path+".value", "value is not used: secretKeyRef wins", "")
	case m.EnvRef != "" && m.HasValue:
		d.report(CodeShadowedField, path+".envRef", "envRef is not used: value wins", "")
	}
}
