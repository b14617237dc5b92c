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
	"time"

	"github.com/tetratelabs/wazero"
)

// codeCache keeps compiled code, a folder for each module. wazero checks only
// a part of what it reads back, and a damaged entry makes it fail or panic;
// so each folder has a list of its files' sizes and checksums, and one that
// does not agree is thrown away and compiled anew. The checksums are against
// accidents: who can write the folder can run code here, and so nobody else may.
//
// Several processes may use one cache: code is compiled into a folder of the
// process's own, which takes its place by being renamed once it is complete.
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
	work      string // the folder that is compiled into, "" when the code was there or lies in its place
	cached    bool   // the code was there before
	ready     bool   // a module was compiled with it
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
	if c.dir != "" {
		e.folder = filepath.Join(c.dir, "wazero-"+version(), key)
		if err := e.open(); err != nil {
			e.folder = "" // a folder that cannot be written costs time, not service
		}
	}
	if c.open == nil {
		c.open = map[string]*cacheEntry{}
	}
	c.open[key] = e
	return e, nil
}

// open finds the code on disk, or makes a folder to compile into.
func (e *cacheEntry) open() error {
	dir := e.folder
	if e.cached = intact(dir); !e.cached {
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			return err
		}
		e.sweep()
		work, err := os.MkdirTemp(filepath.Dir(dir), e.key+workSuffix)
		if err != nil {
			return err
		}
		e.work, dir = work, work
	}
	code, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	e.code = code
	return nil
}

// workSuffix marks folders that are compiled into; abandoned after workAge.
const (
	workSuffix = ".work-*"
	workAge    = time.Hour
)

// sweep removes what processes left behind that did not get to their end.
func (e *cacheEntry) sweep() {
	left, _ := filepath.Glob(e.folder + workSuffix)
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > workAge {
			_ = os.RemoveAll(dir)
		}
	}
}

// compile runs do with the code, and once more with nothing but memory when
// what lies on disk, or the disk, made it fail. It reports whether the code was
// there already, on disk or in memory.
func (e *cacheEntry) compile(do func(wazero.CompilationCache) error) (cached bool, err error) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	cached = e.cached || e.ready
	if err = do(e.code); err != nil && e.folder != "" && !e.ready {
		e.abandon()
		cached, err = false, do(e.code)
	}
	if err != nil {
		return cached, err
	}
	if !e.ready && e.work != "" {
		e.seal()
	}
	e.ready = true
	return cached, nil
}

// abandon goes on without the disk. Code there that is to blame is removed, so
// that the next process compiles it.
func (e *cacheEntry) abandon() {
	_ = e.code.Close(context.Background())
	e.code = wazero.NewCompilationCache()
	if e.cached {
		_ = os.RemoveAll(e.folder)
		e.cached = false
	}
	e.discardWork()
}

func (e *cacheEntry) discardWork() {
	if e.work != "" {
		_ = os.RemoveAll(e.work)
		e.work = ""
	}
}

// seal puts what was compiled in its place, with its checksums. Where that
// fails the code is compiled anew the next time.
func (e *cacheEntry) seal() {
	defer e.discardWork()
	sums, err := checksums(e.work)
	if err != nil || os.WriteFile(filepath.Join(e.work, sumsFile), []byte(sums), 0o600) != nil {
		return
	}
	if os.Rename(e.work, e.folder) == nil {
		return
	}
	if intact(e.folder) {
		return // another process was faster
	}
	old := e.work + ".old"
	_ = os.Rename(e.folder, old)
	_ = os.Rename(e.work, e.folder)
	_ = os.RemoveAll(old)
}

// release gives the entry back; the last one frees the code.
func (e *cacheEntry) release() error {
	e.owner.mu.Lock()
	defer e.owner.mu.Unlock()
	if e.refs--; e.refs > 0 {
		return nil
	}
	delete(e.owner.open, e.key)
	e.discardWork() // of a module that did not compile
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
