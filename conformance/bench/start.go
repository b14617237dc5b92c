package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/sandbox"
)

const instances = 64

func benchStart(t *table) error {
	t.title = "Starting: compiling the in-memory store, and making instances of it"
	t.head = []string{"what", "time", "memory", "ratio"}
	p, err := plugin()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "berth-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cold, err := compileTime(dir, p.Wasm)
	if err != nil {
		return err
	}
	cached := cold
	for range 5 {
		d, err := compileTime(dir, p.Wasm)
		if err != nil {
			return err
		}
		cached = min(cached, d)
	}
	t.row(fmt.Sprintf("compile, cold (%.1f MB module)", float64(len(p.Wasm))/1e6), millis(cold), "", "")
	t.row("compile, from the disk cache", millis(cached), "", times(float64(cold)/float64(cached)))
	return instanceCost(t, dir, p.Wasm)
}

func compileTime(dir string, wasm []byte) (time.Duration, error) {
	eng, err := wazero.New(wazero.Options{CacheDir: dir})
	if err != nil {
		return 0, err
	}
	defer eng.Close()
	sb := sandbox.New(sandbox.Config{Component: "bench"})
	defer sb.Close()
	start := time.Now()
	m, err := eng.Compile(context.Background(), engine.Config{Name: "bench", Wasm: wasm, Functions: sb.Functions()})
	if err != nil {
		return 0, err
	}
	d := time.Since(start)
	return d, m.Close()
}

// instanceCost makes instances the slow way and from a snapshot.
func instanceCost(t *table, dir string, wasm []byte) error {
	eng, err := wazero.New(wazero.Options{CacheDir: dir})
	if err != nil {
		return err
	}
	defer eng.Close()
	sb := sandbox.New(sandbox.Config{Component: "bench"})
	defer sb.Close()
	m, err := eng.Compile(context.Background(), engine.Config{Name: "bench", Wasm: wasm, Functions: sb.Functions()})
	if err != nil {
		return err
	}
	defer m.Close()
	call := func() *engine.Call { return &engine.Call{Context: context.Background(), Host: sb.NewInstance()} }
	ready := func(in engine.Instance, c *engine.Call) error {
		var stack [2]uint64
		return in.Func(abi.ExportFrame).Call(c, stack[:])
	}
	fresh := func() (engine.Instance, error) {
		c := call()
		in, err := m.Instantiate(c)
		if err != nil {
			return nil, err
		}
		if err := in.Func(abi.ExportInitialize).Call(c, nil); err != nil {
			return nil, err
		}
		return in, ready(in, c)
	}
	first, err := fresh()
	if err != nil {
		return err
	}
	defer first.Close()
	snap, err := m.Snapshot(first)
	if err != nil {
		return err
	}
	defer snap.Close()
	clone := func() (engine.Instance, error) {
		in, err := snap.Clone()
		if err != nil {
			return nil, err
		}
		return in, ready(in, call())
	}
	slow, slowMem, err := makeMany(fresh)
	if err != nil {
		return err
	}
	quick, quickMem, err := makeMany(clone)
	if err != nil {
		return err
	}
	t.row("instance, fresh", millis(slow), mib(slowMem), "")
	t.row("instance, from a snapshot", millis(quick), mib(quickMem),
		fmt.Sprintf("%s time, %s memory", times(float64(slow)/float64(quick)), times(float64(slowMem)/float64(quickMem))))
	t.notes = append(t.notes, fmt.Sprintf("Medians and averages over %d instances that are alive at once; memory is what each adds to the process's private pages.", instances),
		"Goal: an instance from a snapshot is 20 times cheaper in both.")
	return nil
}

func makeMany(make func() (engine.Instance, error)) (median time.Duration, memory uint64, err error) {
	var all []engine.Instance
	defer func() {
		for _, in := range all {
			err = errors.Join(err, in.Close())
		}
	}()
	var took []time.Duration
	before, err := private()
	if err != nil {
		return 0, 0, err
	}
	for range instances {
		start := time.Now()
		in, err := make()
		if err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(start))
		all = append(all, in)
	}
	after, err := private()
	if err != nil {
		return 0, 0, err
	}
	slices.Sort(took)
	return took[len(took)/2], (max(after, before) - before) / instances, nil
}

// private is the process's private dirty memory, without the garbage.
func private() (uint64, error) {
	runtime.GC()
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if rest, ok := strings.CutPrefix(s.Text(), "Private_Dirty:"); ok {
			kb, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no Private_Dirty in smaps_rollup")
}
