// Package wasmtime is Berth's second engine: wasmtime, through cgo. Its
// machine code for Go guests is several times faster than the default
// engine's, for a C compiler at build time, 25 MB of binary, a few times the
// cost of an empty call, and fresh instances in place of snapshots. All but
// this file is built with cgo and the tag wasmtime:
//
//	eng, err := wasmtime.New(wasmtime.Options{CacheDir: dir})
//
// Package engines picks an engine by name.
//
// # The C API
//
// The library comes with wasmtime-go. Its Go API is not used: it cannot set
// what happens when an epoch ends, which is how a guest that computes is asked
// to stop without stopping the others; a call through it makes nine
// allocations, some with finalizers; and a host function panics into C and
// back. capi.h declares the part of the C API that is needed, shim.c puts the
// calls together, and a test compares the declarations with the headers.
//
// # Interruption
//
// wasmtime's code looks at the engine's epoch at function entries and loop
// heads. A goroutine advances the epoch each millisecond while calls run, and
// each running guest then asks its own Call whether it may go on. The
// goroutine ends when no call has run for a while.
//
// # What wasmtime cannot contain
//
// A guest runs on the stack of an operating system thread, of which it gets
// half at most; endless recursion ends at that. A fault in wasmtime's own
// compiler aborts the process, where the default engine's would be recovered.
package wasmtime
