// Package rewrite prepares a Wasm module for the wazero engine: it meters the
// code, so that a guest cannot run for long without looking at its deadline,
// and moves what an instance starts with out of the module, so that instances
// can be cloned from a snapshot.
//
//	res, err := rewrite.Rewrite(wasm)
//	// compile res.Wasm; give it IrqModule.IrqName; write res.Data; call res.Start
//
// It is no validator: it checks what its own soundness needs and leaves the
// rest to the engine, which validates the result.
package rewrite
