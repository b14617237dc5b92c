package manifest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

func compile(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := doc.(map[string]any)["$id"].(string)
	if id == "" {
		t.Fatal("the schema has no $id")
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks YAML against the schema, as an editor would.
func validate(t testing.TB, s *jsonschema.Schema, src string) error {
	t.Helper()
	var v any
	if err := yaml.Load([]byte(src), &v); err != nil {
		t.Fatalf("%v in:\n%s", err, src)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, src)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func fullSource(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const head = "name: a\nversion: 1.0.0\nkinds: [{type: state.a}]\n"

func TestSchemaAgrees(t *testing.T) {
	s := compile(t)
	for _, tc := range []struct {
		name, src      string
		schema, parser bool // whether each takes it
	}{
		{"full", fullSource(t), true, true},
		{"least", head, true, true},
		{"empty lists", head + "metadata: []\ncapabilities: []\nauthProfiles: []\n", true, true},
		{"empty concurrency and limits", head + "concurrency: {}\nlimits: {}\n", true, true},
		{"numbers where a value is free", head + "metadata: [{name: a, type: number, default: 1.5, example: 3, allowedValues: [1.5, 2]}]", true, true},
		{"memory as number", head + "limits: {minMemory: 65536}", true, true},

		{"nothing", "{}", false, false},
		{"no name", "version: 1.0.0\nkinds: [{type: state.a}]", false, false},
		{"name with capitals", "name: A\nversion: 1.0.0\nkinds: [{type: state.a}]", false, false},
		{"number for a name", "name: 1\nversion: 1.0.0\nkinds: [{type: state.a}]", false, false},
		{"no version", "name: a\nkinds: [{type: state.a}]", false, false},
		{"short version", "name: a\nversion: '1.0'\nkinds: [{type: state.a}]", false, false},
		{"version with leading zero", "name: a\nversion: 1.00.0\nkinds: [{type: state.a}]", false, false},
		{"no kinds", "name: a\nversion: 1.0.0", false, false},
		{"empty kinds", "name: a\nversion: 1.0.0\nkinds: []", false, false},
		{"unknown key", head + "title: x", false, false},
		{"empty text", head + "description: ''", false, false},
		{"null", head + "description:", false, false},
		{"abi as number", head + "abi: 1.0", false, false},
		{"abi of three parts", head + "abi: 1.0.0", false, false},
		{"unknown stability", head + "stability: great", false, false},
		{"homepage without host", head + "homepage: 'https:///x'", false, false},
		{"vendor of two lines", head + `vendor: "a\nb"`, false, false},
		{"unknown kind", "name: a\nversion: 1.0.0\nkinds: [{kind: actor, type: state.a}]", false, false},
		{"type without name", "name: a\nversion: 1.0.0\nkinds: [{kind: state, type: state}]", false, false},
		{"bindings without direction", "name: a\nversion: 1.0.0\nkinds: [{type: bindings.a}]", false, false},
		{"no versions", "name: a\nversion: 1.0.0\nkinds: [{type: state.a, versions: []}]", false, false},
		{"version twice", "name: a\nversion: 1.0.0\nkinds: [{type: state.a, versions: [v1, v1]}]", false, false},
		{"version without v", "name: a\nversion: 1.0.0\nkinds: [{type: state.a, versions: ['1']}]", false, false},
		{"unknown feature", "name: a\nversion: 1.0.0\nkinds: [{type: state.a, features: [FAST]}]", false, false},
		{"field without type", head + "metadata: [{name: a}]", false, false},
		{"field of unknown type", head + "metadata: [{name: a, type: text}]", false, false},
		{"field with blank", head + "metadata: [{name: a b, type: string}]", false, false},
		{"required as number", head + "metadata: [{name: a, type: string, required: 1}]", false, false},
		{"unknown direction", head + "metadata: [{name: a, type: string, binding: both}]", false, false},
		{"profile without title", head + "authProfiles: [{metadata: []}]", false, false},
		{"unknown capability", head + "capabilities: [{name: gpu, reason: x}]", false, false},
		{"capability without reason", head + "capabilities: [{name: fs}]", false, false},
		{"unknown mode", head + "concurrency: {mode: many}", false, false},
		{"no instances", head + "concurrency: {maxInstances: 0}", false, false},
		{"fraction of a call", head + "concurrency: {maxInflight: 1.5}", false, false},
		{"serial with two instances", head + "concurrency: {mode: serial, maxInstances: 2}", false, false},
		{"memory in megabytes", head + "limits: {minMemory: 16MB}", false, false},
		{"no memory", head + "limits: {minMemory: 0}", false, false},
		{"more memory than there is", head + "limits: {minMemory: 4294967297}", false, false},

		// Rules over several values are the parser's alone.
		{"type of another kind", "name: a\nversion: 1.0.0\nkinds: [{kind: state, type: lock.a}]", true, false},
		{"feature of another kind", "name: a\nversion: 1.0.0\nkinds: [{type: lock.a, features: [ETAG]}]", true, false},
		{"operations of a state store", "name: a\nversion: 1.0.0\nkinds: [{type: state.a, operations: [get]}]", true, false},
		{"field twice", head + "metadata: [{name: a, type: string}, {name: A, type: string}]", true, false},
		{"default of another type", head + "metadata: [{name: a, type: integer, default: x}]", true, false},
		{"default that is not allowed", head + "metadata: [{name: a, type: string, default: x, allowedValues: [y]}]", true, false},
		{"reserved field", head + "metadata: [{name: wasm.a, type: string}]", true, false},
		{"hint without field", head + "capabilities: [{name: fs, reason: x, hints: ['{dir}']}]", true, false},
		{"suggested under least memory", head + "limits: {minMemory: 2Mi, suggestedMemory: 1Mi}", true, false},
		{"later abi", head + "abi: '1.9'", true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := validate(t, s, tc.src); (err == nil) != tc.schema {
				t.Errorf("schema: got %v, want taken: %v", err, tc.schema)
			}
			if _, err := Parse("plugin.yaml", []byte(tc.src)); (err == nil) != tc.parser {
				t.Errorf("parser: got %v, want taken: %v", err, tc.parser)
			}
		})
	}
}

// TestSchemaNeverStricter changes a good plugin.yaml at random places: what the
// parser takes, the schema takes too.
func TestSchemaNeverStricter(t *testing.T) {
	s := compile(t)
	var good any
	if err := yaml.Load([]byte(fullSource(t)), &good); err != nil {
		t.Fatal(err)
	}
	pool := []any{nil, true, 0, 1, -1, 2.5, 1 << 33, "", "a", "v1", "v2", "state.b", "lock.b", "16Mi", "30s", "A b", "serial", "pool",
		"https://example.com", "\x01", "ETAG", "1.0", "1.0.0", []any{}, []any{"v1"}, []any{"a", "a"}, map[string]any{}, map[string]any{"name": "x", "type": "string"}}
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		doc := clone(good)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			mutate(t, doc, pool)
		}
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse("plugin.yaml", b); err != nil {
			refused++
			return
		}
		taken++
		if err := s.Validate(v); err != nil {
			t.Fatalf("the parser takes what the schema refuses: %v\n%s", err, b)
		}
	})
	if taken == 0 || refused == 0 {
		t.Errorf("got %d taken and %d refused, want some of both", taken, refused)
	}
}

// mutate changes one place of a tree of maps and lists.
func mutate(t *rapid.T, doc any, pool []any) {
	for {
		var set func(v any)
		var del func()
		var child any
		switch d := doc.(type) {
		case map[string]any:
			keys := slices.Sorted(maps.Keys(d))
			if len(keys) == 0 {
				return
			}
			k := rapid.SampledFrom(keys).Draw(t, "key")
			child, set, del = d[k], func(v any) { d[k] = v }, func() { delete(d, k) }
		case []any:
			if len(d) == 0 {
				return
			}
			i := rapid.IntRange(0, len(d)-1).Draw(t, "index")
			child, set, del = d[i], func(v any) { d[i] = v }, func() { d[i] = d[len(d)-1] }
		default:
			return
		}
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			set(clone(rapid.SampledFrom(pool).Draw(t, "value")))
			return
		case 1:
			del()
			return
		}
		if _, isMap := child.(map[string]any); !isMap {
			if _, isList := child.([]any); !isList {
				set(clone(rapid.SampledFrom(pool).Draw(t, "value")))
				return
			}
		}
		doc = child
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

// TestSchemaVocabulary compares words, patterns and bounds of the schema with
// those of the parser, place by place.
func TestSchemaVocabulary(t *testing.T) {
	var doc any
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	at := func(path string) any {
		v := doc
		for _, k := range strings.Split(path, "/") {
			switch c := v.(type) {
			case map[string]any:
				v = c[k]
			case []any:
				i, err := strconv.Atoi(k)
				if err != nil || i >= len(c) {
					t.Fatalf("%s: no element %s", path, k)
				}
				v = c[i]
			}
		}
		return v
	}
	words := func(list []string) []any {
		out := make([]any, len(list))
		for i, s := range list {
			out[i] = s
		}
		return out
	}
	var features []string
	for _, k := range kinds {
		features = append(features, k.features...)
	}
	for path, want := range map[string]any{
		"properties/abi/pattern":                                   abiPattern.String(),
		"properties/name/pattern":                                  namePattern.String(),
		"properties/name/maxLength":                                float64(maxName),
		"properties/version/pattern":                               semverPattern.String(),
		"properties/version/maxLength":                             float64(maxName),
		"properties/homepage/pattern":                              homepagePattern.String(),
		"properties/homepage/maxLength":                            float64(maxLine),
		"properties/stability/enum":                                words(stabilities),
		"properties/kinds/maxItems":                                float64(maxKinds),
		"properties/authProfiles/maxItems":                         float64(maxAuthProfiles),
		"properties/authProfiles/items/properties/title/maxLength": float64(maxName),
		"properties/capabilities/maxItems":                         float64(maxCapabilities),
		"properties/capabilities/items/properties/name/enum":       words(capabilities),
		"properties/capabilities/items/properties/hints/maxItems":  float64(maxHints),
		"properties/concurrency/properties/mode/enum":              words(modes),
		"properties/concurrency/properties/maxInflight/maximum":    float64(maxInflight),
		"properties/concurrency/properties/maxInstances/maximum":   float64(maxInstances),
		"definitions/line/maxLength":                               float64(maxLine),
		"definitions/text/maxLength":                               float64(maxText),
		"definitions/value/maxLength":                              float64(maxValue),
		"definitions/memory/oneOf/0/maximum":                       float64(maxMemory),
		"definitions/type/pattern":                                 typePattern.String(),
		"definitions/type/maxLength":                               float64(maxName),
		"definitions/types/maxItems":                               float64(maxAliases),
		"definitions/kind/properties/kind/enum":                    words(kindNames()),
		"definitions/kind/properties/versions/maxItems":            float64(maxVersions),
		"definitions/kind/properties/versions/items/pattern":       versionPattern.String(),
		"definitions/kind/properties/features/items/enum":          words(features),
		"definitions/kind/properties/operations/maxItems":          float64(maxOperations),
		"definitions/kind/properties/operations/items/pattern":     operationPattern.String(),
		"definitions/fields/maxItems":                              float64(maxMetadata),
		"definitions/field/properties/type/enum":                   words(fieldTypes),
		"definitions/field/properties/binding/enum":                words(directions),
		"definitions/field/properties/allowedValues/maxItems":      float64(maxAllowedValues),
		"definitions/field/properties/aliases/maxItems":            float64(maxAliases),
		"definitions/fieldName/pattern":                            fieldPattern.String(),
		"definitions/fieldName/maxLength":                          float64(maxName),
	} {
		if diff := cmp.Diff(want, at(path)); diff != "" {
			t.Errorf("%s (-parser +schema):\n%s", path, diff)
		}
	}
}
