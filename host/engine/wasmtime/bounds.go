//go:build wasmtime && cgo

package wasmtime

import (
	"fmt"

	"github.com/berth-run/berth/host/engine/wazero/rewrite"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// maxTableLength is how many elements all tables of an instance may have: 8 MiB.
const maxTableLength = 1 << 20

// accept refuses what Berth does not take although wasmtime might: names that
// are the host's, proposals that cannot be switched off, and modules of which
// few bytes are much work to compile. The default engine's rewriter is the
// judge for both engines, so that a module that loads with one loads with the other.
func accept(wasm []byte) error {
	_, err := rewrite.Rewrite(wasm)
	return err
}

// checkTables returns how many elements each of the module's tables may have.
// A store's limit is one for all tables, so each gets the same part of maxTableLength.
func checkTables(m *wasmfile.Module) (int64, error) {
	for _, s := range m.Sections {
		if s.ID != wasmfile.Table {
			continue
		}
		r := &wasmfile.Reader{B: s.Content}
		n := r.Count(3)
		limit := maxTableLength / uint64(max(n, 1))
		for ; n > 0 && r.Err == nil; n-- {
			r.Byte() // the element type
			if l := r.Limits(); l.Min > limit {
				r.Fail("a table of %d elements is over the limit of %d for each of the module's tables", l.Min, limit)
			}
		}
		if r.Err != nil {
			return 0, fmt.Errorf("table section: %w", r.Err)
		}
		return int64(limit), nil
	}
	return 0, nil
}
