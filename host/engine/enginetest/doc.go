// Package enginetest holds the tests that every engine passes. An engine's own
// tests call it:
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(t *testing.T, cacheDir string) engine.Engine {
//			e, err := New(Options{CacheDir: cacheDir})
//			...
//			return e
//		})
//	}
//
// The modules are testdata/*.wat, assembled and committed beside their source
// (go generate needs wat2wasm, of the package wabt). What they try is what
// package engine promises: a guest never brings the host down, runs past its
// deadline or grows past its limit, and whatever it does comes back as one of
// that package's errors. Guests with a language runtime, which need host
// functions, are tried by host/sandbox/sandboxtest.
package enginetest

//go:generate env UPDATE_WASM=1 go test -run TestAssembled .
