//go:build !wasip1

package guest

import (
	"crypto/rand"
	"time"
)

// Outside a sandbox, as in a component's unit tests, there is no host: lines
// are dropped, randomness is the system's, and nothing cancels a call.

// Log drops the line.
func Log(int32, string) {}

// LogEnabled is false.
func LogEnabled(int32) bool { return false }

// Random fills b from the system.
func Random(b []byte) { rand.Read(b) }

// UnixNano is the system's time.
func UnixNano() int64 { return time.Now().UnixNano() }

// MemoryLimit is 0: there is none.
func MemoryLimit() int64 { return 0 }

func cancelled() bool { return false }
