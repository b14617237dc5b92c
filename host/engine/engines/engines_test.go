package engines_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/berth-run/berth/host/engine/engines"
)

func TestNew(t *testing.T) {
	for _, name := range append(engines.Names(), "") {
		t.Run("name "+name, func(t *testing.T) {
			e, err := engines.New(name, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			want := name
			if name == "" {
				want = engines.Default
			}
			if e.Name() != want {
				t.Errorf("got engine %q, want %q", e.Name(), want)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	_, err := engines.New("v8", "")
	if err == nil || !strings.Contains(err.Error(), `"v8"`) || !strings.Contains(err.Error(), engines.Default) {
		t.Errorf("got %v, want an error that names v8 and the engines that there are", err)
	}
}

func TestNames(t *testing.T) {
	names := engines.Names()
	if names[0] != engines.Default {
		t.Errorf("got %v, want %s first", names, engines.Default)
	}
	if slices.Contains(names, "wasmtime") {
		return
	}
	if _, err := engines.New("wasmtime", ""); err == nil || !strings.Contains(err.Error(), "-tags wasmtime") {
		t.Errorf("got %v, want how to build with wasmtime", err)
	}
}
