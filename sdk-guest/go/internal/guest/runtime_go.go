//go:build !tinygo

package guest

import "runtime"

func yield() { runtime.Gosched() }

// stack is the panicking goroutine's stack.
func stack() string {
	b := make([]byte, 16<<10)
	return string(b[:runtime.Stack(b, false)])
}
