package resource

import (
	"context"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parseOne(t *testing.T, metadata string) *Component {
	t.Helper()
	set, problems := Parse("x.yaml", []byte("apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a, namespace: prod}\n"+
		"spec: {type: state.x, metadata: ["+metadata+"]}\nauth: {secretStore: vault}\n"), Options{SecretStores: []string{"vault"}})
	if len(problems) > 0 || len(set.Components) != 1 {
		t.Fatalf("got %d components, %v", len(set.Components), problems.Strict().Err())
	}
	return set.Components[0]
}

// countingStore is a secret store that remembers what it was asked for.
type countingStore struct{ asked []string }

func (s *countingStore) GetSecret(ctx context.Context, store, name, namespace string) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.asked = append(s.asked, store+"/"+namespace+"/"+name)
	return map[string]string{"a": "1", "b": "{appID}{appID}", "empty": "", "quoted": `"x y"`}, nil
}

func TestPropertiesSecrets(t *testing.T) {
	c := parseOne(t, `{name: A, secretKeyRef: {name: s, key: a}}, {name: B, secretKeyRef: {name: s, key: b}},
		{name: E, secretKeyRef: {name: s, key: empty}}, {name: Q, secretKeyRef: {name: s, key: quoted}}`)
	store := &countingStore{}
	got, problems := c.Properties(t.Context(), Resolution{AppID: "{uuid}", Secrets: store})
	if len(problems) > 0 {
		t.Fatal(problems.Err())
	}
	// What a placeholder brings in is not taken for a placeholder again.
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "{uuid}{uuid}", "E": "", "Q": "x y"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"vault/prod/s"}, store.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestPropertiesCancelled(t *testing.T) {
	c := parseOne(t, "{name: A, secretKeyRef: {name: s}}")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, problems := c.Properties(ctx, Resolution{Secrets: &countingStore{}})
	if len(got) > 0 || len(problems) != 1 || problems[0].Code != CodeSecret {
		t.Errorf("got %v, %v, want one %s", got, problems, CodeSecret)
	}
	if _, problems := c.Properties(t.Context(), Resolution{}); len(problems) != 1 || problems[0].Code != CodeSecret {
		t.Errorf("without stores: got %v, want one %s", problems, CodeSecret)
	}
}

func TestPropertiesUUID(t *testing.T) {
	c := parseOne(t, `{name: id, value: "{uuid} {uuid}"}`)
	got, _ := c.Properties(t.Context(), Resolution{})
	m := regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}) (\S{36})$`).FindStringSubmatch(got["id"])
	if m == nil || m[1] == m[2] {
		t.Errorf("got %q, want two different version 4 UUIDs", got["id"])
	}
}

// With a schema, fields arrive under the names it lists.
func TestPropertiesSchema(t *testing.T) {
	s := &Schema{Fields: []Field{{Name: "connectionString", Aliases: []string{"url", "dsn"}}, {Name: "tableName"}}}
	for _, tt := range []struct {
		name, metadata string
		want           map[string]string
	}{
		{"other case", "{name: TABLENAME, value: x}, {name: Other, value: other}", map[string]string{"tableName": "x", "Other": "other"}},
		{"alias", "{name: DSN, value: x}", map[string]string{"connectionString": "x"}},
		{"first alias wins", "{name: dsn, value: x}, {name: url, value: other}", map[string]string{"connectionString": "other"}},
		{"name wins", "{name: url, value: x}, {name: connectionString, value: other}", map[string]string{"connectionString": "other"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := parseOne(t, tt.metadata).Properties(t.Context(), Resolution{Schema: s})
			if len(problems) > 0 {
				t.Fatal(problems.Err())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A resolved value is checked under whatever name it arrives.
func TestCheckResolvedNames(t *testing.T) {
	s := Schema{Fields: []Field{{Name: "port", Type: "integer", Aliases: []string{"redisPort"}}}}
	c := parseOne(t, "{name: REDISPORT, envRef: PORT}")
	env := func(string) (string, bool) { return "many", true }
	for name, schema := range map[string]*Schema{"as written": nil, "as the schema lists": &s} {
		t.Run(name, func(t *testing.T) {
			env := func(n string) (string, bool) {
				if n == envKeys {
					return "", false
				}
				return env(n)
			}
			properties, problems := c.Properties(t.Context(), Resolution{LookupEnv: env, Schema: schema})
			if len(problems) > 0 {
				t.Fatal(problems.Strict().Err())
			}
			got := c.CheckResolved(s, properties)
			if len(got) != 1 || got[0].Code != CodeWrongType {
				t.Errorf("got %v, want one %s", got, CodeWrongType)
			}
		})
	}
}
