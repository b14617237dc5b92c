package enginetest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/berth-run/berth/host/engine"
)

func (s *suite) testCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	// use compiles basic in an engine of its own and tries it.
	use := func(t *testing.T) engine.ModuleInfo {
		t.Helper()
		e := s.newEngine(t, dir)
		m, err := e.Compile(t.Context(), engine.Config{Name: "x", Wasm: module(t, "basic"), Functions: functions()})
		if err != nil {
			t.Fatal(err)
		}
		in, err := m.Instantiate(newCall(t.Context(), generous))
		if err != nil {
			t.Fatal(err)
		}
		want(t, in, 42, "started")
		want(t, in, 5, "add", 2, 3)
		want(t, in, 1, "count")
		want(t, in, 42, "indirect", 0)
		_, err = invoke(in, "unreachable")
		isTrap(t, err, "unreachable")
		for _, c := range []interface{ Close() error }{in, m, e} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		return m.Info()
	}
	files := func(t *testing.T) (list []string) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				list = append(list, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}

	if use(t).Cached {
		t.Error("the first compilation came from the cache")
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m := info.Mode().Perm(); m != 0o700 {
		t.Errorf("the cache folder has mode %o, want 700", m)
	}
	entries := files(t)
	if len(entries) == 0 {
		t.Fatal("nothing was kept")
	}
	if !use(t).Cached {
		t.Error("the second compilation did not come from the cache")
	}
	t.Run("another module is not mistaken for it", func(t *testing.T) {
		e := s.engineAt(t, dir)
		if compile(t, e, "loops").Info().Cached {
			t.Error("a module that was never compiled came from the cache")
		}
		want(t, instantiate(t, compile(t, e, "basic")), 5, "add", 2, 3)
	})
	for _, file := range entries {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range damagedFiles(good) {
			t.Run("damaged: "+bad.name, func(t *testing.T) {
				if err := os.WriteFile(file, bad.data, 0o600); err != nil {
					t.Fatal(err)
				}
				use(t)
				if !use(t).Cached {
					t.Error("the cache was not repaired")
				}
			})
		}
	}
	t.Run("unwritable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root writes everywhere")
		}
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o700)
		use(t)
	})
}

type damagedFile struct {
	name string
	data []byte
}

// damagedFiles returns variants of b: cut, overwritten, or with one byte changed.
func damagedFiles(b []byte) []damagedFile {
	list := []damagedFile{
		{"empty", nil}, {"cut in half", b[:len(b)/2]}, {"cut at the end", b[:len(b)-1]},
		{"zeroes", make([]byte, len(b))}, {"longer", append(bytes.Clone(b), 0)}, {"another text", []byte("not a cache entry\n")},
	}
	for _, at := range []int{0, 8, 20, 30, 40, len(b) / 3, len(b) / 2, len(b) - 1} {
		if at < len(b) {
			changed := bytes.Clone(b)
			changed[at] ^= 0x55
			list = append(list, damagedFile{fmt.Sprintf("byte %d of %d", at, len(b)), changed})
		}
	}
	return list
}
