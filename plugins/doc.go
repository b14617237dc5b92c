// Package plugins names the reasons for which a plugin is not taken; its
// subpackages find, verify, cache and describe plugins. A plugin is one built
// artifact, a .wasm with its manifest inside. Nothing below this folder runs
// or compiles one, so all of it may read what nobody trusts yet.
//
// The way of a plugin into the host:
//
//	cat := catalog.Open(catalog.Options{Dirs: dirs, Embedded: bundled})
//	p, err := cat.Find(catalog.Query{Type: "state.redis", Version: "v1"})
//	wasm, err := p.Wasm()                                      // the bytes that the manifest was read from
//	err = verify.Check(wasm, p.Manifest, verify.Current())
//
// Every refusal is an *Error, or an Errors of several: a stable code, what is
// wrong, and what to do about it.
package plugins
