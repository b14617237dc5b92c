// Package berth is the SDK for writing Berth components in Go: a component is
// a WebAssembly module that a sidecar loads, and this package carries it
// through the ABI. It has no requirements beyond the standard library, and is
// written for the standard Go compiler and for TinyGo; README.md says which
// versions it was tried with.
//
// A component implements the interface of its kind (package state for a state
// store) and registers itself while the module initialises:
//
//	package main
//
//	import "github.com/berth-run/berth/sdk-guest/go/state"
//
//	func init() { state.Register(&store{}) }
//
//	func main() {} // never runs: the host calls the module's exports
//
// It is built as a reactor, and packed with its manifest:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o store.wasm .
//	berth plugin pack store.wasm --manifest plugin.yaml
//
// Its unit tests run on the developer's machine, with package state/statetest
// in the place of the host. Package json reads documents, and state/query
// answers Dapr's query API over them, without the weight of encoding/json.
//
// This package is not for what the sidecar does: keys come with the prefix that
// it adds, values encrypted when it encrypts them, and retries are its own.
//
// # Life cycle
//
// The module's init functions run once, without any grant. Then Init is called
// with the component's metadata; then the operations. The host may take a
// snapshot after Init and start further instances from it, so Init must not
// leave work in goroutines or depend on being called in each instance.
//
// # One call at a time
//
// An instance serves one call at a time, and goroutines run only while a call
// does. A component whose manifest says "serial" has one instance and may keep
// state in variables; a pooled one has many, which share nothing.
//
// # Errors
//
// An error of NewError has a status, which the caller of the API sees: ETagMismatch
// becomes HTTP 409, for instance. Words may be put around it with %w. Any other
// error is Internal. A panic ends the call with its text and stack in the
// sidecar's log, and the instance is replaced.
//
// # Memory
//
// A guest that finds no memory ends, with all that it holds. The host sets
// GOMEMLIMIT below what it granted, and this package gives the collector its
// turns; a component that keeps data refuses more in time, see MemoryLimit.
//
// # Randomness
//
// Instances that start from one snapshot share the seeds of math/rand, of map
// iteration and of hash/maphash. Use Rand, which each instance seeds from the
// host, or crypto/rand, which asks the host, where values must differ.
package berth
