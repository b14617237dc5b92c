// Package hostile is the set of modules that mean no good, or are broken, and
// what the host has to make of each: a clear error, a refused or poisoned
// instance, and nobody else the worse for it.
//
//	hostile.Run(t, func(t *testing.T, cacheDir string) engine.Engine { ... })
//
// The modules are conformance/testdata/hostile/*.wat, assembled and committed
// beside their source; goguest, for what a language runtime adds, which is
// built when the tests run; and files that damage.go makes of a good module.
// Run loads each one through host/guest, as a sidecar does, while another
// component is kept busy: not one request of that may fail.
package hostile

//go:generate env UPDATE_WASM=1 go test -run TestAssembled .
