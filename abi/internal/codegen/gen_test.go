package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedFilesAreCurrent generates everything anew and compares it with
// what is committed.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	const idl, sdk = "../../proto", "../../../sdk-guest/go/internal/wire"
	work, copied := t.TempDir(), t.TempDir()
	sources, err := filepath.Glob(filepath.Join(idl, "*.proto"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no IDL: %v", err)
	}
	for _, src := range append(sources, filepath.Join(idl, "wire.go")) {
		b, err := os.ReadFile(src)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, filepath.Base(src)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(work, copied); err != nil {
		t.Fatal(err)
	}
	for dir, committed := range map[string]string{work: idl, copied: sdk} {
		files, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
		if err != nil || len(files) < len(sources) {
			t.Fatalf("got %d generated files, %v, want at least %d", len(files), err, len(sources))
		}
		for _, f := range files {
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(committed, filepath.Base(f))
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not what the IDL gives (%v): run go generate ./abi/...", path, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "syntax = \"proto3\";\npackage berth.v1;\n"
	for _, tc := range []struct{ name, src, want string }{
		{"another syntax", "syntax = \"proto2\";", `x.proto:1: got "\"proto2\"", want "\"proto3\""`},
		{"another package", "syntax = \"proto3\";\npackage other;", `x.proto:2: got "other", want "berth.v1"`},
		{"a service", head + "service S {}", `x.proto:3: "service" is not of the subset that the ABI uses`},
		{"no number", head + "message M {\n  string a = b;\n}", `x.proto:4: not a field number`},
		{"out of order", head + "message M {\n  string a = 2;\n  string b = 1;\n}", `x.proto:5: M.b: fields stand in the order of their numbers`},
		{"another map", head + "message M {\n  map<string, int32> a = 1;\n}", `x.proto:4: got "int32", want "string"`},
		{"no end", head + "message M {\n  string a = 1;", `x.proto:4: `},
		{"unknown type", head + "message M {\n  Other a = 1;\n}", `x.proto: M.a: unknown type "Other"`},
		{"repeated number", head + "message M {\n  repeated int32 a = 1;\n}", `x.proto: M.a: only strings and messages are repeated in the ABI`},
		{"cycle", head + "message A {\n  B b = 1;\n}\nmessage B {\n  repeated A a = 1;\n}", `x.proto: message A contains itself`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.proto"), []byte(tc.src), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := parseFiles(dir)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	if _, err := parseFiles(t.TempDir()); err == nil {
		t.Error("a folder without IDL: got no error")
	}
}
