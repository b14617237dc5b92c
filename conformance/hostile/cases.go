package hostile

import (
	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/plugins"
)

// Stage is how far a module gets.
type Stage int

const (
	Load  Stage = iota // refused before any of its code runs
	Start              // refused by what it does until Init has returned
	Call               // loads; an operation shows what it is
)

// Case is one module and what has to come of it.
type Case struct {
	Name  string
	Wasm  func(s *Set) []byte // with its manifest, if it has one
	Stage Stage

	// Code is the reason for which the module is refused; "" when it is the
	// engine that does (an *engine.CompileError), and after Load.
	Code plugins.Code
	// Error is a part of the error's text. "" at Call means that there is none.
	Error string

	// Keys are read one after the other; the last one's outcome counts.
	Keys []string
	// Status and Poisoned are the last one's outcome.
	Status   abi.Status
	Poisoned bool
	// Endless says that the guest would go on for ever: it is given little
	// time, and all it does is what the error says.
	Endless bool
}

// Cases returns the set.
func Cases() []Case {
	var all []Case
	all = append(all, loadCases()...)
	all = append(all, startCases()...)
	all = append(all, callCases()...)
	all = append(all, goCases()...)
	return all
}

// file is a module of testdata with the common manifest.
func file(name string) func(*Set) []byte {
	return func(s *Set) []byte { return s.pack(s.file(name)) }
}

func loadCases() []Case {
	refused := func(name string, code plugins.Code, text string) Case {
		return Case{Name: name, Wasm: file(name), Stage: Load, Code: code, Error: text}
	}
	damaged := func(name string, code plugins.Code, text string, damage func(s *Set) []byte) Case {
		return Case{Name: name, Wasm: damage, Stage: Load, Code: code, Error: text}
	}
	return []Case{
		refused("memory_none", plugins.Memory, "has no memory"),
		refused("memory_unexported", plugins.Memory, "does not export its memory"),
		refused("memory_imported", plugins.Memory, "imports its memory"),
		refused("memory_64", plugins.Memory64, "64-bit"),
		refused("memory_shared", plugins.SharedMemory, "shared"),
		refused("memory_two", plugins.Memory, "2 memories"),
		refused("memory_huge", "", "memory"),
		refused("export_missing", plugins.ExportMissing, "berth1_reserve"),
		refused("export_signature", plugins.ExportSignature, "berth1_call"),
		refused("export_not_a_function", plugins.ExportSignature, "berth1_call"),
		refused("initialize_signature", plugins.ExportSignature, "_initialize"),
		refused("start_exported", plugins.StartExported, "_start"),
		refused("abi_2", plugins.ABIMajor, "ABI 2"),
		refused("import_unknown_module", plugins.ImportUnknown, "env"),
		refused("import_unknown_function", plugins.ImportUnknown, "teleport"),
		refused("import_signature", plugins.ImportSignature, "berth1_core.log"),
		refused("import_ungranted", plugins.NotOffered, "net_dial"),
		refused("import_global", plugins.ImportSignature, "__stack_pointer"),
		refused("import_meter", plugins.ImportUnknown, "$berth"),
		refused("export_meter", "", "reserved"),
		refused("body_invalid", "", "compiling module"),
		refused("exceptions", "", "compiling module"),
		refused("table_huge", "", "table"),

		damaged("empty", plugins.Empty, "empty", func(s *Set) []byte { return nil }),
		damaged("one byte", plugins.NotWasm, "", func(s *Set) []byte { return []byte{0} }),
		damaged("preamble only", plugins.ManifestMissing, "", func(s *Set) []byte { return s.good()[:8] }),
		damaged("text", plugins.NotWasm, "", func(s *Set) []byte { return []byte("<!DOCTYPE html>\n<title>404</title>\n") }),
		damaged("random bytes", plugins.NotWasm, "", random),
		damaged("random bytes behind the preamble", plugins.MalformedWasm, "", randomBehindPreamble),
		damaged("component", plugins.ComponentModel, "", component),
		damaged("truncated in a section", plugins.Truncated, "", func(s *Set) []byte { return s.good()[:200] }),
		damaged("truncated at the end", plugins.Truncated, "", func(s *Set) []byte { return s.good()[:len(s.good())-1] }),
		damaged("section length of 4 GiB", plugins.Truncated, "", sectionOf4GiB),
		damaged("a million sections", plugins.TooLarge, "", manySections),
		damaged("two million exports", plugins.TooLarge, "", manyExports),
		damaged("no manifest", plugins.ManifestMissing, "", func(s *Set) []byte { return s.file("call") }),
		damaged("two manifests", plugins.ManifestDuplicate, "", twoManifests),
		damaged("manifest that does not decode", plugins.ManifestInvalid, "", manifestOf([]byte{0x0b, 0xff})),
		damaged("manifest of 1 MiB", plugins.ManifestTooLarge, "", manifestOf(make([]byte, 1<<20))),
		damaged("manifest for ABI 1.99", plugins.ABINewer, "1.99", manifestABI("1.99")),
		damaged("manifest for ABI 2.0", plugins.ABIMajor, "2.0", manifestABI("2.0")),
		damaged("manifest of another type", "", "does not implement state.hostile", manifestType("state.other")),
		damaged("manifest of another kind", "", "", manifestKind("pubsub", "pubsub.hostile")),
		damaged("manifest says it serves", "", "serve", manifestServe),
		damaged("4,294,967,295 locals", "", "", manyLocals),
		damaged("10,000 types of 1001 parameters", "", "", manyParams),
		damaged("blocks nested a million deep", "", "more than 10000 blocks nested", deepBlocks),
		damaged("data segment of no memory", "", "", dataOfNoMemory),
	}
}

func startCases() []Case {
	fails := func(name string, s abi.Status, poisoned bool, text string) Case {
		return Case{Name: name, Wasm: file(name), Stage: Start, Error: text, Status: s, Poisoned: poisoned}
	}
	endless := func(name string) Case {
		c := fails(name, abi.DeadlineExceeded, true, "interrupted")
		c.Endless = true
		return c
	}
	loads := func(name string) Case {
		return Case{Name: name, Wasm: file(name), Stage: Call, Keys: []string{"a", "b"}}
	}
	return []Case{
		fails("frame_outside", abi.Internal, true, "ABI-010"),
		fails("frame_half_outside", abi.Internal, true, "ABI-010"),
		fails("frame_misaligned", abi.Internal, true, "ABI-010"),
		fails("frame_size_0", abi.Internal, true, "ABI-010"),
		fails("frame_abi_2", abi.Internal, true, "ABI-041"),
		fails("frame_abi_newer", abi.Internal, true, "ABI-041"),
		fails("frame_traps", abi.Internal, true, "unreachable"),
		endless("frame_loops"),
		loads("frame_size_huge"),
		loads("frame_moves"),
		fails("initialize_traps", abi.Internal, true, "unreachable"),
		fails("initialize_exits", abi.Internal, true, "exited with code 0"),
		endless("initialize_loops"),
		endless("initialize_recurses"),
		endless("initialize_sleeps"),
		loads("initialize_grows"),
		fails("start_traps", abi.Internal, true, "unreachable"),
		fails("start_exits", abi.Internal, true, "exited with code 1"),
		endless("start_loops"),
		endless("start_floods"),
		fails("data_outside", abi.Internal, true, "out of bounds"),
		fails("init_unimplemented", abi.Unimplemented, false, "UNIMPLEMENTED"),
		fails("init_negative", abi.Internal, true, "ABI-024"),
		fails("init_traps", abi.Internal, true, "unreachable"),
		fails("init_exits", abi.Internal, true, "exited with code 0"),
		endless("init_loops"),
		endless("init_sleeps"),
		fails("init_answer_outside", abi.Internal, true, "ABI-013"),
		fails("init_answer_garbage", abi.Internal, true, "ABI-050"),
		fails("init_fails", abi.InvalidMetadata, false, "no such database"),
		fails("init_no_buffer", abi.Internal, true, "ABI-005"),
		fails("init_buffer_outside", abi.Internal, true, "ABI-013"),
		fails("init_buffer_over_frame", abi.Internal, true, "ABI-013"),
		loads("table_grows"),
		{Name: "custom section of 16 MiB", Wasm: hugeCustom, Stage: Call, Keys: []string{"a"}},
		{Name: "manifest declares what the module lacks", Wasm: manifestFeatures, Stage: Call, Keys: []string{"a"}},
	}
}

func callCases() []Case {
	get := func(name string, key string) Case {
		return Case{Name: name, Wasm: file("call"), Stage: Call, Keys: []string{key}}
	}
	answers := get
	breaks := func(name, key, clause string) Case {
		c := get(name, key)
		c.Error, c.Status, c.Poisoned = clause, abi.Internal, true
		return c
	}
	// next breaks something that shows in the call after.
	next := func(name, key, text string) Case {
		c := breaks(name, key, text)
		c.Keys = append(c.Keys, "a")
		return c
	}
	reports := func(name, key string, s abi.Status, text string) Case {
		c := get(name, key)
		c.Error, c.Status = text, s
		return c
	}
	endless := func(name, key string) Case {
		c := get(name, key)
		c.Error, c.Status, c.Poisoned, c.Endless = "interrupted", abi.DeadlineExceeded, true, true
		return c
	}
	failsToReserve := reports("reserve fails", "42", abi.ResourceExhausted, "no memory for a request")
	failsToReserve.Keys = append(failsToReserve.Keys, "a")
	reserveLoops := endless("reserve loops", "44")
	reserveLoops.Keys = append(reserveLoops.Keys, "a")
	return []Case{
		answers("good", "00"),
		breaks("answer outside", "01", "ABI-013"),
		breaks("answer of 4 GiB", "02", "ABI-013"),
		breaks("answer that wraps around", "03", "ABI-013"),
		breaks("answer half outside", "04", "ABI-013"),
		reports("answer over the limit", "05", abi.ResourceExhausted, "limit"),
		breaks("status -1", "06", "ABI-024"),
		breaks("status 63", "07", "ABI-024"),
		breaks("status -2147483648", "08", "ABI-024"),
		breaks("status 17", "09", "ABI-024"),
		breaks("answer does not decode", "10", "ABI-050"),
		breaks("error does not decode", "11", "ABI-026"),
		breaks("error is not UTF-8", "12", "ABI-026"),
		reports("error of a megabyte", "13", abi.Internal, "xxx"),
		breaks("100,001 metadata entries", "14", "ABI-050"),
		{Name: "reports a panic", Wasm: file("call"), Stage: Call, Keys: []string{"15"}, Error: "a bug", Status: abi.Internal, Poisoned: true},
		answers("memory grows in the call", "16"),
		answers("memory bomb", "17"),
		breaks("unreachable", "18", "unreachable"),
		breaks("load outside", "19", "out of bounds"),
		breaks("division by zero", "20", "divide by zero"),
		breaks("indirect call of another type", "21", "indirect call"),
		breaks("indirect call outside the table", "22", "guest trapped"),
		breaks("endless recursion", "23", "stack"),
		endless("exponential recursion", "24"),
		endless("endless loop", "25"),
		endless("endless loop with calls", "26"),
		endless("endless loop of clock readings", "27"),
		endless("endless loop of memory.fill", "28"),
		endless("endless loop of random bytes", "29"),
		endless("endless loop of log lines", "30"),
		endless("sleeps for ever", "31"),
		endless("polls for ever", "32"),
		breaks("exits with 0", "33", "exited with code 0"),
		breaks("exits with 3", "34", "exited with code 3"),
		answers("log flood", "35"),
		answers("256 MiB on standard error", "36"),
		answers("pointers outside in imports", "37"),
		next("buffer outside", "38", "ABI-013"),
		next("buffer of 4 GiB", "39", "ABI-013"),
		next("buffer over the frame", "40", "ABI-013"),
		next("reserve lies", "41", "ABI-005"),
		failsToReserve,
		next("reserve traps", "43", "unreachable"),
		reserveLoops,
		next("frame overwritten", "45", "ABI-013"),
		breaks("all memory overwritten", "46", "ABI-013"),
		breaks("answer is the frame", "47", "ABI-050"),
		breaks("answer is all of memory", "48", "ABI-050"),
		answers("four million entries that are one", "50"),
		reports("error without a body", "49", abi.ETagMismatch, "ETAG_MISMATCH"),
	}
}

func goCases() []Case {
	get := func(key, text string, s abi.Status, poisoned bool) Case {
		return Case{Name: "go " + key, Wasm: goGuest, Stage: Call, Keys: []string{key}, Error: text, Status: s, Poisoned: poisoned}
	}
	endless := func(key string) Case {
		c := get(key, "interrupted", abi.DeadlineExceeded, true)
		c.Endless = true
		return c
	}
	return []Case{
		get("good", "", abi.OK, false),
		get("panic", "a bug in the guest", abi.Internal, true),
		get("nil", "nil pointer", abi.Internal, true),
		get("index", "index out of range", abi.Internal, true),
		get("goroutine panic", "a bug in a goroutine", abi.Internal, true),
		get("fatal", "unlock of unlocked mutex", abi.Internal, true),
		get("overflow", "guest trapped", abi.Internal, true),
		get("bomb", "out of memory", abi.Internal, true),
		get("goroutine bomb", "out of memory", abi.Internal, true),
		get("deadlock", "all goroutines are asleep", abi.Internal, true),
		get("locked", "all goroutines are asleep", abi.Internal, true),
		get("exit 0", "exited with code 0", abi.Internal, true),
		get("exit 3", "exited with code 3", abi.Internal, true),
		endless("spin"),
		endless("spin goroutines"),
		endless("spin clock"),
		endless("sleep"),
		get("flood", "", abi.OK, false),
		get("long line", "", abi.OK, false),
		get("long error", "eee", abi.Internal, false),
		get("bad error", "", abi.Internal, false),
		get("large", "raise wasm.memory", abi.ResourceExhausted, false),
		get("environment", "", abi.OK, false),
	}
}
