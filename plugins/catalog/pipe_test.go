//go:build unix

package catalog_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/catalog"
)

// TestPipe: a named pipe without a writer would block whoever opens it.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a.wasm"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := catalog.Open(catalog.Options{Dirs: []string{dir}}).Warnings()
	if len(w) != 1 || w[0].Code != plugins.Unreadable || !strings.Contains(w[0].Error(), "not a regular file") {
		t.Errorf("got %v, want one warning %s", w, plugins.Unreadable)
	}
}
