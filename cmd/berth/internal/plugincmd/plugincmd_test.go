package plugincmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/cmd/berth/internal/plugincmd"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/pluginstest"
	"github.com/berth-run/berth/plugins/verify"
	"github.com/berth-run/berth/plugins/wasmfile"
)

const acme = `name: acme
version: 1.2.3
vendor: Acme
description: Keeps state.
stability: alpha
kinds:
- type: state.acme
  versions: [v1, v2]
  features: [ETAG]
metadata:
- {name: size, type: bytesize, default: 1Mi, description: How much to keep}
- {name: token, type: string, sensitive: true, required: true}
concurrency: {mode: serial}
`

// logger imports what every host offers.
func logger() pluginstest.Module {
	return pluginstest.Minimal().With(abi.ImportCore, "log", "iii:i").With(abi.ImportWASI, "fd_write", "iiii:i")
}

// run runs `berth plugin` with args.
func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c := plugincmd.New()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SilenceUsage, c.SilenceErrors = true, true
	err = c.Execute()
	return out.String(), errs.String(), err
}

// inFolder makes a folder with these files the working one.
func inFolder(t *testing.T, files map[string][]byte) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, b := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPackAndInspect(t *testing.T) {
	inFolder(t, map[string][]byte{"a.wasm": logger().Bytes(), "plugin.yaml": []byte(acme), "out/keep": nil})
	stdout, stderr, err := run(t, "pack", "a.wasm", "-o", "out/b.wasm")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile("out/b.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if want := "out/b.wasm  acme 1.2.3  state.acme/v1,v2  " + verify.Digest(packed) + "\n"; stdout != want || stderr != "" {
		t.Errorf("got %q and %q, want %q", stdout, stderr, want)
	}
	if b, err := os.ReadFile("a.wasm"); err != nil || !bytes.Equal(b, logger().Bytes()) {
		t.Errorf("packing into another file changed the module: %v", err)
	}

	stdout, _, err = run(t, "inspect", "out/b.wasm")
	if err != nil {
		t.Fatal(err)
	}
	want := `file         out/b.wasm
digest       ` + verify.Digest(packed) + `
size         349 bytes
name         acme
version      1.2.3 (alpha)
vendor       Acme
abi          1.0
type         state.acme v1, v2 (state)
  features   ETAG
concurrency  serial

Keeps state.

asks for no grants

metadata
  size   bytesize  default 1Mi          How much to keep
  token  string    required, sensitive

imports
  berth1_core             log
  wasi_snapshot_preview1  fd_write

exports
  berth1_frame, berth1_reserve, berth1_call, memory

this host (ABI 1.0) would load it
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("inspect (-want +got):\n%s", diff)
	}
}

func TestPackReplaces(t *testing.T) {
	inFolder(t, map[string][]byte{"a.wasm": logger().Pack(t, acme), "other.yaml": []byte("name: other\nversion: 0.0.1\nkinds: [{type: state.other}]\n")})
	if err := os.Chmod("a.wasm", 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, "pack", "a.wasm", "--manifest", "other.yaml"); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("a.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := manifest.Read(b); err != nil || m.Name != "other" {
		t.Errorf("got %v, %v, want the manifest of other.yaml", m, err)
	}
	if info, err := os.Stat("a.wasm"); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("got mode %v, %v, want the one it had, 0640", info.Mode(), err)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 2 {
		t.Errorf("got %v, %v, want no file left over", files, err)
	}
}

// TestPackForLaterHost: a plugin that needs what only a later host version
// offers is packed, with a note.
func TestPackForLaterHost(t *testing.T) {
	inFolder(t, map[string][]byte{
		"net.wasm": pluginstest.Minimal().With(abi.ImportNet, "net_dial", "ii:i").Bytes(),
		"plugin.yaml": []byte(`{name: net, version: 0.0.1, kinds: [{type: state.net}], metadata: [{name: host, type: string}],
			capabilities: [{name: net.dial, required: true, reason: talks to the server, hints: ["{host}"]}]}`),
	})
	_, stderr, err := run(t, "pack", "net.wasm")
	if err != nil {
		t.Fatal(err)
	}
	const lacks = "needs capability net.dial, which this host version does not offer: it imports berth1_net.net_dial"
	if !strings.Contains(stderr, "note: this host version would refuse it: "+lacks) || !strings.Contains(stderr, "BERTH_PLUGIN_NOT_OFFERED") {
		t.Errorf("got %q, want a note that it %s", stderr, lacks)
	}
	stdout, _, err := run(t, "inspect", "net.wasm")
	if err == nil {
		t.Error("inspect: got no error for what this host refuses")
	}
	for _, want := range []string{
		"asks to be granted\n  net.dial  required  talks to the server ({host})\n",
		"imports\n  berth1_net (needs net.dial)  net_dial\n",
		"would refuse it:\n  " + lacks,
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("inspect does not say %q:\n%s", want, stdout)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	plain := pluginstest.Minimal().Bytes()
	program := pluginstest.Minimal().Export(abi.ExportStart, ":").Export(abi.ExportCall, "").Bytes()
	files := map[string][]byte{
		"a.wasm": plain, "program.wasm": program, "folder/file": nil, "plugin.yaml": []byte(acme),
		"bad.yaml": []byte("nmae: acme\nversion: 1.2.3\nkinds: [{type: state}]\n"),
	}
	inFolder(t, files)
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"a program", []string{"program.wasm"}, []string{
			"program.wasm: exports _start: it is a program that runs and ends, not a plugin; build a reactor: -buildmode=c-shared",
			"program.wasm: does not export berth1_call (i32, i32) -> i32 [BERTH_PLUGIN_EXPORT_MISSING]"}},
		{"a bad manifest", []string{"a.wasm", "--manifest", "bad.yaml"}, []string{
			`bad.yaml:1: manifest has the unknown key "nmae"; did you mean name? [BERTH_PLUGIN_MANIFEST_INVALID]`,
			`bad.yaml:3: manifest: kinds[0].type "state" is not a type`}},
		{"no manifest", []string{"a.wasm", "--manifest", "missing.yaml"}, []string{"missing.yaml: no such file"}},
		{"no module", []string{"missing.wasm"}, []string{"missing.wasm: no such file"}},
		{"no such folder", []string{"a.wasm", "-o", "nowhere/b.wasm"}, []string{"no such file"}},
		{"text", []string{"plugin.yaml"}, []string{"plugin.yaml: not a WebAssembly module", "BERTH_PLUGIN_NOT_WASM"}},
		{"a folder", []string{"folder"}, []string{"folder: is a folder"}},
		{"into a folder", []string{"a.wasm", "-o", "folder"}, []string{"folder is not a regular file"}},
		{"nothing", nil, []string{"accepts 1 arg"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stdout, _, err := run(t, append([]string{"pack"}, tc.args...)...)
			if err == nil {
				t.Fatalf("got no error, and %q", stdout)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %q", err, want)
				}
			}
		})
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
	if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
		t.Errorf("got files left over: %v, %v", left, err)
	}
}

func TestInspectRefused(t *testing.T) {
	section := wasmfile.AppendCustom(nil, abi.ManifestSection, nil)
	twice := pluginstest.Minimal()
	twice.Extra = slices.Concat(section, section)
	hostile := pluginstest.Minimal().With("\x1b[2J", "\x1b]0;x\x07", ":")
	for i := range 100 {
		hostile = hostile.Export(fmt.Sprintf("export%d", i), ":")
	}
	inFolder(t, map[string][]byte{
		"plain.wasm": pluginstest.Minimal().Bytes(), "empty": nil, "text": []byte("hello"), "twice.wasm": twice.Bytes(), "hostile.wasm": hostile.Bytes(),
		"program.wasm": pluginstest.Minimal().Export(abi.ExportStart, ":").Export(abi.ExportCall, "").Bytes(),
		"sections":     slices.Concat(wasmfile.Preamble, bytes.Repeat([]byte{0, 1, 0}, 1<<20)),
	})
	for _, tc := range []struct {
		file   string
		stdout []string
		err    string
	}{
		{"plain.wasm", []string{"would refuse it:\n  has no manifest [BERTH_PLUGIN_MANIFEST_MISSING]\n    add one: berth plugin pack FILE --manifest plugin.yaml\n"}, "plain.wasm: this host would refuse it (1 reason)"},
		{"empty", []string{"size    0 bytes", "the file is empty [BERTH_PLUGIN_EMPTY]"}, "(1 reason)"},
		{"text", []string{"BERTH_PLUGIN_NOT_WASM"}, "(1 reason)"},
		{"program.wasm", []string{"BERTH_PLUGIN_MANIFEST_MISSING", "BERTH_PLUGIN_START_EXPORTED", "BERTH_PLUGIN_EXPORT_MISSING"}, "(3 reasons)"},
		{"twice.wasm", []string{"has 2 manifests [BERTH_PLUGIN_MANIFEST_DUPLICATE]"}, "(1 reason)"},
		{"hostile.wasm", []string{`\x1b[2J  \x1b]0;x\a`, "and 64 more"}, "(2 reasons)"},
		{"sections", []string{"has over 1000 sections [BERTH_PLUGIN_TOO_LARGE]"}, "(1 reason)"},
		{"missing.wasm", nil, "missing.wasm: no such file"},
		{".", nil, ".: is a folder"},
	} {
		t.Run(tc.file, func(t *testing.T) {
			stdout, _, err := run(t, "inspect", tc.file)
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("got error %v, want it to say %q", err, tc.err)
			}
			for _, want := range tc.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("got no %q in:\n%s", want, stdout)
				}
			}
			if strings.ContainsFunc(stdout, func(r rune) bool { return r < ' ' && r != '\n' }) {
				t.Errorf("got a control character in %q", stdout)
			}
		})
	}
}

func TestInspectJSON(t *testing.T) {
	wasm := logger().Pack(t, acme)
	inFolder(t, map[string][]byte{"a.wasm": wasm, "b.wasm": logger().Export(abi.ExportCall, "").Pack(t, acme)})
	type function struct{ Module, Name, Kind, Signature string }
	type report struct {
		File, Digest, HostABI string
		Size                  int
		Loadable              bool
		Problems              []struct{ Code, What, Hint string }
		Manifest              struct {
			Name  string
			Kinds []struct{ Type string }
		}
		Imports, Exports []function
	}
	inspect := func(file string) (r report, err error) {
		t.Helper()
		stdout, _, err := run(t, "inspect", file, "-o", "json")
		if bad := json.Unmarshal([]byte(stdout), &r); bad != nil {
			t.Fatalf("%v in %s", bad, stdout)
		}
		return r, err
	}
	got, err := inspect("a.wasm")
	if err != nil {
		t.Error(err)
	}
	want := report{File: "a.wasm", Digest: verify.Digest(wasm), HostABI: "1.0", Size: len(wasm), Loadable: true,
		Imports: []function{{abi.ImportCore, "log", "function", "(i32, i32, i32) -> i32"}, {abi.ImportWASI, "fd_write", "function", "(i32, i32, i32, i32) -> i32"}},
		Exports: []function{{"", "berth1_frame", "function", "() -> i32"}, {"", "berth1_reserve", "function", "(i32) -> i32"}, {"", "berth1_call", "function", "(i32, i32) -> i32"}, {"", "memory", "memory", ""}},
	}
	want.Manifest.Name = "acme"
	want.Manifest.Kinds = []struct{ Type string }{{"state.acme"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = inspect("b.wasm")
	if err == nil || got.Loadable || len(got.Problems) != 1 || got.Problems[0].Code != "BERTH_PLUGIN_EXPORT_MISSING" {
		t.Errorf("without berth1_call: got %v, %+v", err, got.Problems)
	}
	if _, _, err := run(t, "inspect", "a.wasm", "-o", "yaml"); err == nil || !strings.Contains(err.Error(), `unknown output format "yaml": want text or json`) {
		t.Errorf("unknown format: got %v", err)
	}
}
