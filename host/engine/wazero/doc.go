// Package wazero is Berth's default engine: wazero's compiler, without cgo.
//
// What it adds to wazero:
//
//   - Every module is metered by rewriting (package rewrite), because wazero's
//     machine code cannot be preempted: a computing guest would stall the
//     whole host at the next garbage collection.
//   - Linear memory is reserved up front, so that it never moves (memory_linux.go).
//   - Instances are cloned from a snapshot of memory and globals, copy-on-write
//     on Linux (snapshot.go).
//   - Compiled code is kept on disk, in a folder that only its owner may enter.
//
// Each component has a runtime of its own, since wazero's memory limit is per
// runtime and modules that do not trust each other shall not share one; the
// compilation cache is shared.
package wazero
