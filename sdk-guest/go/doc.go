// Package berth is the SDK for writing Berth components in Go: a component is
// a WebAssembly module that a sidecar loads, and this package carries it
// through the ABI. It has no requirements beyond the standard library and
// builds with the standard Go compiler and with TinyGo.
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
// # Randomness
//
// Instances that start from one snapshot share the seeds of math/rand, of map
// iteration and of hash/maphash. Use Rand, which each instance seeds from the
// host, or crypto/rand, which asks the host, where values must differ.
package berth
