// Package pool keeps the instances of one component and speaks the ABI with
// them: it borrows an instance, writes request and frame, calls, reads the
// answer and gives the instance back.
//
//	p, err := pool.New(ctx, pool.Config{Name: "statestore", Module: mod, Host: sandbox, Init: init})
//	err = p.Call(ctx, abi.OpStateGet, req, resp)
//
// # Instances
//
// An instance is new, ready, busy, ready again, and so on, until it is closed
// or poisoned; only ready ones are lent. A trap, an exit, an interruption, a
// panic that the guest reports, or any number from the guest that breaks the
// ABI poisons it: it is closed and never used again. The pool stays up and
// makes another, at once at first, with a growing delay when instances go on
// failing.
//
// # Order
//
// Free instances are a stack under a mutex: the last one used is the next one
// lent, which keeps few of them hot. A caller that finds none starts one, up
// to Config.MaxInstances; beyond that callers wait in a bounded queue. With
// one instance (Serial) callers take turns, and the instance is never recycled
// or shrunk away, because its memory may be the data.
//
// Pool owns its instances and goroutines; Close ends them all.
package pool
