package cache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnsureDir(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "a", "b")
	if err := EnsureDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := EnsureDir(dir); err != nil {
		t.Errorf("a folder that is there: %v", err)
	}
	path := filepath.Join(base, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{path, filepath.Join(path, "below")} {
		if EnsureDir(bad) == nil {
			t.Errorf("%s: got no error", bad)
		}
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv(DirEnv, "/somewhere")
	if got := DefaultDir(); got != "/somewhere" {
		t.Errorf("got %s, want what %s says", got, DirEnv)
	}
	t.Setenv(DirEnv, "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	t.Setenv("LocalAppData", "")
	if got := DefaultDir(); !strings.HasPrefix(got, os.TempDir()) {
		t.Errorf("without a home: got %s, want a folder in %s", got, os.TempDir())
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("LocalAppData", home)
	if got := DefaultDir(); !strings.HasPrefix(got, home) || filepath.Base(got) != "berth" {
		t.Errorf("with a home: got %s, want berth in a folder below %s", got, home)
	}
}
