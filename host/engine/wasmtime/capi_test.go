//go:build wasmtime && cgo

package wasmtime

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeclarations compiles capi.h behind the library's own headers: the C
// compiler refuses a function declared in two ways, and the assertions at the
// end of capi.h hold for the library's structs as for ours.
func TestDeclarations(t *testing.T) {
	dir := output(t, "go", "list", "-f", "{{.Dir}}", modulePath)
	file := filepath.Join(t.TempDir(), "both.c")
	const both = "#include <wasmtime.h>\n#include \"capi.h\"\n"
	if err := os.WriteFile(file, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	cc := strings.Fields(output(t, "go", "env", "CC"))
	args := append(cc[1:], "-std=c11", "-Wall", "-Werror", "-fsyntax-only", "-I.", "-I"+filepath.Join(dir, "build", "include"), file)
	if msg, err := exec.Command(cc[0], args...).CombinedOutput(); err != nil {
		t.Errorf("capi.h and the headers of %s disagree: %v\n%s", modulePath, err, msg)
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
