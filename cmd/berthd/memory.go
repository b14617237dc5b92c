package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// startHeap is how much memory the process may take before the garbage
// collector begins, while it starts: about what one plugin from the cache needs.
const startHeap = 64 << 20

// quietStart keeps the garbage collector from running while the sidecar starts:
// there is little to collect yet, and it would cost a tenth of a start. It runs as
// ever after the first collection, which startHeap sets off, or after settle,
// which gives back what the start needed and the rest does not.
func quietStart() (settle func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return sync.OnceFunc(debug.FreeOSMemory) // somebody decided already
	}
	limit, percent := debug.SetMemoryLimit(startHeap), debug.SetGCPercent(-1)
	restore := sync.OnceFunc(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
	runtime.AddCleanup(new([64]byte), func(f func()) { f() }, restore)
	return sync.OnceFunc(func() {
		restore()
		debug.FreeOSMemory()
	})
}
