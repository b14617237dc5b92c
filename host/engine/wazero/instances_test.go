package wazero

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/host/sandbox"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// BenchmarkInstances makes instances of the in-memory store in three ways: with
// wazero alone (the module as it is, wazero's own memory), afresh as this
// package does it, and from a snapshot. It reports the median time and the
// private memory that each of 64 instances adds. `make bench` shows them.
func BenchmarkInstances(b *testing.B) {
	wasm := guesttest.Build(b, filepath.Join(guesttest.Root(b), "components/state/in-memory"))
	sb := sandbox.New(sandbox.Config{Component: "bench"})
	defer sb.Close()
	eng, err := New(Options{CacheDir: guesttest.CacheDir(b)})
	if err != nil {
		b.Fatal(err)
	}
	compiled, err := eng.Compile(context.Background(), engine.Config{Name: "bench", Wasm: wasm, Functions: sb.Functions()})
	if err != nil {
		b.Fatal(err)
	}
	defer compiled.Close()
	m := compiled.(*module)
	newCall := func() *engine.Call { return &engine.Call{Context: context.Background(), Host: sb.NewInstance()} }
	var stack [2]uint64
	frame := func(in engine.Instance) error { return in.Func(abi.ExportFrame).Call(newCall(), stack[:]) }

	fresh := func() (func(), error) {
		c := newCall()
		in, err := m.Instantiate(c)
		if err != nil {
			return nil, err
		}
		if err := in.Func(abi.ExportInitialize).Call(c, nil); err != nil {
			return nil, err
		}
		return func() { in.Close() }, frame(in)
	}
	b.Run("plain-wazero", func(b *testing.B) { report(b, plain(b, wasm, sb)) })
	b.Run("fresh", func(b *testing.B) { report(b, fresh) })

	first, err := m.Instantiate(newCall())
	if err != nil {
		b.Fatal(err)
	}
	defer first.Close()
	if err := first.Func(abi.ExportInitialize).Call(newCall(), nil); err != nil {
		b.Fatal(err)
	}
	if err := frame(first); err != nil {
		b.Fatal(err)
	}
	snap, err := m.Snapshot(first)
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	b.Run("snapshot", func(b *testing.B) {
		report(b, func() (func(), error) {
			in, err := snap.Clone()
			if err != nil {
				return nil, err
			}
			return func() { in.Close() }, frame(in)
		})
	})
}

// plain is wazero as it comes.
func plain(b *testing.B, wasm []byte, sb *sandbox.Sandbox) func() (func(), error) {
	b.Helper()
	background := context.Background()
	parsed, err := wasmfile.Parse(wasm)
	if err != nil {
		b.Fatal(err)
	}
	m := &module{name: "plain", runtime: wazero.NewRuntimeWithConfig(background, wazero.NewRuntimeConfigCompiler())}
	b.Cleanup(func() { m.runtime.Close(background) })
	if err := m.link(background, parsed, sb.Functions()); err != nil {
		b.Fatal(err)
	}
	code, err := m.runtime.CompileModule(background, wasm)
	if err != nil {
		b.Fatal(err)
	}
	return func() (func(), error) {
		ctx := &callContext{Context: background}
		mod, err := m.runtime.InstantiateModule(background, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return nil, err
		}
		in := &instance{mod: mod, memory: mod.Memory()}
		ctx.call = &engine.Call{Context: background, Host: sb.NewInstance(), Instance: in}
		for _, name := range []string{abi.ExportInitialize, abi.ExportFrame} {
			if _, err := mod.ExportedFunction(name).Call(ctx); err != nil {
				return nil, err
			}
		}
		return func() { mod.Close(background) }, nil
	}
}

// report makes 64 instances that are alive at once.
func report(b *testing.B, make func() (stop func(), err error)) {
	b.Helper()
	const n = 64
	for range b.N {
		var stops []func()
		var took []time.Duration
		before := privateMemory(b)
		for range n {
			start := time.Now()
			stop, err := make()
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
			stops = append(stops, stop)
		}
		memory := float64(max(privateMemory(b), before) - before)
		for _, stop := range stops {
			stop()
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[n/2].Microseconds()), "us/instance")
		b.ReportMetric(memory/n/1024, "KiB/instance")
	}
}

func privateMemory(b *testing.B) uint64 {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		b.Skip("no smaps_rollup on this system: memory cannot be measured")
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if rest, ok := strings.CutPrefix(s.Text(), "Private_Dirty:"); ok {
			kb, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb << 10
		}
	}
	b.Fatal("no Private_Dirty in smaps_rollup")
	return 0
}
