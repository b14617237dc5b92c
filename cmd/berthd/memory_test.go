package main

import (
	"math"
	"os"
	"runtime/debug"
	"testing"
	"time"
)

// collector returns how the garbage collector is set.
func collector() (percent int, limit int64) {
	percent = debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent, debug.SetMemoryLimit(-1)
}

func unset(t *testing.T, names ...string) {
	for _, n := range names {
		t.Setenv(n, "") // put back at the end
		if err := os.Unsetenv(n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQuietStart(t *testing.T) {
	unset(t, "GOGC", "GOMEMLIMIT")
	settle := quietStart()
	if p, l := collector(); p != -1 || l != startHeap {
		t.Errorf("at the start: got %d %% and %d bytes, want none and %d", p, l, startHeap)
	}
	settle()
	if p, l := collector(); p != 100 || l != math.MaxInt64 {
		t.Errorf("settled: got %d %% and %d bytes, want 100 and no limit", p, l)
	}
}

var sink []byte

// A start that takes much memory gets its collector back without being ready.
func TestQuietStartOfLargePlugins(t *testing.T) {
	unset(t, "GOGC", "GOMEMLIMIT")
	settle := quietStart()
	defer settle()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if p, l := collector(); p == 100 && l == math.MaxInt64 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the collector stays off although memory is used up")
		}
		sink = make([]byte, 1<<20)
		sink[0] = 1
	}
}

func TestQuietStartLeavesTheUsersChoice(t *testing.T) {
	unset(t, "GOGC", "GOMEMLIMIT")
	t.Setenv("GOGC", "50")
	quietStart()
	if p, l := collector(); p != 100 || l != math.MaxInt64 {
		t.Errorf("got %d %% and %d bytes, want what was", p, l)
	}
}
