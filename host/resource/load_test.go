package resource

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const minimal = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: NAME}\nspec: {type: state.in-memory, version: v1}\n"

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(components []*Component) []string {
	var out []string
	for _, c := range components {
		out = append(out, c.Name)
	}
	return out
}

// A folder holds links (as a mounted ConfigMap does), pipes and files that end in
// upper case.
func TestLoadSpecialFiles(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, elsewhere, "data", strings.ReplaceAll(minimal, "NAME", "linked"))
	write(t, dir, "upper.YAML", strings.ReplaceAll(minimal, "NAME", "upper"))
	write(t, dir, "windows.yml", strings.ReplaceAll("\ufeff"+strings.ReplaceAll(minimal, "NAME", "windows")+"---\n"+
		strings.ReplaceAll(minimal, "NAME", "windows2"), "\n", "\r\n"))
	for link, target := range map[string]string{"linked.yaml": filepath.Join(elsewhere, "data"), "folder.yaml": elsewhere, "gone.yaml": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	set, problems := Load(Options{Paths: []string{dir}})
	if diff := cmp.Diff([]string{"linked", "upper", "windows", "windows2"}, names(set.Components)); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	want := Problems{{File: filepath.Join(dir, "gone.yaml"), Severity: Error, Code: CodeRead, Message: "cannot read: no such file or directory"}}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Note{{File: filepath.Join(dir, "pipe.yaml"), Message: "not a regular file"}}, set.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestLoadBadCharacters(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		line       int
	}{
		{"not UTF-8", "a: 1\nb: \xff\n", 2},
		{"control character", "a: 1\nb: 2\nc: \x01\n", 3},
		{"second document", "a: 1\n---\nb: \x00\n", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("x.yaml", []byte(tt.text), Options{})
			if len(problems) != 1 || problems[0].Code != CodeSyntax || problems[0].Line != tt.line {
				t.Errorf("got %+v, want a syntax error in line %d", problems, tt.line)
			}
		})
	}
}

// Aliases can make a short file stand for a huge value.
func TestLoadAliasBomb(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	text := bomb.String() + strings.ReplaceAll(minimal, "NAME", "bomb") + "x: *a11\n"
	component := strings.Replace(text, "spec: {type: state.in-memory, version: v1}", "spec: {type: state.in-memory, metadata: [{name: x, value: *a11}]}", 1)
	var merges strings.Builder
	merges.WriteString("m0: &m0 {" + strings.TrimSuffix(strings.Repeat("k", 3), ", ") + ": 1}\n")
	for i := 1; i < 2000; i++ {
		fmt.Fprintf(&merges, "m%d: &m%d {<<: *m%d, k%d: 1}\n", i, i, i-1, i)
	}
	for _, tt := range []struct {
		name, text string
		want       Code
	}{
		{"in a value", component, CodeBadValue},
		{"in another kind", strings.Replace(text, "kind: Component", "kind: Resiliency", 1), CodeBadValue},
		{"merge keys", merges.String(), CodeSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, problems := Parse("x.yaml", []byte(tt.text), Options{})
			if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == tt.want }) {
				t.Errorf("got %v, want %s", problems.Err(), tt.want)
			}
			if len(set.Components)+len(set.Others) > 0 {
				t.Errorf("the resource was accepted")
			}
		})
	}
}

func TestSecretStoresOption(t *testing.T) {
	text := "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: state.x, metadata: [{name: p, secretKeyRef: {name: s}}]}\nauth: {secretStore: built-in}\n"
	for _, tt := range []struct {
		name   string
		stores []string
		want   int
	}{
		{"there", []string{"built-in"}, 0},
		{"not there", []string{"other"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("x.yaml", []byte(text), Options{SecretStores: tt.stores})
			if len(problems) != tt.want {
				t.Errorf("got %v, want %d problems", problems, tt.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string // line:text
	}{
		{"one", "a: 1\n", []string{"1:a: 1\n"}},
		{"empty", "", []string{"1:"}},
		{"marker first", "---\na: 1\n", []string{"1:---\na: 1\n"}},
		{"two", "a: 1\n---\nb: 2", []string{"1:a: 1\n", "2:---\nb: 2"}},
		{"comment and content on the marker", "a\n--- # c\nb\n--- c", []string{"1:a\n", "2:--- # c\nb\n", "4:--- c"}},
		{"ruler", "a\n-----\nb\n", []string{"1:a\n", "3:b\n"}},
		{"carriage returns", "a\r\n---\r\nb\r\n", []string{"1:a\r\n", "2:---\r\nb\r\n"}},
		{"indented", "a: |\n  ---\n  b\n", []string{"1:a: |\n  ---\n  b\n"}},
		{"directive", "%YAML 1.2\n# c\n---\na\n---\nb\n", []string{"1:%YAML 1.2\n# c\n---\na\n", "5:---\nb\n"}},
		{"comment only", "# c\n---\na\n", []string{"1:# c\n", "2:---\na\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range split([]byte(tt.in)) {
				got = append(got, fmt.Sprintf("%d:%s", d.line, d.text))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestInitOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "components")
		var all []*Component
		for i := range n {
			c := &Component{Name: fmt.Sprint(i), Type: "secretstores.x"}
			// Reading from a store of a smaller number makes no cycle.
			if i > 0 && rapid.Bool().Draw(t, "needs") {
				c.SecretStore = fmt.Sprint(rapid.IntRange(0, i-1).Draw(t, "store"))
				c.Metadata = []Item{{Name: "x", SecretKeyRef: &SecretKeyRef{Name: "s"}}}
			}
			all = append(all, c)
		}
		in := rapid.Permutation(all).Draw(t, "order")
		out := InitOrder(in)
		if len(out) != n {
			t.Fatalf("got %d components, want %d", len(out), n)
		}
		at := map[string]int{}
		for i, c := range out {
			at[c.Name] = i
		}
		for _, c := range out {
			if c.NeedsSecrets() && at[c.SecretStore] > at[c.Name] {
				t.Fatalf("%s comes before its store %s: %v", c.Name, c.SecretStore, names(out))
			}
		}
		if again := InitOrder(out); !slices.Equal(again, out) {
			t.Fatalf("ordered components are ordered again: %v, then %v", names(out), names(again))
		}
	})
}

// A cycle is reported by Load; InitOrder must still end.
func TestInitOrderCycle(t *testing.T) {
	item := []Item{{Name: "x", SecretKeyRef: &SecretKeyRef{Name: "s"}}}
	a := &Component{Name: "a", Type: "secretstores.x", SecretStore: "b", Metadata: item}
	b := &Component{Name: "b", Type: "secretstores.x", SecretStore: "a", Metadata: item}
	if got := names(InitOrder([]*Component{a, b})); len(got) != 2 {
		t.Errorf("got %v, want both", got)
	}
}

// The decoder sets fields by reflection: each needs a tag and a type it knows.
func TestDecodableTypes(t *testing.T) {
	self := reflect.TypeFor[selfDecoder]()
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		if reflect.PointerTo(typ).Implements(self) {
			return
		}
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem(), path)
		case reflect.Map:
			if typ.Key().Kind() != reflect.String {
				t.Errorf("%s: keys of type %s", path, typ.Key())
			}
			walk(typ.Elem(), path)
		case reflect.Struct:
			seen := map[string]bool{}
			for i, name := range fieldNames(typ) {
				f := typ.Field(i)
				if name == "" || !f.IsExported() {
					t.Errorf("%s.%s has no key", path, f.Name)
				}
				if seen[strings.ToLower(name)] {
					t.Errorf("%s: key %s twice", path, name)
				}
				seen[strings.ToLower(name)] = true
				walk(f.Type, path+"."+f.Name)
			}
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Interface:
		default:
			t.Errorf("%s: the decoder does not know %s", path, typ)
		}
	}
	for _, v := range []any{componentDoc{}, itemDoc{}, rawDoc{}, configurationDoc{}} {
		walk(reflect.TypeOf(v), reflect.TypeOf(v).Name())
	}
}

func TestCodes(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range Codes() {
		if seen[c.Code] || !strings.HasPrefix(string(c.Code), "BERTH_RES_") || c.Meaning == "" || c.Strict < c.Severity {
			t.Errorf("bad entry %+v", c)
		}
		seen[c.Code] = true
	}
	// The constants are declared in code.go; each has an entry.
	src, err := os.ReadFile("code.go")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(src, []byte("// CodeInfo"))
	if got := bytes.Count(head, []byte(`Code = "`)); got != len(seen) {
		t.Errorf("got %d constants and %d entries", got, len(seen))
	}
}

func TestProblems(t *testing.T) {
	e := Problem{File: "b", Line: 1, Severity: Error, Code: CodeBadValue, Message: "m"}
	i := Problem{File: "a", Line: 9, Severity: Error, Code: CodeBadValue, Message: "m", Ignorable: true}
	w := Problem{File: "a", Line: 10, Severity: Warning, Code: CodeUnknownKey, Message: "m"}
	p := Problems{e, w, i, e}
	if diff := cmp.Diff(Problems{i, w, e}, p.Sort()); diff != "" {
		t.Errorf("Sort (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Problems{e, i, e}, p.Errors()); diff != "" {
		t.Errorf("Errors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Problems{e, e}, p.Fatal()); diff != "" {
		t.Errorf("Fatal (-want +got):\n%s", diff)
	}
	if got := len(p.Strict().Errors()); got != 4 {
		t.Errorf("got %d errors in strict mode, want 4", got)
	}
	if err := (Problems{w}).Err(); err != nil {
		t.Errorf("got %v for a warning, want nil", err)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "b:1") || strings.Contains(err.Error(), "a:10") {
		t.Errorf("got %v, want the table of the errors", err)
	}
	foreign := Problems{{Severity: Warning, Code: "BERTH_OTHER"}}
	if diff := cmp.Diff(foreign, foreign.Strict()); diff != "" {
		t.Errorf("Strict changes the problem of another package (-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if err := Problems(nil).WriteText(&b); err != nil || b.Len() > 0 {
		t.Errorf("got %q, %v for no problems", b.String(), err)
	}
	if err := Problems(nil).WriteJSON(&b); err != nil || b.String() != "[]\n" {
		t.Errorf("got %q, %v for no problems", b.String(), err)
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"redisHost", "redisPassword", "redisDB", "value", "db"}
	for in, want := range map[string]string{
		"redishost": "redisHost", "rdeisHost": "redisHost", "redisPasword": "redisPassword", "vaule": "value",
		"bd": "db", "x": "", "": "", "somethingElse": "", strings.Repeat("redisHost", 20): "",
	} {
		if got := nearest(in, candidates); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestEnvAllowed(t *testing.T) {
	for _, tt := range []struct {
		name, list string
		want       bool
	}{
		{"HOME", "", true}, {"", "", false}, {"DAPR_API_TOKEN", "", false}, {"dapr_x", "", false}, {"APP_API_TOKEN", "", false},
		{"A B", "", false}, {"DAPR", "", true},
		{"KEY", "KEY OTHER", true}, {"key", "KEY OTHER", true}, {"KE", "KEY OTHER", false}, {"THER", "KEY OTHER", false},
		{"DAPR_X", "DAPR_X", false},
	} {
		t.Run(tt.name+" of "+tt.list, func(t *testing.T) {
			lookup := func(name string) (string, bool) { return tt.list, name == envKeys }
			if got := EnvAllowed(tt.name, lookup); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
