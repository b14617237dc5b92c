// Package manifest reads, checks and writes what a plugin says of itself: its
// types and versions, the metadata fields it takes, what it wants granted, how
// many calls it takes at once.
//
// An author writes plugin.yaml; Parse reads it, and Embed puts it as protocol
// buffer message into the module, as its custom section berth.manifest. From
// then on it travels with the module, and Read or ReadFrom gets it back without
// compiling anything:
//
//	m, err := manifest.Parse("plugin.yaml", src)   // every mistake at once, with its line
//	packed, err := manifest.Embed(wasm, m)
//	m, err = manifest.Read(packed)
//
// A manifest comes from whoever made the module: what Read returns has passed
// Check, so every name in it has the syntax of names, every list has a bound
// and every text can be printed. That the module is what its manifest says is
// for plugins/verify to find out, and what a component may have of what its
// manifest asks for is for the operator to say.
//
// The struct itself is abi/proto.Manifest.
package manifest
