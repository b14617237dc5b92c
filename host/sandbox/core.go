package sandbox

import (
	"log/slog"
	"math"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// coreFunc is a function of berth1_core, which every guest is granted
// (ABI-030). A negative result is an abi.ImportError, negated.
type coreFunc func(i *Instance, c *engine.Call, a []uint64) int64

func coreFunctions() map[string]coreFunc {
	return map[string]coreFunc{
		"log":            coreLog,
		"log_enabled":    coreLogEnabled,
		"clock_now":      coreClockNow,
		"random_get":     coreRandomGet,
		"sleep":          coreSleep,
		"result_take":    coreResultTake,
		"call_cancelled": coreCallCancelled,
	}
}

// level maps -1 debug, 0 info, 1 warn, 2 error.
func level(n uint32) (slog.Level, bool) {
	switch int32(n) {
	case -1:
		return slog.LevelDebug, true
	case 0:
		return slog.LevelInfo, true
	case 1:
		return slog.LevelWarn, true
	case 2:
		return slog.LevelError, true
	}
	return 0, false
}

func coreLog(i *Instance, c *engine.Call, a []uint64) int64 {
	lv, ok := level(uint32(a[0]))
	if !ok {
		return -int64(abi.ErrInvalid)
	}
	text, ok := abi.Range(c.Memory(), uint32(a[1]), uint32(a[2]))
	if !ok {
		return -int64(abi.ErrInvalid)
	}
	_ = ended(c)
	i.s.log.emit(c.Context, i, lv, "", text)
	return 0
}

func coreLogEnabled(i *Instance, c *engine.Call, a []uint64) int64 {
	lv, ok := level(uint32(a[0]))
	switch {
	case !ok:
		return -int64(abi.ErrInvalid)
	case i.s.log.logger.Enabled(c.Context, lv):
		return 1
	}
	return 0
}

func coreClockNow(i *Instance, _ *engine.Call, a []uint64) int64 {
	now, ok := i.s.clock.read(uint32(a[0]))
	if !ok {
		return -int64(abi.ErrInvalid)
	}
	return now
}

func coreRandomGet(i *Instance, c *engine.Call, a []uint64) int64 {
	p, ok := abi.Range(c.Memory(), uint32(a[0]), uint32(a[1]))
	if !ok {
		return -int64(abi.ErrInvalid)
	}
	i.fill(c, p)
	return 0
}

func coreSleep(_ *Instance, c *engine.Call, a []uint64) int64 {
	ms := int64(a[0])
	if ms < 0 {
		return -int64(abi.ErrInvalid)
	}
	err := ended(c)
	if err == nil && ms > 0 {
		d := time.Duration(math.MaxInt64)
		if ms < math.MaxInt64/int64(time.Millisecond) {
			d = time.Duration(ms) * time.Millisecond
		}
		if c.Wait(d, nil) != nil {
			err = ended(c)
		}
	}
	return -int64(endCode(err))
}

// endCode is the import error for a call that ended, 0 for one that did not.
func endCode(err error) abi.ImportError {
	switch err {
	case nil:
		return 0
	case engine.ErrDeadline:
		return abi.ErrTimeout
	}
	return abi.ErrCancelled
}

func coreResultTake(i *Instance, c *engine.Call, a []uint64) int64 {
	if !i.isKept {
		return -int64(abi.ErrNotFound)
	}
	_ = ended(c)
	return int64(i.Deliver(c, uint32(a[0]), uint32(a[1]), i.kept))
}

func coreCallCancelled(_ *Instance, c *engine.Call, _ []uint64) int64 {
	if ended(c) != nil {
		return 1
	}
	return 0
}
