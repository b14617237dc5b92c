// Command goguest has the exports of a plugin and does nothing: what counts is
// what the Go toolchain makes of it.
package main

//go:wasmexport berth1_frame
func frame() int32 { return 0 }

//go:wasmexport berth1_reserve
func reserve(n uint32) int32 { return 1 }

//go:wasmexport berth1_call
func call(op, n uint32) int32 { return 12 }

func main() {}
