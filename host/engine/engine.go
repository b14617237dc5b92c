// Package engine is the narrow interface between Berth and a Wasm engine.
//
// host/engine/wazero implements it with wazero, host/engine/wasmtime (build tag
// wasmtime) with wasmtime-go; host/engine/enginetest holds the tests both pass.
// host/engine/pool speaks the ABI over an Instance. The way of one component:
//
//	eng, err := wazero.New(wazero.Options{CacheDir: dir})
//	mod, err := eng.Compile(ctx, engine.Config{Name: "statestore", Wasm: b, Functions: sandbox.Functions()})
//	inst, err := mod.Instantiate(&engine.Call{Context: ctx, Host: state})
//	fn := inst.Func("berth1_call")
//	err = fn.Call(call, stack)
//
// A guest is hostile. An engine never lets it panic the host, run past its
// call's deadline, or grow past its memory limit; every failure comes back as
// one of the errors of errors.go, and after any of them the instance is not
// used again.
package engine

import (
	"context"
)

// Engine compiles modules. It is safe for concurrent use.
type Engine interface {
	// Name is "wazero" or "wasmtime".
	Name() string
	// Version is the engine's own version, part of every cache key.
	Version() string
	// Compile validates and compiles c.Wasm for one component, from the disk
	// cache where it can. The error is a *CompileError when the module is at fault.
	Compile(ctx context.Context, c Config) (Module, error)
	// Close frees what the engine holds; every module is closed before.
	Close() error
}

// Config is one component's module and its bounds.
type Config struct {
	Name      string     // the component's name, for errors
	Wasm      []byte     // the module, as it lies in the file
	Digest    string     // "sha256:" and hex of Wasm, or "" when not known yet
	Functions []HostFunc // everything the module may import
	MaxMemory uint64     // bytes of linear memory an instance may have; 0 = DefaultMaxMemory
}

// DefaultMaxMemory is the limit on an instance's linear memory when none is configured.
const DefaultMaxMemory = 64 << 20

// Module is a compiled module. It is safe for concurrent use.
type Module interface {
	// Instantiate makes a fresh instance: memory, tables and globals as the
	// module declares them, data written, the start section run. It does not
	// call _initialize. c is the call under which the start section runs.
	Instantiate(c *Call) (Instance, error)
	// Snapshot takes the memory and globals of in, which is idle, as the
	// starting point of clones. It fails with errors.ErrUnsupported where the
	// engine or the module does not allow it. in stays usable.
	Snapshot(in Instance) (Snapshot, error)
	// Info says what the compiler made of the module.
	Info() ModuleInfo
	Close() error
}

// ModuleInfo describes a compiled module.
type ModuleInfo struct {
	Cached       bool   // the compiled code was there already
	WasmBytes    int    // size of the module
	MeterChecks  int    // fuel checks added by the rewriter; 0 where the engine meters by itself
	InitialPages uint32 // declared minimum of the memory, in 64 KiB pages
}

// Snapshot makes instances that start where another one stood.
type Snapshot interface {
	// Clone makes an instance from the snapshot; memory is shared copy-on-write where the system allows.
	Clone() (Instance, error)
	// Size is the memory image's size in bytes.
	Size() int
	// CopyOnWrite reports whether clones share unmodified pages.
	CopyOnWrite() bool
	Close() error
}

// Instance is one sandbox. It is used by one goroutine at a time, which Close
// counts as a use.
type Instance interface {
	// Memory is a view of the linear memory, valid until the guest runs again.
	Memory() []byte
	// Func returns the exported function, or nil when there is none of that name.
	Func(name string) Func
	Close() error
}

// Func is an exported function of an instance.
type Func interface {
	Signature() Signature
	// Call runs the function under c. stack holds the parameters and, on
	// return, the results; its length is at least the larger of both counts.
	// An i32 lies in the lower half of its slot.
	Call(c *Call, stack []uint64) error
}

// ValueType is a Wasm value type, by its binary code.
type ValueType byte

const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
	F32 ValueType = 0x7d
	F64 ValueType = 0x7c
)

// Signature is a function's type.
type Signature struct{ Params, Results []ValueType }

// HostFunc is a function that guests may import.
//
// Fn reads its parameters from stack and leaves its result in stack[0]. The
// upper half of an i32 slot is not cleared: read uint32(stack[i]). Memory is
// reached through c.Memory, and every pointer is checked with abi.Range. A
// function that waits ends when c does (Call.Wait, Call.Err). It may end the
// guest with Call.Exit or Call.Abort.
type HostFunc struct {
	Module, Name string
	Signature
	Fn func(c *Call, stack []uint64)
}
