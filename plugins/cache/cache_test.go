package cache

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t testing.TB, dir string) *Cache {
	t.Helper()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func put(t testing.TB, c *Cache, key, value string) {
	t.Helper()
	if err := c.Put(key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func wantEntry(t testing.TB, c *Cache, key, want string) {
	t.Helper()
	got, ok := c.Get(key)
	if !ok || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", key, got, ok, want)
	}
}

func wantNone(t testing.TB, c *Cache, key string) {
	t.Helper()
	if got, ok := c.Get(key); ok {
		t.Errorf("%s: got %q, want nothing", key, got)
	}
}

// file returns the path of a key's file.
func file(c *Cache, key string) string { return filepath.Join(c.Dir(), entryPath(key)) }

func TestPutGet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	c := open(t, dir)
	wantNone(t, c, "k")
	put(t, c, "k", "one")
	wantEntry(t, c, "k", "one")
	put(t, c, "k", "two")
	wantEntry(t, c, "k", "two")
	wantNone(t, c, "K")
	put(t, c, "", "of the empty key")
	wantEntry(t, c, "", "of the empty key")
	put(t, c, "empty", "")
	wantEntry(t, c, "empty", "")
	odd := "../../x\n\x00/" + strings.Repeat("long", 1000)
	put(t, c, odd, "odd")
	wantEntry(t, c, odd, "odd")
	wantEntry(t, open(t, dir), "k", "two") // another process

	if err := c.Remove("k"); err != nil {
		t.Error(err)
	}
	wantNone(t, c, "k")
	if err := c.Remove("k"); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}

	if err := filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && checksPermissions {
			t.Errorf("%s has mode %04o, want nothing for others", path, info.Mode().Perm())
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestDamage changes the file of an entry in every way a disk may: each counts
// as missing, and the next Put mends it.
func TestDamage(t *testing.T) {
	c := open(t, t.TempDir())
	value := strings.Repeat("value", 20)
	put(t, c, "k", value)
	put(t, c, "other", "other value")
	whole, err := os.ReadFile(file(c, "k"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(file(c, "other"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{
		"empty": nil, "zeros": make([]byte, len(whole)), "more": append(bytes.Clone(whole), 'x'),
		"of another key": other, "another format": []byte("berth-cache 2\n" + string(whole[len(magic):])),
	}
	for n := range whole {
		damaged[fmt.Sprintf("cut to %d", n)] = whole[:n]
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1
		damaged[fmt.Sprintf("bit flipped at %d", n)] = flipped
	}
	for name, b := range damaged {
		if err := os.WriteFile(file(c, "k"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Get("k"); ok {
			t.Errorf("%s: got %q, want nothing", name, got)
		}
		if _, err := os.Stat(file(c, "k")); err == nil {
			t.Errorf("%s: the file is still there", name)
		}
	}
	put(t, c, "k", value)
	wantEntry(t, c, "k", value)
}

func TestTrim(t *testing.T) {
	c := open(t, t.TempDir())
	if freed, err := c.Trim(0); freed != 0 || err != nil {
		t.Errorf("empty cache: got %d, %v", freed, err)
	}
	now := time.Now()
	var each int64
	for i := range 5 {
		key := fmt.Sprint(i)
		put(t, c, key, strings.Repeat("x", 1000))
		info, err := os.Stat(file(c, key))
		if err != nil {
			t.Fatal(err)
		}
		each = info.Size()
		used := now.Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(file(c, key), used, used); err != nil {
			t.Fatal(err)
		}
	}
	wantEntry(t, c, "0", strings.Repeat("x", 1000)) // the oldest, used now
	left := filepath.Join(filepath.Dir(file(c, "1")), temporary+"left")
	fresh := filepath.Join(filepath.Dir(file(c, "1")), temporary+"fresh")
	for path, age := range map[string]time.Duration{left: 2 * time.Hour, fresh: time.Minute} {
		if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if freed, err := c.Trim(3*each + each/2); err != nil || freed != 2*each+5 {
		t.Errorf("got %d bytes freed, %v, want %d: two entries and what a crash left", freed, err, 2*each+5)
	}
	wantNone(t, c, "1")
	wantNone(t, c, "2")
	for _, key := range []string{"0", "3", "4"} {
		wantEntry(t, c, key, strings.Repeat("x", 1000))
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("a file that somebody is writing was removed: %v", err)
	}
	if freed, err := c.Trim(1 << 40); freed != 0 || err != nil {
		t.Errorf("enough room: got %d, %v", freed, err)
	}
	if freed, err := c.Trim(0); err != nil || freed != 3*each {
		t.Errorf("no room: got %d, %v, want %d", freed, err, 3*each)
	}
	wantNone(t, c, "0")
}

// TestConcurrent has several caches over one folder, as processes have, write,
// read, damage and trim at once: whatever is read is whole.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{}
	for k := range 4 {
		for v := range 3 {
			values[fmt.Sprintf("%d/%d", k, v)] = strings.Repeat(fmt.Sprintf("%d/%d ", k, v), 5000)
		}
	}
	var wg sync.WaitGroup
	for w := range 4 {
		c := open(t, dir)
		wg.Go(func() {
			for i := range 60 {
				key := fmt.Sprint((w + i) % 4)
				switch i % 5 {
				case 0, 1:
					if err := c.Put(key, []byte(values[key+"/"+fmt.Sprint(i%3)])); err != nil {
						t.Error(err)
					}
				case 4:
					if _, err := c.Trim(100_000); err != nil {
						t.Error(err)
					}
				default:
					if b, ok := c.Get(key); ok {
						if name, _, _ := strings.Cut(string(b), " "); values[name] != string(b) || !strings.HasPrefix(name, key+"/") {
							t.Errorf("%s: got %d bytes that nobody put", key, len(b))
						}
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestOpenRefuses(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a file: got no error")
	}
	if _, err := Open(filepath.Join(path, "below")); err == nil {
		t.Error("below a file: got no error")
	}
}

// TestNoCache: a nil cache can be used, and holds nothing.
func TestNoCache(t *testing.T) {
	var c *Cache
	if err := c.Put("k", []byte("v")); err != nil {
		t.Error(err)
	}
	wantNone(t, c, "k")
	if err := c.Remove("k"); err != nil {
		t.Error(err)
	}
	if freed, err := c.Trim(0); freed != 0 || err != nil {
		t.Errorf("Trim: got %d, %v", freed, err)
	}
	if c.Dir() != "" || c.Close() != nil {
		t.Error("Dir or Close of no cache is something")
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
