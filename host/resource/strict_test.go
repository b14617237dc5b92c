package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzParse reads any bytes as resources and as a configuration, in both modes,
// and does with the outcome what a sidecar does.
func FuzzParse(f *testing.F) {
	for _, file := range goldenFiles(f) {
		a, err := readArchive(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, in := range a.files {
			if strings.HasSuffix(in.name, ".yaml") && !strings.HasPrefix(in.name, "want/") {
				f.Add([]byte(in.data))
			}
		}
	}
	f.Add([]byte("a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]"))
	f.Add([]byte("\ufeffkind: Component\r\napiVersion: dapr.io/v1alpha1\r\n---\r\nkind: x\r\n"))
	f.Add([]byte("a: \x00"))
	f.Add([]byte("apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  \r\r\r\r\r f"))
	f.Add([]byte(strings.Repeat("[", 200)))
	f.Fuzz(func(t *testing.T, data []byte) { checkDocument(t, data) })
}

var fuzzSchema = Schema{Fields: []Field{
	{Name: "redisHost", Required: true, Aliases: []string{"host"}},
	{Name: "redisPassword", Sensitive: true},
	{Name: "db", Type: "integer"}, {Name: "ratio", Type: "number"}, {Name: "enableTLS", Type: "bool"},
	{Name: "timeout", Type: "duration"}, {Name: "maxSize", Type: "bytesize"},
	{Name: "mode", AllowedValues: []string{"a", "b"}},
}}

// checkDocument holds every promise that is independent of what a document says.
func checkDocument(t rapid.TB, data []byte) {
	t.Helper()
	env := func(name string) (string, bool) { return "x", name != "UNSET" }
	o := Options{AppID: "app1", LookupEnv: env}
	laxSet, lax := Parse("x.yaml", data, o)
	o.Strict = true
	strictSet, strict := Parse("x.yaml", data, o)
	compareModes(t, strict, lax)
	compareSets(t, strictSet, laxSet)
	lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 2 // YAML counts both (YAML 1.2, 5.4)
	all := slices.Clone(lax)
	for _, c := range InitOrder(laxSet.Components) {
		if c.Name == "" || c.Kind() == "" {
			t.Errorf("component without name or kind: %+v", c)
		}
		for _, m := range c.Metadata {
			if strings.HasPrefix(strings.ToLower(m.Name), "wasm.") {
				t.Errorf("%s: %q would reach the guest", c, m.Name)
			}
		}
		all = append(all, c.Check(fuzzSchema)...)
		properties, problems := c.Properties(context.Background(), Resolution{
			AppID: "app1", LookupEnv: env, Secrets: secretMap{}, Schema: &fuzzSchema})
		all = append(all, problems...)
		all = append(all, c.CheckResolved(fuzzSchema, properties)...)
	}
	for _, r := range laxSet.Others {
		if !json.Valid(r.Body) {
			t.Errorf("%s/%s: body is not JSON", r.Kind, r.Name)
		}
	}
	laxConf, lax := ParseConfiguration("x.yaml", data, ConfigOptions{LookupEnv: env})
	strictConf, strict := ParseConfiguration("x.yaml", data, ConfigOptions{LookupEnv: env, Strict: true})
	compareModes(t, strict, lax)
	if a, b := marshal(t, laxConf), marshal(t, strictConf); a != b {
		t.Errorf("strict mode changes the configuration:\n%s\n%s", a, b)
	}
	checkTable(t, all, lines)
	checkTable(t, lax, 0) // expanding variables may add lines
}

func marshal(t rapid.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkTable checks that problems are well formed and print on one line each.
func checkTable(t rapid.TB, problems Problems, lines int) {
	t.Helper()
	var text, list bytes.Buffer
	if err := problems.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := problems.WriteJSON(&list); err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, p := range problems {
		want++
		if p.Hint != "" {
			want++
		}
		if p.File == "" || p.Message == "" || p.Line < 0 || p.Column < 0 || lines > 0 && p.Line > lines {
			t.Errorf("malformed problem %+v", p)
		}
		if p.Severity != p.Code.severity(false) {
			t.Errorf("%s has severity %v in lax mode", p.Code, p.Severity)
		}
	}
	if len(problems) > 0 {
		want += 2 // header and count
	}
	if got := strings.Count(text.String(), "\n"); got != want {
		t.Errorf("got %d lines of text, want %d:\n%s", got, want, text.String())
	}
	if i := strings.IndexFunc(text.String(), func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }); i >= 0 {
		t.Errorf("control character in %q", text.String())
	}
}

// TestAnyComponent makes documents of the shape of components, with mistakes in
// them, and holds the promises.
func TestAnyComponent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		for i := range rapid.IntRange(1, 3).Draw(rt, "documents") {
			if i > 0 {
				b.WriteString("---\n")
			}
			writeComponent(rt, &b)
		}
		rt.Logf("document:\n%s", b.String())
		checkDocument(rt, []byte(b.String()))
	})
}

func writeComponent(t *rapid.T, b *strings.Builder) {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	value := func() string {
		return pick("value", "x", `""`, "5", "1.5", "yes", "ja", "30s", "10Mi", "[a, b]", "{a: b}", "null",
			`"{uuid}"`, `"{podName}"`, "localhost:6379", ".nan", "1..8", "redis:6379", "|\n    text")
	}
	b.WriteString(pick("apiVersion", "apiVersion", "apiversion", "apiVersio") + ": " + pick("group", "dapr.io/v1alpha1", "dapr.io/v1") + "\n")
	b.WriteString("kind: " + pick("kind", "Component", "Component", "Component", "Subscription", "component") + "\n")
	b.WriteString("metadata: {name: " + pick("name", "a", "b", "vault", `""`, "a/b", "[x]") + "}\n")
	b.WriteString("spec:\n  type: " + pick("type", "state.redis", "secretstores.local.env", "redis", "5") + "\n")
	if rapid.Bool().Draw(t, "timeout") {
		b.WriteString("  initTimeout: " + value() + "\n")
	}
	if rapid.Bool().Draw(t, "ignore") {
		b.WriteString("  " + pick("ignoreErrors", "ignoreErrors", "ignoreError") + ": " + pick("bool", "true", "off", "maybe") + "\n")
	}
	b.WriteString("  metadata:\n")
	for range rapid.IntRange(0, 4).Draw(t, "items") {
		b.WriteString("  - name: " + pick("item", "redisHost", "redishost", "host", "db", "ratio", "enableTLS", "timeout", "maxSize",
			"mode", "keyPrefix", "primaryEncryptionKey", "wasm.memory", "wasm.memroy", "wasm.allow.net", "other") + "\n")
		switch pick("source", "value", "value", "value", "secret", "env", "none") {
		case "value":
			b.WriteString("    " + pick("key", "value", "value", "value", "vaule") + ": " + value() + "\n")
		case "secret":
			b.WriteString("    secretKeyRef: {name: " + pick("secret", "s", "", "[]") + "}\n")
		case "env":
			b.WriteString("    envRef: " + pick("variable", "X", "UNSET", "DAPR_X") + "\n")
		}
	}
	if rapid.Bool().Draw(t, "auth") {
		b.WriteString("auth: {secretStore: " + pick("store", "vault", "vualt", "a") + "}\n")
	}
	if rapid.Bool().Draw(t, "scoped") {
		b.WriteString("scopes: " + pick("scopes", "[app1]", "[app2]", "app1", "[]") + "\n")
	}
}

// TestValuesAreNotShown puts a canary wherever a secret may stand and looks for it
// in the problems.
func TestValuesAreNotShown(t *testing.T) {
	const canary = "c4n4ry"
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom([]string{
			"- {name: redisPassword, value: CANARY}",
			"- {name: redispasswrod, value: CANARY}",
			"- {name: redisPassword, vaule: CANARY}",
			"- {name: redisPassword, secretKeyRef: CANARY}",
			"- {name: redisPassword, secretKeyRef: [CANARY]}",
			"- {name: redisPassword, secretKeyRef: {name: {x: CANARY}}}",
			"- {name: redisPassword, envRef: [CANARY]}",
			"- {name: db, secretKeyRef: {name: s}}",
			"- {name: mode, envRef: X}",
			"- {name: pin, value: CANARY}",
			"- {name: primaryEncryptionKey, value: CANARY}",
			"- {name: wasm.url, value: \"https://u:CANARY@example.com/x.wasm\"}",
			"- {name: wasm.allow.http, value: \"https://u:CANARY@example.com/*\"}",
			"- [CANARY]",
			"- CANARY",
			"CANARY",
			"{redisPassword: CANARY}",
			"- {name: redisPassword, value: \"CANARY\\q\"}",
			"- {name: redisPassword, value: !!int CANARY}",
		}).Draw(t, "place")
		strict := rapid.Bool().Draw(t, "strict")
		text := "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n  type: state.redis\n  metadata:\n  " +
			strings.ReplaceAll(place, "CANARY", canary) + "\nauth: {secretStore: vault}\n" +
			"---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.local.env}\n"
		schema := Schema{Fields: []Field{
			{Name: "redisPassword", Sensitive: true, Type: "integer", AllowedValues: []string{"1"}},
			{Name: "pin", Sensitive: true, AllowedValues: []string{"c4n4r"}},
			{Name: "db", Type: "integer"}, {Name: "mode", AllowedValues: []string{"c4n4r"}},
		}}
		env := func(name string) (string, bool) { return canary, name == "X" }
		set, problems := Parse("x.yaml", []byte(text), Options{Strict: strict, LookupEnv: env})
		for _, c := range set.Components {
			problems = append(problems, c.Check(schema)...)
			properties, more := c.Properties(t.Context(), Resolution{
				LookupEnv: env, Secrets: secretMap{"vault/s/s": canary}, Schema: &schema})
			problems = append(append(problems, more...), c.CheckResolved(schema, properties)...)
		}
		if len(problems) == 0 {
			t.Fatalf("no problem in\n%s", text)
		}
		var out bytes.Buffer
		if err := problems.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), canary) {
			t.Fatalf("the value is shown:\n%s\nof\n%s", out.String(), text)
		}
	})
}

// TestGoldenShowsNothing looks for the word that stands for secrets in the golden cases.
func TestGoldenShowsNothing(t *testing.T) {
	found := 0
	for _, file := range goldenFiles(t) {
		a, err := readArchive(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(a.comment, "do-not-show") {
			found++
		}
		for _, f := range a.files {
			if (f.name == "want/problems" || f.name == "want/json" || f.name == "want/notes") && strings.Contains(f.data, "do-not-show") {
				t.Errorf("%s: %s shows a secret", filepath.Base(file), f.name)
			}
		}
	}
	if found == 0 {
		t.Error("no golden case has a secret")
	}
}

func TestSandboxDocs(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSandboxDocs(&b); err != nil {
		t.Fatal(err)
	}
	const path = "SANDBOX.md"
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s is not current: run with -update; got\n%s", path, b.String())
	}
}
