// Package rewrite prepares a Wasm module for the wazero engine: it meters the
// code, so that a guest looks at its deadline every now and then whatever it
// does, and takes out of the module what an instance starts with, so that
// instances can be cloned from a snapshot.
//
//	res, err := rewrite.Rewrite(wasm)
//	// Compile res.Wasm. Offer it the import IrqModule.IrqName. For the first
//	// instance write res.Data into memory and call the export res.Start; for a
//	// clone, where res.Snapshot is nil, copy the memory and the res.Globals.
//
// It is no validator. It checks what its own soundness rests on, refuses what
// Berth does not offer, and leaves the rest to the engine, which validates the
// result.
//
// # Metering
//
// wazero's code cannot be preempted: while a guest computes, no goroutine can
// stop it, and a garbage collection of the host waits for it. So the module gets
// a mutable i32 global, the fuel, and an imported function, irq. A check takes
// some fuel and, when that leaves less than none, calls irq, which ends the
// guest or returns new fuel. There are checks
//
//   - after every loop instruction, but for loops in the form of Go's jumps,
//     which are checked at the branches back to them (dispatch.go);
//   - at the entry of every function that costs at least what a call does,
//     which is every function that calls;
//   - before the instructions that work on as many bytes or elements as they are
//     told, charged by that number. When the fuel runs out there, long
//     memory.fill and memory.copy go on in pieces (helpers.go).
//
// # Why no guest gets around it
//
// Every instruction has a cost (opcodes.go), and costUnit of cost is one unit of
// fuel. The claim: whatever a function runs has been charged, or is charged
// within the same pass over its code, at no less than its cost.
//
// Take the instructions of a scope: a function, or a loop with a check at its
// head, without such loops inside of it, which are scopes themselves. Control
// enters at its start and pays there for the cost of all of the scope. From then
// on the position in the scope, as the sum of costs before it, grows by at
// least the cost of what runs, because branches to the ends of blocks only skip
// code. It shrinks in one way: by a branch to a loop that is no scope, and that
// one pays for the distance. A branch to such a loop goes unpaid only if it is
// i32.const K, local.set P, br in a row, and the loop starts with
// blocks and a br_table on P whose entry K is a block that is open at the
// branch: then the position grows. So what has run never exceeds what was paid.
//
// A function that costs less than costCall has no check; its caller has paid
// that much for the call. A recursion, also by tail calls, goes through a
// function that calls, and pays at each entry.
//
// The fuel cannot be had otherwise. Old code names none of what is added: every
// index of a function, global, local or type is checked against the original's
// index spaces here, wherever it stands, so that this holds for invalid modules
// too; names that start with $berth are refused in imports and exports; no table
// or reference leads to irq. The engine must read the code as it is read here:
// opcodes that wazero would decode otherwise are refused (prefixed.go).
//
// The subtraction cannot wrap. After a check the fuel is 0 or more, given that
// irq returns no less; a check for code takes at most maxWeight, below 1<<27,
// and one for a length less than 1<<29.
//
// # What is left out
//
// Custom sections but for the names, which the engine shows in traps: it needs
// none of the others, and would hash and copy them. Debug sections would be
// wrong as well, because offsets change. Active data segments and the call of
// the start function, which are left to the host. Tables get a maximum
// (tables.go), because the engine keeps them outside of the limited memory.
package rewrite
