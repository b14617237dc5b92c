package wazero

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
)

// codeCache keeps compiled code, a folder for each module. wazero checks only
// a part of what it reads back, and a damaged entry makes it fail or panic;
// so each folder has a list of its files' sizes and checksums, and one that
// does not agree is thrown away and compiled anew. The checksums are against
// accidents: who can write the folder can run code here, and so nobody else may.
type codeCache struct {
	dir string // "" keeps code in memory only

	mu   sync.Mutex // guards open and the entries' refs
	open map[string]*cacheEntry
}

// cacheEntry is one module's code, shared by the components that use the module.
type cacheEntry struct {
	owner  *codeCache
	key    string
	folder string // "" when it is in memory only
	refs   int    // the owner's mutex guards it

	compiling sync.Mutex // guards all below; held while a module is compiled
	code      wazero.CompilationCache
	cached    bool // the code was there before
	ready     bool // a module was compiled with it
}

const sumsFile = "SUMS"

// acquire opens the entry of a module for one compilation.
func (c *codeCache) acquire(wasm []byte) (*cacheEntry, error) {
	sum := sha256.Sum256(wasm)
	key := hex.EncodeToString(sum[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.open[key]; e != nil {
		e.refs++
		return e, nil
	}
	e := &cacheEntry{owner: c, key: key, refs: 1, code: wazero.NewCompilationCache()}
	if folder := filepath.Join(c.dir, "wazero", key); c.dir != "" {
		e.cached = intact(folder)
		if !e.cached {
			_ = os.RemoveAll(folder)
		}
		// A folder that cannot be written costs time, not service.
		if err := os.MkdirAll(folder, 0o700); err == nil && writable(folder) {
			cache, err := wazero.NewCompilationCacheWithDir(folder)
			if err != nil {
				return nil, fmt.Errorf("compile cache: %w", err)
			}
			e.folder, e.code = folder, cache
		} else {
			e.cached = false
		}
	}
	if c.open == nil {
		c.open = map[string]*cacheEntry{}
	}
	c.open[key] = e
	return e, nil
}

func writable(folder string) bool {
	f, err := os.CreateTemp(folder, "try")
	if err != nil {
		return false
	}
	_ = f.Close()
	return os.Remove(f.Name()) == nil
}

// compile runs do with the code, and once more with none when what lies on disk
// made it fail. It reports whether the code came from disk or was in memory.
func (e *cacheEntry) compile(do func(wazero.CompilationCache) error) (cached bool, err error) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	cached = e.cached || e.ready
	if err = do(e.code); err != nil && e.cached && !e.ready {
		if err = e.discard(); err != nil {
			return false, err
		}
		cached, err = false, do(e.code)
	}
	if err != nil {
		return cached, err
	}
	if !e.ready && !e.cached && e.folder != "" {
		e.seal()
	}
	e.ready = true
	return cached, nil
}

// seal notes what the entry holds, once a module was compiled into it.
func (e *cacheEntry) seal() {
	sums, err := checksums(e.folder)
	if err != nil {
		return // unsealed: compiled anew the next time
	}
	tmp := filepath.Join(e.folder, sumsFile+".tmp")
	if os.WriteFile(tmp, []byte(sums), 0o600) == nil {
		_ = os.Rename(tmp, filepath.Join(e.folder, sumsFile))
	}
}

// discard throws the code away, which no module uses yet, and starts with none.
func (e *cacheEntry) discard() error {
	_ = e.code.Close(context.Background())
	_ = os.RemoveAll(e.folder)
	e.cached = false
	cache, err := wazero.NewCompilationCacheWithDir(e.folder)
	if err == nil {
		e.code = cache
	}
	return err
}

// release gives the entry back; the last one frees the code.
func (e *cacheEntry) release() error {
	e.owner.mu.Lock()
	defer e.owner.mu.Unlock()
	if e.refs--; e.refs > 0 {
		return nil
	}
	delete(e.owner.open, e.key)
	if e.folder != "" && !e.ready {
		_ = os.RemoveAll(e.folder) // the module did not compile
	}
	return e.code.Close(context.Background())
}

func intact(folder string) bool {
	want, err := os.ReadFile(filepath.Join(folder, sumsFile))
	if err != nil {
		return false
	}
	got, err := checksums(folder)
	return err == nil && got != "" && got == string(want)
}

// checksums lists the files below folder with their sizes and checksums.
func checksums(folder string) (string, error) {
	table := crc32.MakeTable(crc32.Castagnoli)
	var b strings.Builder
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), sumsFile) {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		fmt.Fprintf(&b, "%08x %d %s\n", crc32.Checksum(content, table), len(content), rel)
		return err
	})
	return b.String(), err
}
