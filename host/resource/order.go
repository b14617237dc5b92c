package resource

import (
	"slices"
	"strings"
)

// InitOrder returns the components so that a secret store comes before the
// components that read from it; else the order stays. The components of a Set
// have no cycles: Load reports them.
func InitOrder(components []*Component) []*Component {
	stores := storesByName(components)
	out := make([]*Component, 0, len(components))
	placed := map[*Component]bool{}
	var put func(c *Component)
	put = func(c *Component) {
		if placed[c] {
			return
		}
		placed[c] = true // before the store's turn, so that a cycle ends
		if s := stores[c.SecretStore]; s != nil && c.NeedsSecrets() {
			put(s)
		}
		out = append(out, c)
	}
	for _, c := range components {
		put(c)
	}
	return out
}

func storesByName(components []*Component) map[string]*Component {
	stores := map[string]*Component{}
	for _, c := range components {
		if c.Kind() == "secretstores" && stores[c.Name] == nil {
			stores[c.Name] = c
		}
	}
	return stores
}

// secretStores checks that the store of every secretKeyRef will be there when it
// is needed. Dapr leaves such a component out without a word.
func (l *loading) secretStores() {
	var inside, all []*Component
	byComponent := map[*Component]*loaded{}
	for _, r := range l.loaded {
		if r.component == nil {
			continue
		}
		byComponent[r.component] = r
		all = append(all, r.component)
		if r.outside == "" {
			inside = append(inside, r.component)
		}
	}
	stores, allStores := storesByName(inside), storesByName(all)
	names := slices.Clone(l.SecretStores)
	for _, c := range inside {
		if c.Kind() == "secretstores" {
			names = append(names, c.Name)
		}
	}
	for _, c := range inside {
		if c.SecretStore == "" || !c.NeedsSecrets() || slices.Contains(l.SecretStores, c.SecretStore) {
			continue
		}
		report := func(code Code, message, hint string) {
			at := nearestPlace(c.places, "auth.secretStore")
			r := byComponent[c]
			r.problems = append(r.problems, Problem{
				File: r.file, Line: at.line, Column: at.column, Resource: r.resource, Field: "auth.secretStore",
				Severity: code.severity(false), Code: code, Message: message, Hint: hint})
		}
		if stores[c.SecretStore] == nil {
			message := "there is no secret store " + quote(c.SecretStore)
			hint := didYouMean(c.SecretStore, names)
			if allStores[c.SecretStore] != nil {
				hint = "it exists, but its scopes or namespace leave this app out"
			} else if i := slices.IndexFunc(inside, func(o *Component) bool { return o.Name == c.SecretStore }); i >= 0 {
				hint = "the component of that name is a " + printable(inside[i].Type)
			}
			report(CodeSecretStore, message, hint)
			continue
		}
		if cycle := secretCycle(c, stores); cycle != nil {
			report(CodeSecretCycle, "secret stores need each other: "+printable(strings.Join(cycle, " -> ")), "")
		}
	}
}

// secretCycle returns the way from c back to c through secret stores, or nil.
func secretCycle(c *Component, stores map[string]*Component) []string {
	way := []string{c.Name}
	seen := map[*Component]bool{}
	for at := c; at != nil && at.NeedsSecrets() && !seen[at]; {
		seen[at] = true
		at = stores[at.SecretStore]
		if at != nil {
			way = append(way, at.Name)
		}
		if at == c {
			return way
		}
	}
	return nil
}
