package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/wazero"
	"github.com/berth-run/berth/host/sandbox"
)

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
	return instanceCost(t)
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

// instanceCost runs the benchmark of the engine, which makes instances with
// wazero alone, afresh and from a snapshot.
func instanceCost(t *table) error {
	type cost struct{ us, kib float64 }
	costs := map[string]cost{}
	err := benchmarks("./host/engine/wazero", "Instances", "3x", func(name string, unit string, v float64) {
		c := costs[name]
		switch unit {
		case "us/instance":
			c.us = v
		case "KiB/instance":
			c.kib = v
		}
		costs[name] = c
	})
	if err != nil {
		return err
	}
	base := costs["plain-wazero"]
	for _, row := range []struct{ name, what string }{
		{"plain-wazero", "instance, with wazero alone"}, {"fresh", "instance, fresh"}, {"snapshot", "instance, from a snapshot"},
	} {
		c := costs[row.name]
		if c.us == 0 {
			return fmt.Errorf("the benchmark did not measure %s", row.name)
		}
		t.row(row.what, fmt.Sprintf("%.2f ms", c.us/1e3), fmt.Sprintf("%.2f MiB", c.kib/1024),
			fmt.Sprintf("%s time, %s memory", times(base.us/c.us), times(base.kib/c.kib)))
	}
	t.notes = append(t.notes, "Instances: the median of 64 that are alive at once, each with its runtime started; memory is what each adds to the",
		"process's private pages. Goal: one from a snapshot is 20 times cheaper in both than one made with the engine's own means.")
	return nil
}
