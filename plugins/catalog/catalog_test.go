package catalog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/catalog"
	"github.com/berth-run/berth/plugins/pluginstest"
	"github.com/berth-run/berth/plugins/verify"
)

// plugin returns a packed module of that name and kinds.
func plugin(t testing.TB, name, kinds string) []byte {
	t.Helper()
	return pluginstest.Pack(t, fmt.Sprintf("name: %s\nversion: 1.0.0\nkinds: [%s]\n", name, kinds))
}

func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func sources(list []*catalog.Plugin) []string {
	var out []string
	for _, p := range list {
		out = append(out, filepath.Base(p.Source))
	}
	return out
}

func TestFind(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	write(t, first, "redis.wasm", plugin(t, "redis-mine", "{type: state.redis}"))
	write(t, first, "pg.wasm", plugin(t, "pg", "{type: state.postgresql, versions: [v1, v2], aliases: [state.postgres]}"))
	write(t, first, "yuga2.wasm", plugin(t, "yuga2", "{type: state.yugabyte, versions: [v2]}"))
	write(t, first, "yuga3.wasm", plugin(t, "yuga3", "{type: state.yugabyte, versions: [v3, v2alpha1]}"))
	write(t, first, "etcd2.wasm", plugin(t, "etcd2", "{type: state.etcd, versions: [v2]}"))
	write(t, first, "kafka.wasm", plugin(t, "kafka", "{kind: bindings.input, type: bindings.kafka}, {kind: bindings.output, type: bindings.kafka}, {type: pubsub.kafka}"))
	write(t, first, "notes.txt", []byte("not a plugin"))
	write(t, first, ".redis.wasm", plugin(t, "half-written", "{type: state.redis}"))
	if err := os.Mkdir(filepath.Join(first, "folder.wasm"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, second, "redis.wasm", plugin(t, "redis-other", "{type: state.redis}, {type: lock.redis}"))
	write(t, second, "etcd1.WASM", plugin(t, "etcd1", "{type: state.etcd, versions: [v0]}"))
	embedded := fstest.MapFS{
		"redis.wasm":  {Data: plugin(t, "redis-bundled", "{type: state.redis}, {type: configuration.redis}")},
		"memory.wasm": {Data: plugin(t, "memory", "{type: state.in-memory}")},
	}
	c := catalog.Open(catalog.Options{Dirs: []string{first, second, first}, Embedded: embedded})
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("got warnings %v, want none", w)
	}
	want := []string{"etcd2.wasm", "kafka.wasm", "pg.wasm", "redis.wasm", "yuga2.wasm", "yuga3.wasm", "etcd1.WASM", "redis.wasm", "embedded:memory.wasm", "embedded:redis.wasm"}
	if diff := cmp.Diff(want, sources(c.List())); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	for _, tc := range []struct{ typ, version, want string }{
		{"state.redis", "", "redis-mine"},
		{"state.redis", "v1", "redis-mine"},
		{"state.redis", "v0", "redis-mine"},
		{"State.Redis", "V1", "redis-mine"},
		{"lock.redis", "v1", "redis-other"},
		{"configuration.redis", "v1", "redis-bundled"},
		{"state.in-memory", "v1", "memory"},
		{"state.postgresql", "v2", "pg"},
		{"state.postgres", "", "pg"},
		{"bindings.kafka", "v1", "kafka"},
		{"pubsub.kafka", "", "kafka"},
		{"state.etcd", "", "etcd1"}, // the initial version, though in a later folder
		{"state.etcd", "v1", "etcd1"},
		{"state.etcd", "v2", "etcd2"},
		{"state.yugabyte", "", "yuga2"}, // the lowest, where there is no initial one
		{"state.yugabyte", "v2alpha1", "yuga3"},
	} {
		p, err := c.Find(catalog.Query{Type: tc.typ, Version: tc.version})
		if err != nil {
			t.Errorf("%s/%s: got %v, want %s", tc.typ, tc.version, err, tc.want)
		} else if p.Manifest.Name != tc.want {
			t.Errorf("%s/%s: got %s, want %s", tc.typ, tc.version, p.Manifest.Name, tc.want)
		}
	}
	for _, tc := range []struct {
		typ, version string
		code         plugins.Code
		want         string
	}{
		{"state.reddis", "v1", plugins.NotFound, "no plugin for state.reddis/v1 in " + first + ", " + second + ", embedded; did you mean state.redis?"},
		{"bindings.twilio", "", plugins.NotFound, "no plugin for bindings.twilio in "},
		{"state.redis", "v2", plugins.VersionMismatch, "there is version v1"},
		{"state.postgresql", "v3", plugins.VersionMismatch, "there is version v1, v2"},
		{"state.yugabyte", "v1", plugins.VersionMismatch, "there is version v2, v2alpha1, v3"},
	} {
		_, err := c.Find(catalog.Query{Type: tc.typ, Version: tc.version})
		if !plugins.Has(err, tc.code) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s/%s: got %v, want %s with %q", tc.typ, tc.version, err, tc.code, tc.want)
		}
	}
}

// TestBrokenFilesHideNothing: what can be read is found, and what cannot is
// told when it may have been the one.
func TestBrokenFilesHideNothing(t *testing.T) {
	dir := t.TempDir()
	good := plugin(t, "redis", "{type: state.redis}")
	write(t, dir, "redis.wasm", good)
	write(t, dir, "empty.wasm", nil)
	write(t, dir, "text.wasm", []byte("hello"))
	write(t, dir, "cut.wasm", good[:len(good)-5])
	write(t, dir, "plain.wasm", pluginstest.Minimal().Bytes())
	write(t, dir, "large.wasm", make([]byte, 5000))
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.wasm")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop.wasm", filepath.Join(dir, "loop.wasm")); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	c := catalog.Open(catalog.Options{Dirs: []string{missing, dir}, MaxSize: 4096})

	got := map[string]plugins.Code{}
	for _, w := range c.Warnings() {
		got[filepath.Base(w.Where)] = w.Code
	}
	want := map[string]plugins.Code{
		"missing": plugins.Unreadable, "empty.wasm": plugins.Empty, "text.wasm": plugins.NotWasm, "cut.wasm": plugins.Truncated,
		"plain.wasm": plugins.ManifestMissing, "large.wasm": plugins.TooLarge, "dangling.wasm": plugins.Unreadable, "loop.wasm": plugins.Unreadable,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if _, err := c.Find(catalog.Query{Type: "state.redis"}); err != nil {
		t.Errorf("the good one: got %v", err)
	}
	_, err := c.Find(catalog.Query{Type: "state.foo"})
	for _, part := range []string{"no plugin for state.foo", "not all there could be read", "cut.wasm: section at offset", "and 3 more"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want it to say %q", err, part)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want it to wrap the causes", err)
	}
}

// locked is a folder whose files cannot be opened.
type locked struct{ fs.FS }

func (l locked) Open(name string) (fs.File, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.FS.Open(name)
}

func (l locked) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

func TestUnreadableFile(t *testing.T) {
	c := catalog.Open(catalog.Options{Embedded: locked{fstest.MapFS{"a.wasm": {Data: plugin(t, "a", "{type: state.a}")}}}})
	_, err := c.Find(catalog.Query{Type: "state.a"})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "embedded:a.wasm: cannot be read: permission denied") {
		t.Errorf("got %v, want permission denied with the file's name", err)
	}
}

func TestSymlinkToPlugin(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	target := write(t, elsewhere, "build-7.bin", plugin(t, "a", "{type: state.a}"))
	if err := os.Symlink(target, filepath.Join(dir, "a.wasm")); err != nil {
		t.Fatal(err)
	}
	p, err := catalog.Open(catalog.Options{Dirs: []string{dir}}).Find(catalog.Query{Type: "state.a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wasm(); err != nil {
		t.Errorf("reading through the link: %v", err)
	}
}

func TestAmbiguous(t *testing.T) {
	dir := t.TempDir()
	one := plugin(t, "one", "{type: state.a}, {type: lock.a}")
	two := plugin(t, "two", "{type: state.b, aliases: [state.a], versions: [v0]}")
	write(t, dir, "one.wasm", one)
	write(t, dir, "two.wasm", two)
	c := catalog.Open(catalog.Options{Dirs: []string{dir}, Embedded: fstest.MapFS{"a.wasm": {Data: plugin(t, "three", "{type: state.a}")}}})
	if w := c.Warnings(); len(w) != 1 || w[0].Code != plugins.Ambiguous {
		t.Errorf("got warnings %v, want one %s", w, plugins.Ambiguous)
	}
	_, err := c.Find(catalog.Query{Type: "state.a", Version: "v1"})
	if !plugins.Has(err, plugins.Ambiguous) || !strings.Contains(err.Error(), "one.wasm (one 1.0.0)") || !strings.Contains(err.Error(), "two.wasm (two 1.0.0)") {
		t.Errorf("got %v, want %s with both files", err, plugins.Ambiguous)
	}
	for typ, want := range map[string]string{"lock.a": "one", "state.b": "two"} {
		if p, err := c.Find(catalog.Query{Type: typ}); err != nil || p.Manifest.Name != want {
			t.Errorf("%s: got %v, want %s", typ, err, want)
		}
	}
	// A pin says which.
	if p, err := c.Find(catalog.Query{Type: "state.a", Digest: verify.Digest(two)}); err != nil || p.Manifest.Name != "two" {
		t.Errorf("pinned: got %v, want two", err)
	}
}

func TestPinned(t *testing.T) {
	mine, bundled := plugin(t, "mine", "{type: state.a}"), plugin(t, "bundled", "{type: state.a}")
	dir := t.TempDir()
	path := write(t, dir, "mine.wasm", mine)
	c := catalog.Open(catalog.Options{Dirs: []string{dir}, Embedded: fstest.MapFS{"a.wasm": {Data: bundled}}})
	for _, tc := range []struct {
		name string
		q    catalog.Query
		want string
		code plugins.Code
	}{
		{"first folder", catalog.Query{Type: "state.a", Digest: verify.Digest(mine)}, "mine", ""},
		{"later folder", catalog.Query{Type: "state.a", Version: "v1", Digest: strings.ToUpper(verify.Digest(bundled))}, "bundled", ""},
		{"another digest", catalog.Query{Type: "state.a", Digest: verify.Digest(nil)}, "", plugins.DigestMismatch},
		{"no digest", catalog.Query{Type: "state.a", Digest: "latest"}, "", plugins.DigestInvalid},
		{"another type", catalog.Query{Type: "state.b", Digest: verify.Digest(mine)}, "", plugins.NotFound},
		{"another version", catalog.Query{Type: "state.a", Version: "v2", Digest: verify.Digest(mine)}, "", plugins.VersionMismatch},
		{"file", catalog.Query{Type: "state.a", URL: path, Digest: verify.Digest(mine)}, "mine", ""},
		{"file with another digest", catalog.Query{Type: "state.a", URL: path, Digest: verify.Digest(bundled)}, "", plugins.DigestMismatch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := c.Find(tc.q)
			if tc.code != "" {
				if !plugins.Has(err, tc.code) {
					t.Errorf("got %v, want %s", err, tc.code)
				}
				return
			}
			if err != nil || p.Manifest.Name != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "my plugin.bin", plugin(t, "a", "{type: state.a, versions: [v1, v2], aliases: [state.b]}"))
	write(t, dir, "broken.wasm", []byte("hello"))
	c := catalog.Open(catalog.Options{})
	for _, tc := range []struct {
		name string
		q    catalog.Query
		code plugins.Code
		want string
	}{
		{"path", catalog.Query{Type: "state.a", URL: path}, "", ""},
		{"relative path", catalog.Query{Type: "state.a", URL: "my plugin.bin", Dir: dir}, "", ""},
		{"file URL", catalog.Query{Type: "state.b", Version: "v2", URL: "file://" + strings.ReplaceAll(path, " ", "%20")}, "", ""},
		{"file URL of this host", catalog.Query{Type: "state.a", URL: "FILE://localhost" + path}, "", ""},
		{"relative file URL", catalog.Query{Type: "state.a", URL: "file:my plugin.bin", Dir: dir}, "", ""},
		{"any type", catalog.Query{URL: path}, "", ""},
		{"file URL of another host", catalog.Query{Type: "state.a", URL: "file://server/share/a.wasm"}, plugins.SourceInvalid, "names the host server"},
		{"bad escape", catalog.Query{Type: "state.a", URL: "file:///%zz"}, plugins.SourceInvalid, "invalid URL escape"},
		{"zero byte", catalog.Query{Type: "state.a", URL: "a\x00b"}, plugins.SourceInvalid, "zero byte"},
		{"registry", catalog.Query{Type: "state.a", URL: "oci://ghcr.io/acme/a:1"}, plugins.SourceUnsupported, "oci:// is not supported by this version yet"},
		{"web", catalog.Query{Type: "state.a", URL: "https://example.com/a.wasm"}, plugins.SourceUnsupported, "https:// is not supported by this version yet"},
		{"unknown scheme", catalog.Query{Type: "state.a", URL: "s3://bucket/a.wasm"}, plugins.SourceInvalid, "unknown scheme"},
		{"another type", catalog.Query{Type: "state.c", URL: path}, plugins.TypeMismatch, "is a plugin for state.a/v1, state.a/v2, state.b/v1, state.b/v2, the component asks for state.c"},
		{"another version", catalog.Query{Type: "state.a", Version: "v3", URL: path}, plugins.VersionMismatch, "the component asks for state.a/v3"},
		{"no such file", catalog.Query{Type: "state.a", URL: path + "x"}, plugins.Unreadable, "no such file"},
		{"folder", catalog.Query{Type: "state.a", URL: dir}, plugins.Unreadable, "is a folder"},
		{"no module", catalog.Query{Type: "state.a", URL: filepath.Join(dir, "broken.wasm")}, plugins.NotWasm, "broken.wasm: not a WebAssembly module"},
		{"nothing configured", catalog.Query{Type: "state.a"}, plugins.NotFound, "in no folder"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := c.Find(tc.q)
			if tc.code == "" {
				if err != nil || p.Manifest.Name != "a" {
					t.Errorf("got %v, want the plugin", err)
				}
				return
			}
			if !plugins.Has(err, tc.code) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s with %q", err, tc.code, tc.want)
			}
		})
	}
}

func TestWasm(t *testing.T) {
	dir := t.TempDir()
	good := plugin(t, "a", "{type: state.a}")
	path := write(t, dir, "a.wasm", good)
	find := func() *catalog.Plugin {
		t.Helper()
		p, err := catalog.Open(catalog.Options{Dirs: []string{dir}}).Find(catalog.Query{Type: "state.a"})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := find()
	if p.Source != path || p.Size != int64(len(good)) {
		t.Errorf("got %s of %d bytes, want %s of %d", p.Source, p.Size, path, len(good))
	}
	digest, err := p.Digest()
	if err != nil || digest != verify.Digest(good) {
		t.Errorf("Digest: got %s, %v, want %s", digest, err, verify.Digest(good))
	}
	wasm, err := p.Wasm()
	if err != nil || string(wasm) != string(good) {
		t.Errorf("Wasm: got %d bytes, %v, want %d", len(wasm), err, len(good))
	}
	// One byte of the code changed, after the digest was taken.
	flipped := append([]byte(nil), good...)
	flipped[len(pluginstest.Minimal().Bytes())-2] ^= 1
	for name, change := range map[string][]byte{
		"shorter": good[:len(good)-1], "longer": append(good[:len(good):len(good)], 0), "another plugin": plugin(t, "b", "{type: state.a}"),
		"flipped bit": flipped, "empty": nil,
	} {
		write(t, dir, "a.wasm", good)
		p := find()
		if _, err := p.Digest(); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "a.wasm", change)
		if _, err := p.Wasm(); !plugins.Has(err, plugins.Changed) {
			t.Errorf("%s: got %v, want %s", name, err, plugins.Changed)
		}
		if again, err := p.Digest(); err != nil || again != digest {
			t.Errorf("%s: Digest got %s, %v, want still %s", name, again, err, digest)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wasm(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestConcurrentUse(t *testing.T) {
	c := catalog.Open(catalog.Options{Embedded: fstest.MapFS{"a.wasm": {Data: plugin(t, "a", "{type: state.a}")}}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				p, err := c.Find(catalog.Query{Type: "state.a"})
				if err != nil {
					t.Error(err)
					return
				}
				wasm, err := p.Wasm()
				if err != nil {
					t.Error(err)
					return
				}
				if d, err := p.Digest(); err != nil || d != verify.Digest(wasm) {
					t.Errorf("got %s, %v, want %s", d, err, verify.Digest(wasm))
				}
			}
		})
	}
	wg.Wait()
}
