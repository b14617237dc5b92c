//go:build unix

package cache

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOthersMayNotWrite(t *testing.T) {
	for _, mode := range []fs.FileMode{0o777, 0o770, 0o702, 0o720, fs.ModeSticky | 0o777} {
		dir := filepath.Join(t.TempDir(), "cache")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := EnsureDir(dir); err == nil || !strings.Contains(err.Error(), "can be written by others") || !strings.Contains(err.Error(), DirEnv) {
			t.Errorf("mode %04o: got %v, want a refusal that names %s", mode, err, DirEnv)
		}
	}
	for _, mode := range []fs.FileMode{0o700, 0o755, 0o750} {
		dir := filepath.Join(t.TempDir(), "cache")
		if err := os.Mkdir(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := EnsureDir(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// stranger is a file that belongs to somebody else.
type stranger struct{ fs.FileInfo }

func (s stranger) Sys() any {
	st := *s.FileInfo.Sys().(*syscall.Stat_t)
	st.Uid++
	return &st
}

func TestFolderOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(dir, stranger{info}); err == nil || !strings.Contains(err.Error(), "belongs to user") {
		t.Errorf("got %v, want a refusal", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("the rest gives a folder away, which only root may")
	}
	given := filepath.Join(dir, "given")
	if err := os.Mkdir(given, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(given, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := EnsureDir(given); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("given away: got %v, want a refusal", err)
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	if err := EnsureDir(link); err != nil {
		t.Errorf("%s: %v", link, err)
	}
	if err := os.Lchown(link, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := EnsureDir(link); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("link of somebody else: got %v, want a refusal", err)
	}
}
