package sandbox

import "time"

// Ids of clocks, the same in berth1_core and in WASI.
const (
	clockRealtime  = 0
	clockMonotonic = 1
)

// clock is the time as guests see it, in steps of resolution nanoseconds, so
// that no guest can time what others do on the same processor. Waits are
// reckoned on the same steps: a guest that slept until t reads t or later.
type clock struct {
	start      time.Time
	resolution int64
}

// monotonicBase is where a sandbox's monotonic clock starts. The Go runtime
// takes a clock that reads zero for a broken one.
const monotonicBase = int64(time.Second)

func newClock(resolution time.Duration) clock {
	return clock{start: time.Now(), resolution: int64(resolution)}
}

// elapsed is the monotonic clock before it is coarsened.
func (c *clock) elapsed() int64 { return monotonicBase + int64(time.Since(c.start)) }

func (c *clock) monotonic() int64 { return c.coarse(c.elapsed()) }
func (c *clock) realtime() int64  { return c.coarse(time.Now().UnixNano()) }

func (c *clock) coarse(ns int64) int64 { return ns - ns%c.resolution }

// read returns the clock with that id.
func (c *clock) read(id uint32) (int64, bool) {
	switch id {
	case clockMonotonic:
		return c.monotonic(), true
	case clockRealtime:
		return c.realtime(), true
	}
	return 0, false
}
