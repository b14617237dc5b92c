package engine

import (
	"errors"
	"fmt"

	"github.com/berth-run/berth/plugins/wasmfile"
)

// CheckMemory refuses a module whose memory Berth does not take, or that starts
// with more than limit bytes.
func CheckMemory(m *wasmfile.Module, limit uint64) error {
	const page = 64 << 10
	if len(m.Memories) != 1 {
		return fmt.Errorf("the module defines %d memories, and must define one", len(m.Memories))
	}
	mem := m.Memories[0]
	if mem.Shared || mem.Is64 {
		return errors.New("shared and 64-bit memories are not supported")
	}
	if mem.Min > limit/page {
		return fmt.Errorf("the module starts with %d KiB of memory, over the component's limit of %d KiB; raise wasm.memory", mem.Min*64, limit>>10)
	}
	return nil
}
