// Package wasmtime is Berth's second engine: wasmtime, through cgo. Its
// machine code for Go guests is several times faster than the default
// engine's. The price is a C compiler at build time, 20 MB of binary, dearer
// crossings, and fresh instances in place of snapshots. All but this file is
// built with cgo and the tag wasmtime:
//
//	eng, err := wasmtime.New(wasmtime.Options{CacheDir: dir})
//
// Package engines picks an engine by name.
//
// # The C API
//
// The library comes with wasmtime-go, whose Go API is not used. It cannot set
// what happens when an epoch ends, which is how one guest is asked to stop
// without stopping the others. And a call through it takes nine allocations,
// some with finalizers: measured in one run, an empty call costs 2.7 us, and
// 0.08 us here (wazero: 0.02); a host function 1.1 us, and 0.07 us here
// (wazero: 0.04). capi.h declares the part of the C API that is needed, shim.c
// puts the calls together, and a test compares the declarations with the
// library's headers.
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
// half: 4 MiB with glibc's defaults, enough for 100,000 calls of a small Go
// function, where the default engine takes 50 MB. A fault in wasmtime's own
// compiler aborts the process, where the default engine's is recovered. Each
// instance reserves 4 GiB of address space, so that its code needs no bounds
// checks: a limit on that (ulimit -v) limits the number of instances.
package wasmtime
