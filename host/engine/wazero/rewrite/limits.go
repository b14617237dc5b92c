package rewrite

// Limits on a module, on what the engine would otherwise allocate or compile
// for a few bytes of it. The first four are those of browsers
// (https://webassembly.github.io/spec/js-api/#limits).
const (
	maxParams      = 1000
	maxResults     = 1000
	maxLocals      = 50_000 // of one function, with its parameters
	maxTables      = 100
	maxTableLength = 1 << 20 // elements of all tables together, now or grown: 8 MiB

	// maxNesting is how many blocks may be open at once. The engine's compiler
	// takes their square in time: 0.5 s for this many, over a minute for six times
	// as many. Go's largest functions have some thousand.
	maxNesting = 10_000

	// A local that is used takes two bytes of code to use, so that all
	// functions' locals together are fewer than the module's bytes; the engine
	// spends eight bytes on each. This many are free.
	freeLocals = 1 << 16
)
