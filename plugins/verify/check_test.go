package verify

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/pluginstest"
	"github.com/berth-run/berth/plugins/wasmfile"
)

func store() *proto.Manifest {
	return &proto.Manifest{ABI: "1.0", Name: "a", Version: "1.0.0", Kinds: []proto.Kind{{Kind: "state", Type: "state.a", Versions: []string{"v1"}}}}
}

func with(change func(*proto.Manifest)) *proto.Manifest {
	m := store()
	change(m)
	return m
}

func TestCheckTakes(t *testing.T) {
	everything := pluginstest.Minimal()
	for _, i := range abi.Imports() {
		if i.Module == abi.ImportCore || i.Module == abi.ImportWASI {
			everything = everything.With(i.Module, i.Name, i.Signature)
		}
	}
	all := everything
	for _, i := range abi.Imports() {
		if i.Module != abi.ImportCore && i.Module != abi.ImportWASI {
			all = all.With(i.Module, i.Name, i.Signature)
		}
	}
	all = all.Export(abi.ExportServe, ":i")
	grown := pluginstest.Minimal()
	grown.Memories = [][]byte{{1, 1, 16}}
	for _, tc := range []struct {
		name string
		wasm pluginstest.Module
		m    *proto.Manifest
		host Host
	}{
		{"the smallest plugin", pluginstest.Minimal(), store(), Current()},
		{"without manifest", pluginstest.Minimal(), nil, Current()},
		{"every import that is always there", everything, store(), Current()},
		{"every optional export", pluginstest.Minimal().Export(abi.ExportInitialize, ":").Export(abi.ExportServe, ":i"), store(), Current()},
		{"further exports", pluginstest.Minimal().Export("malloc", "i:i"), store(), Current()},
		{"memory with a maximum", grown, store(), Current()},
		{"mode serial", pluginstest.Minimal(), with(func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: proto.ModeSerial} }), Current()},
		{"an optional capability that the host lacks", pluginstest.Minimal(), with(func(m *proto.Manifest) {
			m.Capabilities = []proto.Capability{{Name: "net.dial", Reason: "x"}, {Name: "gpu", Reason: "x"}}
		}), Current()},
		{"all of the ABI on a host that has it", all, with(func(m *proto.Manifest) {
			m.Concurrency = &proto.ConcurrencyModel{Mode: proto.ModeServe}
			m.Capabilities = []proto.Capability{{Name: "net.dial", Required: true, Reason: "x"}, {Name: "http.fetch", Reason: "x"}, {Name: "secrets", Reason: "x"}}
		}), Complete()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := Check(tc.wasm.Bytes(), tc.m, tc.host); err != nil {
				t.Errorf("got %v, want no error", err)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	minimal := pluginstest.Minimal()
	change := func(f func(*pluginstest.Module)) []byte {
		m := pluginstest.Minimal()
		f(&m)
		return m.Bytes()
	}
	memory := func(limits ...[]byte) []byte {
		return change(func(m *pluginstest.Module) { m.Memories = limits })
	}
	importOf := func(desc ...byte) []byte {
		return change(func(m *pluginstest.Module) {
			m.Imports = []pluginstest.Import{{Module: "env", Name: "x", Desc: desc}}
		})
	}
	plain := minimal.Bytes()
	// Few cases are wrong in several ways; of no other is anything said beside the point.
	several := map[string]int{"empty module": 4, "a program that is no plugin at all": 2, "memory called berth1_call": 2, "serve mode without its export": 2}
	for _, tc := range []struct {
		name string
		wasm []byte
		m    *proto.Manifest // store() when nil
		code plugins.Code
		want string
	}{
		{"empty file", nil, nil, plugins.Empty, "empty"},
		{"text", []byte("#!/bin/sh\n"), nil, plugins.NotWasm, "not a WebAssembly module"},
		{"WAT", []byte("(module)"), nil, plugins.NotWasm, "not a WebAssembly module"},
		{"native program", []byte("\x7fELF\x02\x01\x01\x00"), nil, plugins.NotWasm, "not a WebAssembly module"},
		{"half a preamble", plain[:5], nil, plugins.Truncated, "truncated"},
		{"cut at the end", plain[:len(plain)-3], nil, plugins.Truncated, "truncated"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), nil, plugins.ComponentModel, "build for wasip1"},
		{"trailing zeros", slices.Concat(plain, make([]byte, 3)), nil, plugins.Truncated, "truncated"},
		{"unknown section", slices.Concat(plain, []byte{77, 0}), nil, plugins.MalformedWasm, "unknown id 77"},
		{"section twice", slices.Concat(plain, wasmfile.AppendSection(nil, wasmfile.Code, []byte{0})), nil, plugins.MalformedWasm, "out of order"},
		{"very many sections", slices.Concat(plain, bytes.Repeat([]byte{0, 1, 0}, 100_000)), nil, plugins.TooLarge, "over 1000 sections"},
		{"very many types", slices.Concat(wasmfile.Preamble, wasmfile.AppendSection(nil, wasmfile.Type, append(wasmfile.AppendU32(nil, 200_000), bytes.Repeat([]byte{0x60, 0, 0}, 200_000)...))), nil, plugins.TooLarge, "200000 types"},
		{"empty module", slices.Clone(wasmfile.Preamble), nil, plugins.Memory, "has no memory"},

		{"no memory", change(func(m *pluginstest.Module) { m.Memories, m.ExportMemory = nil, "" }), nil, plugins.Memory, "has no memory"},
		{"memory not exported", change(func(m *pluginstest.Module) { m.ExportMemory = "" }), nil, plugins.Memory, "does not export its memory"},
		{"memory under another name", change(func(m *pluginstest.Module) { m.ExportMemory = "mem" }), nil, plugins.Memory, "does not export its memory"},
		{"function called memory", change(func(m *pluginstest.Module) {
			m.ExportMemory = ""
			m.Exports = append(m.Exports, pluginstest.Export{Name: "memory", Signature: ":i"})
		}), nil, plugins.Memory, `its export "memory" is a function`},
		{"memory imported", importOf(2, 0, 1), nil, plugins.Memory, "imports its memory, as env.x"},
		{"two memories", memory([]byte{0, 1}, []byte{0, 1}), nil, plugins.Memory, "has 2 memories"},
		{"memory64", memory([]byte{4, 1}), nil, plugins.Memory64, "64-bit addresses"},
		{"shared memory", memory([]byte{3, 1, 2}), nil, plugins.SharedMemory, "shared between threads"},

		{"no frame", minimal.Export(abi.ExportFrame, "").Bytes(), nil, plugins.ExportMissing, "does not export berth1_frame () -> i32"},
		{"no reserve", minimal.Export(abi.ExportReserve, "").Bytes(), nil, plugins.ExportMissing, "does not export berth1_reserve (i32) -> i32"},
		{"no call", minimal.Export(abi.ExportCall, "").Bytes(), nil, plugins.ExportMissing, "does not export berth1_call (i32, i32) -> i32"},
		{"call with another signature", minimal.Export(abi.ExportCall, "iI:i").Bytes(), nil, plugins.ExportSignature, "exports berth1_call as (i32, i64) -> i32, want (i32, i32) -> i32"},
		{"frame without result", minimal.Export(abi.ExportFrame, ":").Bytes(), nil, plugins.ExportSignature, "exports berth1_frame as () -> (), want () -> i32"},
		{"_initialize with a result", minimal.Export(abi.ExportInitialize, ":i").Bytes(), nil, plugins.ExportSignature, "exports _initialize as () -> i32, want () -> ()"},
		{"memory called berth1_call", change(func(m *pluginstest.Module) {
			*m = m.Export(abi.ExportCall, "")
			m.ExportMemory = abi.ExportCall
		}), nil, plugins.ExportSignature, "its export berth1_call is a memory"},
		{"a program", minimal.Export(abi.ExportStart, ":").Bytes(), nil, plugins.StartExported, "-buildmode=c-shared"},
		{"a program that is no plugin at all", minimal.Export(abi.ExportStart, ":").Export(abi.ExportCall, "").Bytes(), nil, plugins.ExportMissing, "does not export berth1_call"},

		{"misspelt import", minimal.With(abi.ImportCore, "clock_nwo", "i:I").Bytes(), nil, plugins.ImportUnknown, "imports berth1_core.clock_nwo, which ABI 1.0 does not have; did you mean berth1_core.clock_now?"},
		{"reserved module", minimal.With(abi.ImportKV, "kv_get", "ii:i").Bytes(), nil, plugins.ImportUnknown, "imports berth1_kv.kv_get"},
		{"C without its library", minimal.With("env", "pthread_create", "iiii:i").Bytes(), nil, plugins.ImportUnknown, "the linker did not find"},
		{"GOOS=js", minimal.With("gojs", "runtime.ticks", ":F").Bytes(), nil, plugins.ImportUnknown, "GOOS=wasip1"},
		{"wasm-bindgen", minimal.With("__wbindgen_placeholder__", "x", ":").Bytes(), nil, plugins.ImportUnknown, "build without it"},
		{"WASI preview 2", minimal.With("wasi:cli/environment@0.2.0", "get-environment", "i:").Bytes(), nil, plugins.ImportUnknown, "preview 2"},
		{"WASI preview 0", minimal.With("wasi_unstable", "fd_write", "iiii:i").Bytes(), nil, plugins.ImportUnknown, "preview 0"},
		{"WASI with sockets", minimal.With(abi.ImportWASI, "sock_open", "iii:i").Bytes(), nil, plugins.ImportUnknown, "not a function of WASI preview 1"},
		{"hostile import name", minimal.With("\x1b[2J", "a\nb", ":").Bytes(), nil, plugins.ImportUnknown, `imports "\x1b[2J"."a\nb"`},
		{"import of another signature", minimal.With(abi.ImportCore, "log", "ii:i").Bytes(), nil, plugins.ImportSignature, "imports berth1_core.log as (i32, i32) -> i32, the ABI has (i32, i32, i32) -> i32"},
		{"WASI import of another signature", minimal.With(abi.ImportWASI, "fd_seek", "iiii:i").Bytes(), nil, plugins.ImportSignature, "the ABI has (i32, i64, i32, i32) -> i32"},
		{"import without a type", importOf(0, 99), nil, plugins.MalformedWasm, "type 99"},
		{"imported table", importOf(1, 0x70, 0, 1), nil, plugins.ImportSignature, "imports the table env.x"},
		{"imported global", importOf(3, 0x7f, 1), nil, plugins.ImportSignature, "imports the global env.x"},

		{"network", minimal.With(abi.ImportNet, "net_dial", "ii:i").With(abi.ImportNet, "net_read", "iiiI:i").Bytes(), nil, plugins.NotOffered,
			"needs capability net.dial, which this host version does not offer: it imports berth1_net.net_dial, net_read"},
		{"metrics", minimal.With(abi.ImportMetric, "metric_add", "iF:i").Bytes(), nil, plugins.NotOffered, "needs module berth1_metric"},
		{"serve imports", minimal.With(abi.ImportServe, "inbox_fd", ":i").Bytes(), nil, plugins.NotOffered, "needs mode serve"},
		{"serve mode", minimal.Export(abi.ExportServe, ":i").Bytes(), with(func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: proto.ModeServe} }), plugins.NotOffered, "runs in mode serve"},
		{"serve mode without its export", plain, with(func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: proto.ModeServe} }), plugins.ExportMissing, "does not export berth1_serve"},
		{"capability that it cannot do without", plain, with(func(m *proto.Manifest) {
			m.Capabilities = []proto.Capability{{Name: "fs", Required: true, Reason: "keeps its files"}}
		}), plugins.NotOffered, "needs capability fs (keeps its files)"},
		{"building block of later", plain, with(func(m *proto.Manifest) { m.Kinds[0].Kind = "pubsub" }), plugins.NotOffered, "implements pubsub, of which this host version has none: it has state"},
		{"http-wasm", minimal.Export(abi.ExportCall, "").With("http_handler", "get_uri", "ii:i").Bytes(), nil, plugins.MiddlewareModule, "http-wasm middleware"},

		{"later minor", plain, with(func(m *proto.Manifest) { m.ABI = "1.3" }), plugins.ABINewer, "built for ABI 1.3, this host speaks 1.0; use a later host version"},
		{"later minor with its imports", minimal.With(abi.ImportCore, "kv_get", "ii:i").With(abi.ImportKV, "watch", ":i").Bytes(), with(func(m *proto.Manifest) { m.ABI = "1.3" }),
			plugins.ABINewer, "this host speaks 1.0, which does not have berth1_core.kv_get, berth1_kv.watch"},
		{"major 2 by its exports", minimal.Export(abi.ExportCall, "").Export("berth2_call", "ii:i").Bytes(), nil, plugins.ABIMajor, "built for ABI 2 (it exports berth2_call), this host speaks ABI 1.0"},
		{"major 2 by its imports", minimal.With("berth2_core", "log", "iii:i").Bytes(), nil, plugins.ABIMajor, "built for ABI 2 (it imports berth2_core.log)"},
		{"major 2 by its manifest", plain, with(func(m *proto.Manifest) { m.ABI = "2.1" }), plugins.ABIMajor, "built for ABI 2.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := tc.m
			if m == nil {
				m = store()
			}
			err := Check(tc.wasm, m, Current())
			var all plugins.Errors
			if !errors.As(err, &all) {
				t.Fatalf("got %v, want plugins.Errors", err)
			}
			i := slices.IndexFunc(all, func(e *plugins.Error) bool { return e.Code == tc.code && strings.Contains(e.Error(), tc.want) })
			if i < 0 {
				t.Errorf("got %v, want %s with %q", err, tc.code, tc.want)
			}
			want := max(1, several[tc.name])
			if len(all) != want {
				t.Errorf("got %d reasons, want %d: %v", len(all), want, err)
			}
		})
	}
}

// TestCheckNamesEveryReason: an author fixes a build once, not once a reason.
func TestCheckNamesEveryReason(t *testing.T) {
	wasm := pluginstest.Minimal().Export(abi.ExportFrame, "").Export(abi.ExportCall, "i:i").
		With(abi.ImportCore, "log", ":").With("env", "abort", ":").With(abi.ImportNet, "net_close", "i:i")
	wasm.ExportMemory = ""
	err := Check(wasm.Bytes(), store(), Current())
	var got []plugins.Code
	for _, e := range plugins.All(err) {
		got = append(got, e.Code)
	}
	want := []plugins.Code{plugins.Memory, plugins.ExportMissing, plugins.ExportSignature, plugins.ImportSignature, plugins.ImportUnknown, plugins.NotOffered}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestUndeclared: on a host that offers the network, a plugin that reaches for
// it without its manifest saying so is refused.
func TestUndeclared(t *testing.T) {
	net := pluginstest.Minimal().With(abi.ImportNet, "net_dial", "ii:i").Bytes()
	if err := Check(net, store(), Complete()); !plugins.Has(err, plugins.Undeclared) {
		t.Errorf("undeclared net.dial: got %v, want %s", err, plugins.Undeclared)
	}
	serve := pluginstest.Minimal().With(abi.ImportServe, "inbox_fd", ":i").Bytes()
	if err := Check(serve, store(), Complete()); !plugins.Has(err, plugins.Undeclared) {
		t.Errorf("undeclared serve: got %v, want %s", err, plugins.Undeclared)
	}
}

// TestImportSince uses a table of a later version, in which a minor version has
// brought something.
func TestImportSince(t *testing.T) {
	table := append(abi.Imports(), abi.Import{Module: abi.ImportCore, Name: "kv_get", Signature: "ii:i", Since: 1})
	host := Current()
	host.Minor = 2
	wasm := pluginstest.Minimal().With(abi.ImportCore, "kv_get", "ii:i").Bytes()
	err := check(wasm, store(), host, table)
	if want := "imports berth1_core.kv_get, which ABI 1.1 brought, but its manifest asks for 1.0"; !plugins.Has(err, plugins.ImportNewer) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s with %q", err, plugins.ImportNewer, want)
	}
	if err := check(wasm, with(func(m *proto.Manifest) { m.ABI = "1.1" }), host, table); err != nil {
		t.Errorf("asking for 1.1: got %v, want no error", err)
	}
}

func TestManyReasonsAreBounded(t *testing.T) {
	m := pluginstest.Minimal()
	for range 5000 {
		m.Imports = append(m.Imports, pluginstest.Import{Module: "env", Name: strings.Repeat("x", 1000), Signature: ":"})
	}
	err := Check(m.Bytes(), store(), Current())
	if n := len(plugins.All(err)); n != maxFindings {
		t.Errorf("got %d reasons, want %d", n, maxFindings)
	}
	if n := len(err.Error()); n > 64<<10 {
		t.Errorf("got a message of %d bytes, want at most 64 KiB", n)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(pluginstest.Minimal().Bytes())
	f.Add(pluginstest.Minimal().With(abi.ImportNet, "net_dial", "ii:i").Export(abi.ExportStart, ":").Bytes())
	f.Add(slices.Clone(wasmfile.Preamble))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		for _, m := range []*proto.Manifest{nil, store()} {
			err := Check(wasm, m, Current())
			for _, e := range plugins.All(err) {
				if e.Code == "" || e.What == "" {
					t.Fatalf("a reason without code or text: %#v", e)
				}
				if strings.ContainsFunc(e.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
					t.Fatalf("control character in %q", e.Error())
				}
			}
		}
	})
}
