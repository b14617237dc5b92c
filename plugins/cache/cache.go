// Package cache keeps what was derived from a plugin at some cost, such as a
// rewritten module, in a folder, so that the next start need not derive it
// again. Losing it costs time and nothing else.
//
//	c, err := cache.Open(cache.DefaultDir())
//	b, ok := c.Get("meter/2/" + digest)
//	if !ok {
//		b = derive()
//		err = c.Put("meter/2/"+digest, b)
//	}
//
// A key names everything that the value depends on: the module's digest, and
// the version of what derives.
//
// What is in the folder is trusted as much as the host itself: it becomes code.
// So the folder is the user's own, nobody else may write into it, and Open
// refuses any other. Entries carry a digest, so that a file which was cut or
// changed by a disk counts as missing; that is no protection against somebody
// who may write there. Several processes may use one folder at once.
package cache

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cache is an opened folder. It is safe for concurrent use. A nil *Cache holds
// nothing and takes nothing, so that a host without one needs no other code.
//
// It holds the folder open: whoever may rename a folder above it cannot put
// another one in its place.
type Cache struct {
	dir  string
	root *os.Root
}

// DirEnv is the environment variable that names the folder.
const DirEnv = "BERTH_CACHE_DIR"

// DefaultDir is $BERTH_CACHE_DIR, or else berth in the user's cache folder, or
// else, for a user without one, a folder in the temporary folder.
func DefaultDir() string {
	if dir := os.Getenv(DirEnv); dir != "" {
		return dir
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "berth")
	}
	return filepath.Join(os.TempDir(), "berth-"+strconv.Itoa(os.Getuid()))
}

// Open makes sure that the folder exists and that it is safe to use.
func Open(dir string) (*Cache, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	if err := EnsureDir(abs); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	info, err := root.Stat(".")
	if err == nil {
		err = check(abs, info)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Cache{dir: abs, root: root}, nil
}

// Close lets go of the folder. Nothing is called after it.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	return c.root.Close()
}

// EnsureDir makes the folder, for this user only, or checks that the one there
// is this user's and that nobody else can write into it. An engine that keeps
// compiled code in a folder of its own asks for it here.
func EnsureDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	link, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	if link.Mode()&fs.ModeSymlink != 0 {
		// Who owns the link says where it points to.
		if err := owned(dir, link); err != nil {
			return err
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	return check(dir, info)
}

// check refuses a folder that somebody else may have written into.
func check(dir string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("cache folder %s is not a folder; set %s to another", dir, DirEnv)
	}
	if err := owned(dir, info); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 && checksPermissions {
		return fmt.Errorf("cache folder %s can be written by others (mode %04o), and what is in it becomes code; run chmod go-w, or set %s to another", dir, perm, DirEnv)
	}
	return nil
}

// Dir returns the folder's path, "" for a nil Cache.
func (c *Cache) Dir() string {
	if c == nil {
		return ""
	}
	return c.dir
}

// An entry's file is a line of magic, a line with the digest of everything
// behind it, a line with the quoted key, and the value.
const magic = "berth-cache 1\n"

// Get returns the value of a key. A file that is not what Put wrote counts as
// missing, and is removed.
func (c *Cache) Get(key string) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	path := entryPath(key)
	b, err := c.root.ReadFile(path)
	if err != nil {
		return nil, false
	}
	value, ok := decode(key, b)
	if !ok {
		c.root.Remove(path) // for the next Put; if that fails, every Get looks again
		return nil, false
	}
	now := time.Now()
	c.root.Chtimes(path, now, now) // Trim keeps what was used lately; if that fails, it keeps what was written lately
	return value, true
}

// Put stores a value. It becomes visible as a whole or not at all.
func (c *Cache) Put(key string, value []byte) error {
	if c == nil {
		return nil
	}
	path := entryPath(key)
	if err := c.root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	// Under a name of its own, so that writers of one key do not meet. There is
	// no sync: after a crash the digest tells a torn file from a whole one.
	unfinished := filepath.Join(filepath.Dir(path), temporary+rand.Text())
	err := c.root.WriteFile(unfinished, encode(key, value), 0o600)
	if err == nil {
		err = c.root.Rename(unfinished, path)
	}
	if err != nil {
		c.root.Remove(unfinished)
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// Remove forgets a key.
func (c *Cache) Remove(key string) error {
	if c == nil {
		return nil
	}
	if err := c.root.Remove(entryPath(key)); ignoreMissing(err) != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

const (
	entries   = "entries" // the folder of entries, so that others may have theirs beside it
	temporary = ".new-"   // prefix of files that Put is writing
)

func entryPath(key string) string {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(entries, name[:2], name)
}

func encode(key string, value []byte) []byte {
	body := append(strconv.AppendQuote(nil, key), '\n')
	body = append(body, value...)
	sum := sha256.Sum256(body)
	return slices.Concat([]byte(magic), []byte(hex.EncodeToString(sum[:])), []byte("\n"), body)
}

func decode(key string, b []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return nil, false
	}
	digest, body, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return nil, false
	}
	sum := sha256.Sum256(body)
	if string(digest) != hex.EncodeToString(sum[:]) {
		return nil, false
	}
	quoted, value, ok := bytes.Cut(body, []byte("\n"))
	if !ok || string(quoted) != strconv.Quote(key) {
		return nil, false
	}
	return value, true
}

// Trim removes the entries that were not used for the longest time until those
// left take at most maxBytes, and files that a crashed process left behind. It
// returns how many bytes it freed. Other processes may work on meanwhile.
func (c *Cache) Trim(maxBytes int64) (freed int64, err error) {
	if c == nil {
		return 0, nil
	}
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	var problems []error
	remove := func(path string, size int64) {
		switch err := c.root.Remove(path); {
		case err == nil:
			freed += size
		case !errors.Is(err, fs.ErrNotExist): // else another process was faster
			problems = append(problems, err)
		}
	}
	err = fs.WalkDir(c.root.FS(), entries, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		if strings.HasPrefix(d.Name(), temporary) {
			if time.Since(info.ModTime()) > time.Hour {
				remove(path, info.Size())
			}
			return nil
		}
		files = append(files, file{path, info.Size(), info.ModTime()})
		total += info.Size()
		return nil
	})
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path))
	})
	for _, f := range files {
		if total <= maxBytes {
			break
		}
		remove(f.path, f.size)
		total -= f.size
	}
	if err := errors.Join(append(problems, err)...); err != nil {
		return freed, fmt.Errorf("cache: %w", err)
	}
	return freed, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
