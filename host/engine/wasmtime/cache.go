//go:build wasmtime && cgo

package wasmtime

// #include <stdlib.h>
import "C"

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	folder "github.com/berth-run/berth/plugins/cache"
)

// cache keeps compiled code on disk, a file for each module: the SHA-256 of
// what follows, and the code as wasmtime serialises it. wasmtime checks that
// the code was made by itself and for this processor, and trusts it otherwise,
// so a file that was damaged has to be noticed here.
type cache struct{ dir string }

// openCache makes the folder name in dir.
func openCache(dir, name string) (*cache, error) {
	sub := filepath.Join(dir, name)
	for _, d := range []string{dir, sub} {
		if err := folder.EnsureDir(d); err != nil {
			return nil, err
		}
	}
	return &cache{sub}, nil
}

// cacheKey is the hex form of the SHA-256 of wasm, from digest when that holds it.
func cacheKey(digest string, wasm []byte) string {
	if key, ok := strings.CutPrefix(digest, "sha256:"); ok {
		if b, err := hex.DecodeString(key); err == nil && len(b) == sha256.Size {
			return hex.EncodeToString(b)
		}
	}
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

func (c *cache) file(key string) string { return filepath.Join(c.dir, key+".cwasm") }

// load gives use the code kept under key, if there is any and it is whole, and
// reports whether use took it. The code lies outside of Go's heap, where tens
// of megabytes would stay around for long after they are needed.
func (c *cache) load(key string, use func(p unsafe.Pointer, n int) bool) bool {
	f, err := os.Open(c.file(key))
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() <= sha256.Size {
		return false
	}
	n := int(info.Size() - sha256.Size)
	p := C.malloc(C.size_t(n))
	defer C.free(p)
	code := unsafe.Slice((*byte)(p), n)
	var sum [sha256.Size]byte
	if _, err := io.ReadFull(f, sum[:]); err != nil {
		return false
	}
	if _, err := io.ReadFull(f, code); err != nil || sha256.Sum256(code) != sum {
		return false
	}
	return use(p, n)
}

// store keeps code under key. Whoever loads it meanwhile finds the old file or the new one.
func (c *cache) store(key string, code []byte) (err error) {
	f, err := os.CreateTemp(c.dir, key+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	sum := sha256.Sum256(code)
	_, err = f.Write(sum[:])
	if err == nil {
		_, err = f.Write(code)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.file(key))
}
