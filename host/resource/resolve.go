package resource

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
)

// SecretResolver reads secrets for components.
type SecretResolver interface {
	// GetSecret returns the fields of a secret. namespace is the component's and
	// often empty.
	GetSecret(ctx context.Context, store, name, namespace string) (map[string]string, error)
}

// Resolution is what a sidecar knows when it gives a component its metadata.
type Resolution struct {
	AppID     string
	Namespace string // of the sidecar; "" = default
	PodName   string
	LookupEnv LookupEnv
	Secrets   SecretResolver // nil: there are no secret stores
	// Schema, when given, makes fields arrive under the names it lists, whatever
	// their spelling in the file.
	Schema *Schema
	// UUID makes the text for {uuid}; nil makes random ones.
	UUID func() string
}

// templates are the placeholders in metadata values.
var templates = []string{"{uuid}", "{podName}", "{namespace}", "{appID}", "{appNamespace}"}

func hasTemplate(s string) bool {
	for _, t := range templates {
		if strings.Contains(s, t) {
			return true
		}
	}
	return false
}

// Properties returns the metadata that is handed to the component: references
// resolved, placeholders filled, wasm. keys left out. A field that could not be
// resolved is absent and among the problems.
func (c *Component) Properties(ctx context.Context, r Resolution) (map[string]string, Problems) {
	d := c.reporter()
	out := make(map[string]string, len(c.Metadata))
	fetched := map[string]map[string]string{}
	for _, m := range c.Metadata {
		value, ok := m.Value, true
		switch {
		case m.fromEnv():
			value = d.envValue(m, r.LookupEnv)
		case m.SecretKeyRef != nil && m.SecretKeyRef.Name != "":
			value, ok = d.secretValue(ctx, c, m, r.Secrets, fetched)
		}
		if ok {
			value, ok = d.fill(m, value, r)
		}
		if ok {
			out[m.Name] = value
		}
	}
	if r.Schema != nil {
		out = c.canonical(out, *r.Schema)
	}
	return out, d.finish(c)
}

// canonical gives the fields of a schema their listed names. An alias gives its
// value to the field only where the field's own name is absent.
func (c *Component) canonical(values map[string]string, s Schema) map[string]string {
	out := make(map[string]string, len(values))
	for _, m := range c.Metadata {
		v, ok := values[m.Name]
		if !ok {
			continue
		}
		f := s.find(m.Name)
		if f == nil {
			out[m.Name] = v
			continue
		}
		if used, _ := c.field(f); used.Name == m.Name {
			out[f.Name] = v
		}
	}
	return out
}

func (d *decoder) envValue(m Item, lookup LookupEnv) string {
	path := m.path() + ".envRef"
	if !EnvAllowed(m.EnvRef, lookup) {
		d.report(CodeEnvBlocked, path, "components may not read the variable "+quote(m.EnvRef)+"; the value is empty", "")
		return ""
	}
	v, ok := lookup.orSystem()(m.EnvRef)
	if !ok {
		d.report(CodeEnvUnset, path, "the variable "+quote(m.EnvRef)+" is not set; the value is empty", "")
	}
	return unquote(v)
}

// unquote takes the quotes off a value that is a quoted Go string as a whole.
// Dapr does it to every value, and so to those of variables that an env file
// sets with their quotes.
func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

func (d *decoder) secretValue(ctx context.Context, c *Component, m Item, secrets SecretResolver, fetched map[string]map[string]string) (string, bool) {
	path := m.path() + ".secretKeyRef"
	ref := *m.SecretKeyRef
	fail := func(format string, args ...any) (string, bool) {
		d.report(CodeSecret, path, fmt.Sprintf("secret %s of store %s: ", quote(ref.Name), quote(c.SecretStore))+fmt.Sprintf(format, args...), "")
		return "", false
	}
	if c.SecretStore == "" {
		d.report(CodeNoSecretStore, path, "the component has no auth.secretStore to read the secret from", "")
		return "", false
	}
	if secrets == nil {
		return fail("there are no secret stores")
	}
	fields, ok := fetched[ref.Name]
	if !ok {
		var err error
		if fields, err = secrets.GetSecret(ctx, c.SecretStore, ref.Name, c.Namespace); err != nil {
			return fail("%v", err)
		}
		fetched[ref.Name] = fields
	}
	v, ok := fields[ref.Field()]
	if !ok {
		return fail("it has no key %s", quote(ref.Field()))
	}
	return unquote(v), true
}

// fill replaces the placeholders of a value.
func (d *decoder) fill(m Item, value string, r Resolution) (string, bool) {
	if strings.Contains(value, "{podName}") && r.PodName == "" {
		d.reportAt(m.at, CodeTemplate, m.path(), "the value uses {podName}, and this sidecar has no pod name", "set POD_NAME")
		return "", false
	}
	newUUID := r.UUID
	if newUUID == nil {
		newUUID = randomUUID
	}
	namespace := r.Namespace
	if namespace == "" {
		namespace = "default"
	}
	// What is filled in is not searched again: it may look like a placeholder.
	var b strings.Builder
	for value != "" {
		at := strings.IndexByte(value, '{')
		if at < 0 {
			break
		}
		b.WriteString(value[:at])
		value = value[at:]
		switch {
		case strings.HasPrefix(value, "{uuid}"):
			b.WriteString(newUUID())
		case strings.HasPrefix(value, "{podName}"):
			b.WriteString(r.PodName)
		case strings.HasPrefix(value, "{namespace}"):
			b.WriteString(namespace + "." + r.AppID)
		case strings.HasPrefix(value, "{appID}"):
			b.WriteString(r.AppID)
		case strings.HasPrefix(value, "{appNamespace}"):
			b.WriteString(namespace)
		default:
			b.WriteByte('{')
			value = value[1:]
			continue
		}
		value = value[strings.IndexByte(value, '}')+1:]
	}
	b.WriteString(value)
	return b.String(), true
}

// randomUUID makes a version 4 UUID (RFC 9562).
func randomUUID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails: it ends the program instead
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
