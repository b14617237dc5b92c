package hosttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/berth-run/berth/plugins/manifest"
)

const module = "module github.com/berth-run/berth\n"

// repository finds Berth's own tree above the working folder, which for a test
// is that of its package.
func repository() (root string, ok bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(text, []byte(module)) {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// InMemory returns a folder with the plugin state.in-memory, which it builds
// from the sources in Berth's tree unless it has built these before.
func InMemory() (dir string, err error) {
	root, ok := repository()
	if !ok {
		return "", errors.New("the working folder is not inside Berth's repository")
	}
	return inMemory(root)
}

func inMemory(root string) (dir string, err error) {
	source := filepath.Join(root, "components", "state", "in-memory")
	key, err := digest(source, filepath.Join(root, "sdk-guest", "go"), filepath.Join(root, "plugins", "manifest"))
	if err != nil {
		return "", err
	}
	dir = filepath.Join(root, ".cache", "hosttest", key)
	target := filepath.Join(dir, "state.in-memory.wasm")
	if _, err := os.Stat(target); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Several test programs may build at once: each its own file, and the last one to finish wins.
	tmp, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	raw := filepath.Join(tmp, "raw")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-o", raw, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	wasm, err := os.ReadFile(raw)
	if err != nil {
		return "", err
	}
	yaml := filepath.Join(source, "plugin.yaml")
	text, err := os.ReadFile(yaml)
	if err != nil {
		return "", err
	}
	m, err := manifest.Parse(yaml, text)
	if err != nil {
		return "", err
	}
	if wasm, err = manifest.Embed(wasm, m); err != nil {
		return "", err
	}
	packed := filepath.Join(tmp, "packed")
	if err := os.WriteFile(packed, wasm, 0o644); err != nil {
		return "", err
	}
	return dir, os.Rename(packed, target)
}

// digest sums up the files under the folders that a build reads.
func digest(dirs ...string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version())
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			switch filepath.Ext(path) {
			case ".go", ".mod", ".yaml":
			default:
				return nil
			}
			text, err := os.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
