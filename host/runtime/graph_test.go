package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/hosttest"
	"github.com/berth-run/berth/host/observability"
	"github.com/berth-run/berth/host/runtime"
	"github.com/berth-run/berth/plugins/catalog"
	"github.com/berth-run/berth/plugins/manifest"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

var testdata = func() string {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		panic(err)
	}
	return dir
}()

// hostile are modules of the hostile set that are packed as state.NAME.
var hostile = map[string]string{
	"fails": "init_fails", "traps": "init_traps", "loops": "init_loops", "incomplete": "export_missing",
}

// fixture is a graph over real plugins.
type fixture struct {
	*runtime.Graph
	log bytes.Buffer // to be read when nothing runs
}

// load makes a graph of the components.yaml of a golden case and loads it.
func load(t *testing.T, file string, change func(*runtime.Config)) (*fixture, error) {
	t.Helper()
	inMemory, err := hosttest.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	plugins := t.TempDir()
	for name, module := range hostile {
		wasm, err := os.ReadFile(filepath.Join(testdata, "../../../conformance/testdata/hostile", module+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := manifest.Embed(wasm, &proto.Manifest{
			ABI: "1.0", Name: name, Version: "1.0.0", Kinds: []proto.Kind{{Kind: "state", Type: "state." + name, Versions: []string{"v1"}}},
			Metadata: []proto.MetadataField{{Name: "level", Type: "number"}, {Name: "address", Type: "string", Required: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(plugins, name+".wasm"), packed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(testdata, file))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "components.yaml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // so that files have short names

	root := filepath.Dir(filepath.Dir(filepath.Dir(testdata)))
	eng, err := wazero.New(wazero.Options{CacheDir: filepath.Join(root, ".cache", "berth", "wazero")})
	if err != nil {
		t.Fatal(err)
	}
	f := new(fixture)
	cfg := runtime.Config{
		AppID: "orders", Paths: []string{"."},
		Catalog: catalog.Open(catalog.Options{Dirs: []string{plugins}, Embedded: os.DirFS(inMemory)}),
		Engine: func(name string) (engine.Engine, error) {
			if name != "" && name != "wazero" {
				return nil, errors.New("this build has no " + name)
			}
			return eng, nil
		},
		Log: slog.New(observability.NewHandler(observability.LogOptions{Writer: &f.log, Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	f.Graph = runtime.New(cfg)
	err = f.Load(t.Context())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(f.Close(ctx), eng.Close()); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return f, err
}

// Everything that is wrong is in one table, whatever it is.
func TestStartErrors(t *testing.T) {
	for _, name := range []string{"before-start", "at-start"} {
		t.Run(name, func(t *testing.T) {
			f, err := load(t, name+".yaml", func(c *runtime.Config) {
				// The name of the plugins' folder is another each time.
				c.Catalog = catalog.Open(catalog.Options{Embedded: os.DirFS(packed(t, c.Catalog))})
			})
			var start *runtime.StartError
			if !errors.As(err, &start) {
				t.Fatalf("got %v, want a StartError", err)
			}
			golden(t, name+".golden", err.Error()+"\n")
			for _, p := range f.Plugins() {
				if p.State == string(runtime.Ready) != (p.Component == "good" && name == "at-start") {
					t.Errorf("%s is %s", p.Component, p.State)
				}
				if p.State == string(runtime.Failed) && p.LastError == "" {
					t.Errorf("%s failed without a word", p.Component)
				}
			}
		})
	}
}

// packed copies a catalogue's plugins into one folder.
func packed(t *testing.T, c *catalog.Catalog) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range c.List() {
		wasm, err := p.Wasm()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.Manifest.Name+".wasm"), wasm, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What says ignoreErrors and fails is left out; the rest runs.
func TestIgnoreErrors(t *testing.T) {
	f, err := load(t, "ignore-errors.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, p := range f.Plugins() {
		states[p.Component] = p.State
	}
	want := map[string]string{"good": "ready", "absent": "failed", "unsupported": "failed", "traps": "failed"}
	if d := cmp.Diff(want, states); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	var listed []string
	for _, c := range f.Components() {
		listed = append(listed, c.Name)
	}
	if want := []string{"good"}; !slices.Equal(listed, want) {
		t.Errorf("components: got %v, want %v", listed, want)
	}
	if got := f.States().Names(); !slices.Equal(got, []string{"good"}) {
		t.Errorf("state stores: got %v, want [good]", got)
	}
	if got := f.Pending(); len(got) != 0 {
		t.Errorf("pending: got %v, want none", got)
	}
	for _, name := range []string{"absent", "unsupported", "traps"} {
		if !strings.Contains(f.log.String(), "resource=Component/"+name) {
			t.Errorf("the log does not say why %s is left out:\n%s", name, &f.log)
		}
	}
	if line := "Component loaded: good (state.in-memory/v1)"; !strings.Contains(f.log.String(), line) {
		t.Errorf("the log has no %q", line)
	}
}

// Strict mode makes errors of warnings, and so a start fail that would not.
func TestStrict(t *testing.T) {
	t.Run("lax", func(t *testing.T) {
		if _, err := load(t, "warnings.yaml", nil); err != nil {
			t.Errorf("got %v, want nil", err)
		}
	})
	t.Run("strict", func(t *testing.T) {
		_, err := load(t, "warnings.yaml", func(c *runtime.Config) { c.Strict = true })
		var start *runtime.StartError
		if !errors.As(err, &start) {
			t.Fatalf("got %v, want a StartError", err)
		}
		golden(t, "warnings.golden", err.Error()+"\n")
	})
}

// A grant that nothing honours yet must not look like one that is.
func TestInertKeys(t *testing.T) {
	f, err := load(t, "grants.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"wasm.allow.net", "wasm.allow.http", "wasm.allow.fs", "wasm.allow.env", "wasm.allow.secrets"} {
		if want := `level=warning msg="` + key + ` has no effect in this version" component=good`; !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &f.log)
		}
	}
}

func TestClose(t *testing.T) {
	f, err := load(t, "good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	store, ok := f.States().Get("good")
	if !ok {
		t.Fatal("there is no store")
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.States().Get("good"); ok {
		t.Error("a closed store is still found")
	}
	if _, err := store.Get(t.Context(), &proto.GetRequest{Key: "k"}); err == nil {
		t.Error("a closed store still answers")
	}
	if got := f.Plugins()[0].State; got != string(runtime.Closed) {
		t.Errorf("got the state %q, want closed", got)
	}
}

func TestCanceled(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	f, err := load(t, "good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Load(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}
