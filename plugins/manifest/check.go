package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/internal/nearest"
)

// Check says everything that is wrong with m by itself: names, counts, texts,
// values against their types, references to fields that do not exist (ABI-060).
// A manifest for a later minor version of the ABI may use words that this one
// does not know: it passes, so that verify.Check can name the version as the
// reason instead of the words.
func Check(m *proto.Manifest) plugins.Errors {
	c := checker{}
	c.manifest(m)
	var out plugins.Errors
	for _, f := range c.found {
		out = append(out, f.refusal(""))
	}
	return out
}

// maxFindings is how many problems are listed: enough for any honest author,
// and an end to what a hostile manifest can make the host write.
const maxFindings = 50

// ABIVersion splits a manifest's abi into its two numbers.
func ABIVersion(s string) (major, minor int, ok bool) {
	if !abiPattern.MatchString(s) {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(s, ".")
	major, _ = strconv.Atoi(a)
	minor, _ = strconv.Atoi(b)
	return major, minor, true
}

// Mode returns the concurrency mode, which is pool when m does not say.
func Mode(m *proto.Manifest) proto.Mode {
	if m.Concurrency == nil {
		return proto.ModePool
	}
	return m.Concurrency.Mode
}

// finding is one thing wrong, and the place in the manifest: "kinds[0].type".
type finding struct {
	code       plugins.Code
	path       string
	what, hint string
}

func (f finding) refusal(where string) *plugins.Error {
	what := "manifest " + f.what
	if f.path != "" {
		what = "manifest: " + f.path + " " + f.what
	}
	return &plugins.Error{Code: f.code, Where: where, What: what, Hint: f.hint}
}

// checker collects findings.
type checker struct {
	strict bool // a source: only words of this version
	newer  bool // the manifest asks for a later minor version
	found  []finding
}

func (c *checker) add(path, hint, format string, args ...any) {
	if c.full() {
		return
	}
	if len(c.found) == maxFindings-1 {
		path, hint, format, args = "", "", "has more problems than are listed here", nil
	}
	c.found = append(c.found, finding{plugins.ManifestInvalid, path, fmt.Sprintf(format, args...), hint})
}

func (c *checker) full() bool { return len(c.found) >= maxFindings }

func (c *checker) manifest(m *proto.Manifest) {
	if c.abi(m.ABI) {
		return // in another major version all else may mean something else
	}
	c.name("name", m.Name, namePattern, `letters a-z, digits and single ". _ -" between them, such as redis`)
	c.name("version", m.Version, semverPattern, "a semantic version, such as 1.4.2 or 2.0.0-rc.1")
	c.text("vendor", m.Vendor, maxLine, false)
	c.text("description", m.Description, maxText, true)
	c.text("license", m.License, maxLine, false)
	c.text("homepage", m.Homepage, maxLine, false)
	if m.Homepage != "" && !homepagePattern.MatchString(m.Homepage) {
		c.add("homepage", "", "%q is not an http or https URL", clip(m.Homepage))
	}
	if m.Stability != "" {
		c.word("stability", m.Stability, stabilities)
	}
	c.kinds(m.Kinds)
	isBinding := slices.ContainsFunc(m.Kinds, func(k proto.Kind) bool { return strings.HasPrefix(k.Kind, "bindings.") })
	known := c.fields("metadata", m.Metadata, isBinding)
	if c.count("authProfiles", len(m.AuthProfiles), maxAuthProfiles) {
		for i := range m.AuthProfiles {
			a, path := &m.AuthProfiles[i], fmt.Sprintf("authProfiles[%d]", i)
			if a.Title == "" {
				c.add(path+".title", "", "is missing")
			}
			c.text(path+".title", a.Title, maxName, false)
			c.text(path+".description", a.Description, maxText, true)
			known = append(known, c.fields(path+".metadata", a.Metadata, isBinding)...)
		}
	}
	c.capabilities(m.Capabilities, known)
	c.concurrency(m.Concurrency)
	c.limits(m.Limits)
}

// abi checks the version and reports whether it is of another major.
func (c *checker) abi(s string) (foreign bool) {
	major, minor, ok := ABIVersion(s)
	switch {
	case s == "":
		c.add("abi", "", "is missing")
	case !ok:
		c.add("abi", `write the lowest version it needs, such as "1.0"`, "%q is not a version of the ABI", clip(s))
	case major != abi.Major:
		c.found = append(c.found, finding{plugins.ABIMajor, "abi", fmt.Sprintf("is %s, this host speaks ABI %d", s, abi.Major),
			fmt.Sprintf("build the plugin with an SDK for ABI %d, or use a host for ABI %d", abi.Major, major)})
		return true
	case minor > abi.Minor:
		c.newer = true
		if c.strict {
			c.add("abi", "use tools of that version", "is %s, this version knows %d.%d", s, abi.Major, abi.Minor)
		}
	}
	return false
}

func (c *checker) kinds(list []proto.Kind) {
	if len(list) == 0 {
		c.add("kinds", "name the types it implements, such as - {kind: state, type: state.acme}", "is missing")
	}
	if !c.count("kinds", len(list), maxKinds) {
		return
	}
	taken := map[string]string{} // kind, type and version -> path
	for i := range list {
		k, path := &list[i], fmt.Sprintf("kinds[%d]", i)
		info, known := kindByName(k.Kind)
		if !known {
			c.word(path+".kind", k.Kind, kindNames())
		}
		c.typeName(path+".type", k.Type, info)
		names := []string{k.Type}
		if c.count(path+".aliases", len(k.Aliases), maxAliases) {
			for j, a := range k.Aliases {
				c.typeName(fmt.Sprintf("%s.aliases[%d]", path, j), a, info)
				names = append(names, a)
			}
		}
		if len(k.Versions) == 0 {
			c.add(path+".versions", "most have [v1]", "is missing")
		}
		c.names(path+".versions", k.Versions, maxVersions, versionPattern, "v1, v2, v3alpha1 or the like")
		c.names(path+".features", k.Features, maxFeatures, featurePattern, "capitals, digits and _, such as ETAG")
		if c.strict && known {
			for j, f := range k.Features {
				if !slices.Contains(info.features, f) && featurePattern.MatchString(f) {
					c.add(fmt.Sprintf("%s.features[%d]", path, j), suggest(f, info.features), "%s is not a feature of kind %s", f, k.Kind)
				}
			}
		}
		c.names(path+".operations", k.Operations, maxOperations, operationPattern, "a word, such as create")
		if known && k.Kind != "bindings.output" && len(k.Operations) > 0 {
			c.add(path+".operations", "", "belongs to kind bindings.output only")
		}
		if len(k.Versions) > maxVersions {
			continue
		}
		for _, n := range names {
			for j, v := range k.Versions {
				if slices.Contains(k.Versions[:j], v) {
					continue // said above
				}
				key := k.Kind + " " + n + " " + v
				if other, dup := taken[key]; dup {
					c.add(path, "", "names %q %q again: %s has it", clip(n), clip(v), other)
					continue
				}
				taken[key] = path
			}
		}
	}
}

func (c *checker) typeName(path, s string, k kindInfo) {
	switch {
	case s == "":
		c.add(path, "", "is missing")
	case len(s) > maxName:
		c.add(path, "", "is %d bytes long, the limit is %d", len(s), maxName)
	case k.name == "" && c.newer && namePattern.MatchString(s):
		// A kind of a later version: its prefix is not known here.
	case !typePattern.MatchString(s):
		c.add(path, "want lower-case letters, digits and single - or _ after the kind's prefix, such as state.acme-redis", "%q is not a type", clip(s))
	case k.name != "" && !strings.HasPrefix(s, k.prefix):
		c.add(path, "", "is %s, a type of kind %s starts with %s", s, k.name, k.prefix)
	}
}

// fields checks a list of metadata fields and returns their well-formed names and aliases.
func (c *checker) fields(path string, list []proto.MetadataField, isBinding bool) []string {
	if !c.count(path, len(list), maxMetadata) {
		return nil
	}
	var names []string
	taken := map[string]string{} // names in lower case, because Dapr reads them so
	for i := range list {
		f, at := &list[i], fmt.Sprintf("%s[%d]", path, i)
		if c.fieldName(at+".name", f.Name, taken) {
			names = append(names, f.Name)
		}
		if c.count(at+".aliases", len(f.Aliases), maxAliases) {
			for j, a := range f.Aliases {
				if c.fieldName(fmt.Sprintf("%s.aliases[%d]", at, j), a, taken) {
					names = append(names, a)
				}
			}
		}
		if f.Type == "" {
			c.add(at+".type", "want one of "+strings.Join(fieldTypes, ", "), "is missing")
		} else {
			c.word(at+".type", f.Type, fieldTypes)
		}
		c.text(at+".description", f.Description, maxText, true)
		c.text(at+".example", f.Example, maxValue, true)
		c.value(at+".default", f.Type, f.Default)
		if c.count(at+".allowedValues", len(f.AllowedValues), maxAllowedValues) {
			for j, v := range f.AllowedValues {
				c.value(fmt.Sprintf("%s.allowedValues[%d]", at, j), f.Type, v)
				if slices.Contains(f.AllowedValues[:j], v) {
					c.add(fmt.Sprintf("%s.allowedValues[%d]", at, j), "", "%q is listed twice", clip(v))
				}
			}
			if f.Default != "" && len(f.AllowedValues) > 0 && !slices.Contains(f.AllowedValues, f.Default) {
				c.add(at+".default", "", "%q is not one of the allowed values", clip(f.Default))
			}
		}
		if f.Binding != "" {
			c.word(at+".binding", f.Binding, directions)
			if !isBinding {
				c.add(at+".binding", "", "belongs to bindings only")
			}
		}
	}
	return names
}

func (c *checker) fieldName(path, s string, taken map[string]string) bool {
	if !c.name(path, s, fieldPattern, "letters, digits and . _ -, such as redisHost") {
		return false
	}
	low := strings.ToLower(s)
	if strings.HasPrefix(low, reservedPrefix) {
		c.add(path, "", "%q starts with %s: such keys are for the host and never reach a plugin", clip(s), reservedPrefix)
	}
	if other, dup := taken[low]; dup {
		c.add(path, "upper and lower case make no difference in metadata", "%q is taken: %s", clip(s), other)
		return false
	}
	taken[low] = path
	return true
}

// value checks a default or an allowed value against the field's type.
func (c *checker) value(path, typ, v string) {
	if v == "" {
		return
	}
	c.text(path, v, maxValue, typ == "string")
	if len(v) > maxValue || !slices.Contains(fieldTypes, typ) {
		return
	}
	if err := CheckValue(typ, v); err != nil {
		c.add(path, "", "%v", err)
	}
}

func (c *checker) capabilities(list []proto.Capability, fields []string) {
	if !c.count("capabilities", len(list), maxCapabilities) {
		return
	}
	known := map[string]bool{}
	for _, f := range fields {
		known[strings.ToLower(f)] = true
	}
	taken := map[string]bool{}
	for i := range list {
		k, path := &list[i], fmt.Sprintf("capabilities[%d]", i)
		c.name(path+".name", k.Name, capabilityPattern, "such as net.dial")
		switch {
		case k.Name == abi.CapServe:
			c.add(path+".name", "set concurrency.mode to serve", "%s comes with the mode and is not asked for", k.Name)
		case c.strict && capabilityPattern.MatchString(k.Name):
			c.word(path+".name", k.Name, capabilities)
		}
		if taken[k.Name] {
			c.add(path+".name", "", "%q is listed twice", clip(k.Name))
		}
		taken[k.Name] = true
		if k.Reason == "" {
			c.add(path+".reason", "the operator reads it before granting anything", "is missing")
		}
		c.text(path+".reason", k.Reason, maxLine, false)
		if !c.count(path+".hints", len(k.Hints), maxHints) {
			continue
		}
		for j, h := range k.Hints {
			at := fmt.Sprintf("%s.hints[%d]", path, j)
			c.text(at, h, maxLine, false)
			if h == "" {
				c.add(at, "", "is empty")
			}
			if len(h) > maxLine || c.full() {
				continue
			}
			for _, ref := range referencePattern.FindAllStringSubmatch(h, -1) {
				if !known[strings.ToLower(ref[1])] && !c.full() {
					c.add(at, suggest(ref[1], fields), "%q is not a metadata field of this manifest", clip(ref[1]))
				}
			}
			if rest := referencePattern.ReplaceAllString(h, ""); strings.ContainsAny(rest, "{}") {
				c.add(at, "write {field}", "%q has a brace without its partner", clip(h))
			}
		}
	}
}

func (c *checker) concurrency(m *proto.ConcurrencyModel) {
	if m == nil {
		return
	}
	if m.Mode < 0 || int(m.Mode) >= len(modes) {
		c.add("concurrency.mode", "", "%d is unknown: this host knows %s", m.Mode, strings.Join(modes, ", "))
	}
	if m.MaxInflight > maxInflight {
		c.add("concurrency.maxInflight", "", "is %d, the limit is %d", m.MaxInflight, maxInflight)
	}
	if m.MaxInstances > maxInstances {
		c.add("concurrency.maxInstances", "", "is %d, the limit is %d", m.MaxInstances, maxInstances)
	}
	if m.Mode == proto.ModeSerial && m.MaxInstances > 1 {
		c.add("concurrency.maxInstances", "", "is %d, but mode serial has exactly one instance", m.MaxInstances)
	}
}

func (c *checker) limits(m *proto.ResourceLimits) {
	if m == nil {
		return
	}
	if m.MinMemoryBytes > maxMemory {
		c.add("limits.minMemory", "", "is over %s, all that a module can address", formatMemory(maxMemory))
	}
	if m.SuggestedMemoryBytes > maxMemory {
		c.add("limits.suggestedMemory", "", "is over %s, all that a module can address", formatMemory(maxMemory))
	}
	if m.SuggestedMemoryBytes != 0 && m.SuggestedMemoryBytes < m.MinMemoryBytes {
		c.add("limits.suggestedMemory", "", "is %s, less than minMemory, %s", formatMemory(m.SuggestedMemoryBytes), formatMemory(m.MinMemoryBytes))
	}
}

// count reports whether n elements are few enough to look at.
func (c *checker) count(path string, n, limit int) bool {
	if n > limit {
		c.add(path, "", "has %d elements, the limit is %d", n, limit)
	}
	return n <= limit
}

// names checks a list of names, each of which may appear once.
func (c *checker) names(path string, list []string, limit int, pattern *regexp.Regexp, want string) {
	if !c.count(path, len(list), limit) {
		return
	}
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.name(at, s, pattern, want)
		if s != "" && slices.Contains(list[:i], s) {
			c.add(at, "", "%q is listed twice", clip(s))
		}
	}
}

// name checks one name that has to be there.
func (c *checker) name(path, s string, pattern *regexp.Regexp, want string) bool {
	switch {
	case s == "":
		c.add(path, "want "+want, "is missing")
	case len(s) > maxName:
		c.add(path, "", "is %d bytes long, the limit is %d", len(s), maxName)
	case !pattern.MatchString(s):
		c.add(path, "want "+want, "%q has the wrong form", clip(s))
	default:
		return true
	}
	return false
}

// word checks one word of a fixed list. A later minor version may have more.
func (c *checker) word(path, s string, list []string) {
	if slices.Contains(list, s) || c.newer && !c.strict && len(s) <= maxName && namePattern.MatchString(s) {
		return
	}
	if s == "" {
		c.add(path, "want one of "+strings.Join(list, ", "), "is missing")
		return
	}
	c.add(path, suggest(s, list), "%q is unknown", clip(s))
}

// text checks what people read. Control characters would reach a terminal, and
// bidirectional overrides would show another text than the one that is there.
func (c *checker) text(path, s string, limit int, lines bool) {
	if len(s) > limit {
		c.add(path, "", "is %d bytes long, the limit is %d", len(s), limit)
		return
	}
	if !utf8.ValidString(s) {
		c.add(path, "", "is not UTF-8")
		return
	}
	for _, r := range s {
		switch {
		case lines && (r == '\n' || r == '\t'):
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			if r == '\n' {
				c.add(path, "", "has more than one line")
			} else {
				c.add(path, "", "holds the control character %U", r)
			}
			return
		case unicode.Is(unicode.Bidi_Control, r):
			c.add(path, "", "holds the bidirectional control character %U", r)
			return
		}
	}
}

// suggest proposes the nearest word, or lists them when there are few.
func suggest(s string, list []string) string {
	if near, ok := nearest.To(s, list); ok {
		return "did you mean " + near + "?"
	}
	if n := len(list); n > 0 && n <= 16 {
		return "known: " + strings.Join(list, ", ")
	}
	return ""
}

// clip shortens a hostile text for a message.
func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
