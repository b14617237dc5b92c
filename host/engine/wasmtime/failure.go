//go:build wasmtime && cgo

package wasmtime

// #include "shim.h"
import "C"

import (
	"errors"
	"strings"

	"github.com/berth-run/berth/host/engine"
)

// failure makes an error of f and frees it.
func failure(f *C.berth_failure) error {
	if reason := trapReason(f.code); f.trap && reason != "" {
		// A deep stack makes a text of megabytes, of which the start is enough.
		return &engine.TrapError{Reason: reason, Stack: frames(take(f, 16<<10))}
	}
	text := take(f, 1<<20)
	if f.trap {
		return &engine.TrapError{Reason: chain(text)}
	}
	return errors.New(chain(text))
}

// trapReason is the text that the default engine has for the same trap.
func trapReason(code C.uint8_t) string {
	switch code {
	case C.WASMTIME_TRAP_CODE_STACK_OVERFLOW:
		return "stack overflow"
	case C.WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS:
		return "out of bounds memory access"
	case C.WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS, C.WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL:
		return "invalid table access"
	case C.WASMTIME_TRAP_CODE_BAD_SIGNATURE:
		return "indirect call type mismatch"
	case C.WASMTIME_TRAP_CODE_INTEGER_OVERFLOW:
		return "integer overflow"
	case C.WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO:
		return "integer divide by zero"
	case C.WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER:
		return "invalid conversion to integer"
	case C.WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED:
		return "unreachable"
	}
	return ""
}

// take returns at most limit bytes of f's text, and frees it.
func take(f *C.berth_failure, limit C.size_t) string {
	if f.text.data == nil {
		return ""
	}
	s := C.GoStringN(f.text.data, C.int(min(f.text.size, limit)))
	C.wasm_byte_vec_delete(&f.text)
	f.text = C.wasm_byte_vec_t{}
	return strings.ToValidUTF8(strings.TrimRight(s, "\x00"), "")
}

// Headings in the texts of wasmtime's errors.
const (
	causedBy      = "Caused by:"
	guestFrames   = "wasm backtrace:"
	libraryFrames = "Stack backtrace:" // where RUST_BACKTRACE is set
)

// chain puts the lines of an error and its causes into one.
func chain(text string) string {
	text, _, _ = strings.Cut(text, libraryFrames)
	var parts []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if number, rest, ok := strings.Cut(line, ": "); ok && strings.Trim(number, "0123456789") == "" {
			line = rest // of several causes
		}
		if line != "" && line != causedBy {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, ": ")
}

// maxFrames is how many of the guest's frames an error shows.
const maxFrames = 32

// frames returns the guest's innermost frames in text, one a line.
func frames(text string) string {
	_, text, _ = strings.Cut(text, guestFrames)
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		if line == causedBy || len(lines) == maxFrames {
			break
		} else if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
