//go:build !tinygo

package guest

import "runtime"

// collector gives Go's garbage collector what a reactor module takes from it:
// time. Its goroutines run only while a call does and something yields, so
// short calls starve it, and a heap that may not grow further is full before it
// is done. Two things help: to yield after every few calls, and to collect on
// the spot when the requests since the last time may have used up what room
// there was.
type collector struct {
	limit  int64 // of the heap, 0 = none
	budget int64 // bytes of requests until the next collection
	bytes  int64 // of requests since the last one
	calls  int   // since the last yield
	read   int64 // bytes of requests since the last yield
}

// After so many calls or bytes the collector's goroutines get a turn. Measured
// in a standard Go guest: 446 MiB for 40 live without, 104 MiB with.
const (
	yieldCalls = 256
	yieldBytes = 256 << 10
)

// minBudget is the least that is read between two collections.
const minBudget = 1 << 20

// before is called before a call whose request has n bytes: what is decoded from it becomes garbage at some time.
func (c *collector) before(n int64) {
	c.calls++
	c.read += n
	c.bytes += n
	switch {
	case c.budget == 0:
		c.limit = MemoryLimit()
		c.plan()
	case c.bytes >= c.budget:
		runtime.GC()
		c.plan()
	case c.calls >= yieldCalls || c.read >= yieldBytes:
		runtime.Gosched()
	default:
		return
	}
	c.calls, c.read = 0, 0
}

// plan sets the budget: as much as there is in use, which is what the collector
// itself goes by (GOGC=100), but no more than a third of what is left.
func (c *collector) plan() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	live := int64(m.HeapAlloc)
	c.budget, c.bytes = max(live, 4*minBudget), 0
	if c.limit > 0 {
		c.budget = max(min(c.budget, (c.limit-live)/3), minBudget)
	}
}

// largest is how many bytes an answer may have.
func (c *collector) largest() int {
	if c.limit == 0 {
		return maxMessage
	}
	return int(max(c.limit/4, minBudget))
}

// stack is the panicking goroutine's stack.
func stack() string {
	b := make([]byte, 16<<10)
	return string(b[:runtime.Stack(b, false)])
}
