package verify

import (
	"fmt"

	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// Bounds on a module's parts. Reading one that is made of three-byte parts
// takes twenty times its size in memory; no real module comes near these.
const maxSections = 1000

var maxParts = map[byte]struct {
	name  string
	limit uint32
}{
	wasmfile.Type:     {"types", 100_000},
	wasmfile.Import:   {"imports", 10_000},
	wasmfile.Function: {"functions", 1_000_000},
	wasmfile.Memory:   {"memories", 100},
	wasmfile.Export:   {"exports", 100_000},
}

// bounded refuses a module with more parts than wasmfile should be asked to
// read. It leaves everything else about the structure to wasmfile.
func bounded(wasm []byte) *plugins.Error {
	if len(wasm) < len(wasmfile.Preamble) {
		return nil
	}
	r := wasmfile.Reader{B: wasm, Off: len(wasmfile.Preamble)}
	for sections := 1; r.Err == nil && r.Off < len(wasm); sections++ {
		if sections > maxSections {
			return &plugins.Error{Code: plugins.TooLarge, What: fmt.Sprintf("has over %d sections", maxSections)}
		}
		id := r.Byte()
		content := wasmfile.Reader{B: r.Bytes(r.U32())}
		if part, ok := maxParts[id]; ok && r.Err == nil {
			if n := content.U32(); n > part.limit {
				return &plugins.Error{Code: plugins.TooLarge, What: fmt.Sprintf("has %d %s, the limit is %d", n, part.name, part.limit)}
			}
		}
	}
	return nil
}
