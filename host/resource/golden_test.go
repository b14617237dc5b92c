package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write what the golden cases produce into testdata")

// A golden case is a txtar file. The comment at its top holds directives, one a
// line, and text after "#"; then come the input files, and then, below "want/",
// what reading them gives.
type goldenCase struct {
	appID     string
	strict    bool
	allScopes bool
	env       map[string]string
	paths     []string // --resources-path; default resources when the case has one
	config    []string // --config, instead of resources
	secrets   map[string]string
	show      []string // problems parsed notes properties json
}

func readCase(t *testing.T, comment string) goldenCase {
	c := goldenCase{appID: "app1", env: map[string]string{}, show: []string{"problems", "parsed"}}
	for line := range strings.SplitSeq(comment, "\n") {
		line, _, _ = strings.Cut(line, "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "":
		case "app-id":
			c.appID = rest
		case "strict":
			c.strict = true
		case "all-scopes":
			c.allScopes = true
		case "env":
			k, v, _ := strings.Cut(rest, "=")
			c.env[k] = v
		case "path":
			c.paths = append(c.paths, rest)
		case "config":
			c.config = append(c.config, rest)
		case "secret": // STORE/NAME/KEY=VALUE
			k, v, _ := strings.Cut(rest, "=")
			if c.secrets == nil {
				c.secrets = map[string]string{}
			}
			c.secrets[k] = v
		case "show":
			c.show = strings.Fields(rest)
		default:
			t.Fatalf("unknown directive %q", word)
		}
	}
	if c.paths == nil {
		c.paths = []string{"resources"}
	}
	return c
}

// secretMap resolves secrets from a map of store/name/key.
type secretMap map[string]string

func (s secretMap) GetSecret(_ context.Context, store, name, _ string) (map[string]string, error) {
	out := map[string]string{}
	for k, v := range s {
		if key, ok := strings.CutPrefix(k, store+"/"+name+"/"); ok {
			out[key] = v
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the store has no such secret")
	}
	return out, nil
}

func (c goldenCase) lookup(name string) (string, bool) {
	v, ok := c.env[name]
	return v, ok
}

// run reads the case's files in the current folder and returns the sections asked for.
func (c goldenCase) run(t *testing.T) map[string]string {
	out := map[string]string{}
	var problems Problems
	if c.config != nil {
		conf, p := LoadConfiguration(ConfigOptions{Paths: c.config, Strict: c.strict, LookupEnv: c.lookup})
		problems = p
		out["parsed"] = dump(t, conf)
	} else {
		set, p := Load(Options{Paths: c.paths, AppID: c.appID, Strict: c.strict, AllScopes: c.allScopes, LookupEnv: c.lookup})
		problems = p
		out["parsed"] = dump(t, struct {
			Components []*Component `json:"components,omitempty"`
			Others     []*Raw       `json:"others,omitempty"`
		}{set.Components, set.Others})
		var notes strings.Builder
		for _, n := range set.Notes {
			notes.WriteString(Problem{File: n.File, Line: n.Line}.where() + ": " + n.Message + "\n")
		}
		out["notes"] = notes.String()
		var order []string
		properties := map[string]map[string]string{}
		r := Resolution{
			AppID: c.appID, Namespace: c.env["NAMESPACE"], PodName: c.env["POD_NAME"], LookupEnv: c.lookup,
			UUID: func() string { return "00000000-0000-4000-8000-000000000000" },
		}
		if c.secrets != nil {
			r.Secrets = secretMap(c.secrets)
		}
		if data, err := os.ReadFile("schema.json"); err == nil {
			r.Schema = &Schema{}
			if err := json.Unmarshal(data, r.Schema); err != nil {
				t.Fatalf("schema.json: %v", err)
			}
		}
		for _, comp := range InitOrder(set.Components) {
			order = append(order, comp.String())
			var later Problems
			if r.Schema != nil {
				later = append(later, comp.Check(*r.Schema)...)
			}
			if slices.Contains(c.show, "properties") {
				var more Problems
				properties[comp.Name], more = comp.Properties(t.Context(), r)
				later = append(later, more...)
				if r.Schema != nil {
					later = append(later, comp.CheckResolved(*r.Schema, properties[comp.Name])...)
				}
			}
			if c.strict {
				later = later.Strict()
			}
			problems = append(problems, later...)
		}
		problems = problems.Sort()
		out["order"] = strings.Join(order, "\n") + "\n"
		out["properties"] = dump(t, properties)
	}
	var text, list bytes.Buffer
	if err := problems.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := problems.WriteJSON(&list); err != nil {
		t.Fatal(err)
	}
	out["problems"], out["json"] = text.String(), list.String()
	for k := range out {
		if !slices.Contains(c.show, k) {
			delete(out, k)
		}
	}
	return out
}

func dump(t *testing.T, v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	files := goldenFiles(t)
	if len(files) < 40 {
		t.Fatalf("got %d golden cases, want at least 40", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive := unpack(t, file)
			c := readCase(t, archive.comment)
			got := c.run(t)
			want := map[string]string{}
			for _, f := range archive.files {
				if name, ok := strings.CutPrefix(f.name, "want/"); ok {
					want[name] = f.data
				}
			}
			if *update {
				rewrite(t, file, archive, c, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got; run with -update when this is right):\n%s", filepath.Base(file), diff)
			}
		})
	}
}

// goldenFiles returns absolute paths: the cases change the working folder.
func goldenFiles(t testing.TB) []string {
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if files[i], err = filepath.Abs(f); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// unpack writes a case's input files into a new folder and makes it the current
// one.
func unpack(t *testing.T, file string) *archive {
	a, err := readArchive(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, f := range a.files {
		if strings.HasPrefix(f.name, "want/") {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.name, []byte(f.data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func rewrite(t *testing.T, file string, a *archive, c goldenCase, got map[string]string) {
	a.files = slices.DeleteFunc(a.files, func(f archiveFile) bool { return strings.HasPrefix(f.name, "want/") })
	for _, name := range c.show {
		a.files = append(a.files, archiveFile{"want/" + name, got[name]})
	}
	if err := os.WriteFile(file, []byte(a.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestStrictImpliesLax holds the promise of the package comment: what strict mode
// accepts, lax mode accepts with the same values.
func TestStrictImpliesLax(t *testing.T) {
	for _, file := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			c := readCase(t, unpack(t, file).comment)
			c.show = []string{"parsed"}
			if c.config != nil {
				strictConf, strict := LoadConfiguration(ConfigOptions{Paths: c.config, Strict: true, LookupEnv: c.lookup})
				laxConf, lax := LoadConfiguration(ConfigOptions{Paths: c.config, LookupEnv: c.lookup})
				compareModes(t, strict, lax)
				if diff := cmp.Diff(dump(t, strictConf), dump(t, laxConf)); diff != "" {
					t.Errorf("configuration (-strict +lax):\n%s", diff)
				}
				return
			}
			o := Options{Paths: c.paths, AppID: c.appID, AllScopes: c.allScopes, LookupEnv: c.lookup}
			laxSet, lax := Load(o)
			o.Strict = true
			strictSet, strict := Load(o)
			compareModes(t, strict, lax)
			compareSets(t, strictSet, laxSet)
		})
	}
}

// compareModes checks that lax mode finds the same problems, none of them worse.
func compareModes(t rapid.TB, strict, lax Problems) {
	t.Helper()
	if len(strict) != len(lax) {
		t.Errorf("got %d problems in strict mode and %d in lax mode", len(strict), len(lax))
		return
	}
	for i := range lax {
		s, l := strict[i], lax[i]
		if l.Severity > s.Severity {
			t.Errorf("%s is worse in lax mode: %v", l.Code, l)
		}
		s.Severity = l.Severity
		if diff := cmp.Diff(s, l); diff != "" {
			t.Errorf("problem %d differs (-strict +lax):\n%s", i, diff)
		}
	}
}

// compareSets checks that everything of the strict set is in the lax one, equal.
func compareSets(t rapid.TB, strict, lax *Set) {
	t.Helper()
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var have []string
	for _, c := range lax.Components {
		have = append(have, text(c))
	}
	for _, r := range lax.Others {
		have = append(have, text(r))
	}
	for _, c := range strict.Components {
		if !slices.Contains(have, text(c)) {
			t.Errorf("strict mode has %s, lax mode has it not, or not equal", c)
		}
	}
	for _, r := range strict.Others {
		if !slices.Contains(have, text(r)) {
			t.Errorf("strict mode has %s/%s, lax mode has it not, or not equal", r.Kind, r.Name)
		}
	}
}
