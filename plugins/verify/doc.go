// Package verify says whether this host would take a module, before anything
// compiles or runs it, and if not, every reason at once: a file that is no
// module, exports that are missing, imports that this version of the ABI does
// not have or this host does not offer, a manifest for a later version, bytes
// that are not the pinned ones.
//
//	err := verify.Check(wasm, m, verify.Current())   // nil, or plugins.Errors
//	err = verify.Pin(verify.Digest(wasm), "sha256:...")
//
// It reads the outer structure only: whether the code itself is valid is the
// compiler's to say, and what the code does is the sandbox's to bound.
package verify
