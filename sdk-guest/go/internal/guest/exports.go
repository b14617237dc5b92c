//go:build wasip1

package guest

import (
	"syscall"
	"unsafe"
)

//go:wasmexport berth1_frame
func exportFrame() uint32 { return frameAddress() }

//go:wasmexport berth1_reserve
func exportReserve(n uint32) int32 { return reserve(n) }

//go:wasmexport berth1_call
func exportCall(op, n uint32) int32 { return call(op, n) }

//go:wasmimport berth1_core log
func coreLog(level int32, ptr unsafe.Pointer, n uint32) int32

//go:wasmimport berth1_core log_enabled
func coreLogEnabled(level int32) int32

//go:wasmimport berth1_core call_cancelled
func coreCallCancelled() int32

//go:wasmimport berth1_core clock_now
func coreClockNow(id int32) int64

//go:wasmimport berth1_core random_get
func coreRandomGet(ptr unsafe.Pointer, n uint32) int32

// Log hands a line to the host.
func Log(level int32, s string) {
	coreLog(level, unsafe.Pointer(unsafe.StringData(s)), uint32(len(s)))
}

// LogEnabled asks whether the host prints lines of that level.
func LogEnabled(level int32) bool { return coreLogEnabled(level) > 0 }

// Random fills b from the host's random source.
func Random(b []byte) {
	if coreRandomGet(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))) < 0 {
		panic("the host gave no random bytes")
	}
}

// UnixNano is the time, with one call to the host; time.Now makes two.
func UnixNano() int64 { return coreClockNow(0) }

// MemoryLimit reads what the host set aside for a Go heap: digits, in bytes.
// (strconv.ParseInt would add 30 KB to every guest, for the text of its error.)
func MemoryLimit() (n int64) {
	text, _ := syscall.Getenv("GOMEMLIMIT")
	if len(text) > 18 {
		return 0
	}
	for i := range len(text) {
		c := text[i] - '0'
		if c > 9 {
			return 0
		}
		n = n*10 + int64(c)
	}
	return n
}

func cancelled() bool { return coreCallCancelled() > 0 }
