// Package sandbox is everything a guest can reach: the functions it may import
// and the state the host keeps for it. It is written once, against
// engine.HostFunc, so that both engines behave alike.
//
// One Sandbox serves one configured component, one Instance each of its
// running sandboxes:
//
//	sb := sandbox.New(sandbox.Config{Component: "statestore", Logger: log})
//	mod, err := eng.Compile(ctx, engine.Config{Name: "statestore", Wasm: b, Functions: sb.Functions()})
//	state := sb.NewInstance()
//	inst, err := mod.Instantiate(&engine.Call{Context: ctx, Host: state})
//	err = inst.Func(abi.ExportCall).Call(&engine.Call{Context: ctx, Host: state}, stack)
//
// # What is granted
//
// berth1_core, and of WASI preview 1 what language runtimes need to start and
// to run: clocks, random bytes, arguments and variables that the operator
// granted, standard output and error (they go to the log, line by line),
// standard input (empty), poll_oneoff on clocks and those descriptors,
// sched_yield and proc_exit. Every other function of preview 1 can be imported,
// so that modules link, and is refused: no folder, no socket, no signal.
//
// # When a call ends
//
// A call ends when its caller goes away or its deadline passes (engine.Call.Err).
// What waits at that moment returns: berth1_core.sleep with TIMEOUT or
// CANCELLED, poll_oneoff with EINTR. A guest that looks at the result can tidy
// up and return, and its instance stays whole. It has until engine.Call says
// that it must be interrupted, which is at the hard deadline, or a grace after
// the caller went away. From then on every function that takes longer than
// reading a clock ends the guest with an engine.InterruptError, and so does
// each 256th call of any function; a guest that computes instead is stopped by
// the engine's metering.
//
// Language runtimes do not look at that result: Go takes EINTR for a sleep to
// be taken up again. So a poll_oneoff that begins after the end of the call
// goes on until it is due or the guest is interrupted, rather than spin. One
// of up to a millisecond is never cut short, for the Go runtime ends the
// program on an error there.
//
// # Hostile guests
//
// Pointers and lengths are checked in 64 bits, work is bounded in each call
// (64 KiB written, 4096 subscriptions, 1024 buffers), log lines are bounded in
// length and rate and hold printable text only. No function panics on what a
// guest passes, and none takes a lock that another guest can hold for long.
//
// The package does not compile or run modules (host/engine), does not know the
// ABI's calls (host/engine/pool) and does not decide on grants: it enforces them.
package sandbox
