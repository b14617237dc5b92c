package sandbox

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

func TestClockNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{ClockResolution: time.Millisecond})
		now := func(id uint64) int64 {
			r, err := g.invoke(abi.ImportCore+".clock_now", id)
			if err != nil {
				t.Fatal(err)
			}
			return int64(r)
		}
		real, mono := now(clockRealtime), now(clockMonotonic)
		if want := time.Now().UnixMilli() * 1e6; real != want {
			t.Errorf("realtime: got %d, want %d", real, want)
		}
		if mono <= 0 {
			t.Errorf("monotonic: got %d, want more than 0", mono)
		}
		time.Sleep(2*time.Millisecond + 999*time.Microsecond)
		for id, before := range []int64{clockRealtime: real, clockMonotonic: mono} {
			if got := time.Duration(now(uint64(id)) - before); got != 2*time.Millisecond {
				t.Errorf("clock %d: went on by %v in 2.999 ms, want whole steps of 1 ms", id, got)
			}
		}
		if got := now(2); got != -int64(abi.ErrInvalid) {
			t.Errorf("unknown clock: got %d, want INVALID", got)
		}
	})
}

func TestCoreRandom(t *testing.T) {
	g := newGuest(t, Config{})
	if got := g.core(t, "random_get", 0, 32); got != 0 || string(g.mem[:32]) == string(make([]byte, 32)) {
		t.Errorf("got %d and %x", got, g.mem[:32])
	}
	for _, a := range [][2]uint64{{pageSize, 1}, {1, math.MaxUint32}} {
		if got := g.core(t, "random_get", a[0], a[1]); got != -int32(abi.ErrInvalid) {
			t.Errorf("random_get%v: got %d, want INVALID", a, got)
		}
	}
}

func TestSleep(t *testing.T) {
	for _, tt := range []struct {
		name     string
		millis   int64
		deadline time.Duration
		timeout  time.Duration // the caller's
		cancel   time.Duration
		want     abi.ImportError
		took     time.Duration
	}{
		{name: "none", millis: 0},
		{name: "sleeps", millis: 40, deadline: time.Second, took: 40 * time.Millisecond},
		{name: "negative", millis: -1, want: abi.ErrInvalid},
		{name: "least", millis: math.MinInt64, want: abi.ErrInvalid},
		{name: "past the caller's deadline", millis: 40, timeout: 30 * time.Millisecond, want: abi.ErrTimeout, took: 30 * time.Millisecond},
		{name: "for ever", millis: math.MaxInt64, timeout: time.Hour, want: abi.ErrTimeout, took: time.Hour},
		{name: "cancelled", millis: math.MaxInt64 / 1_000_000, cancel: 10 * time.Millisecond, want: abi.ErrCancelled, took: 10 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t, Config{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				if tt.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.timeout)
					defer cancel()
				}
				g.begin(ctx, tt.deadline)
				start := time.Now()
				if got := g.core(t, "sleep", uint64(tt.millis)); got != -int32(tt.want) {
					t.Errorf("got %d, want %d", got, -int32(tt.want))
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// After its caller went away a guest has the call's grace to return, whatever
// it waits for; then the next host call ends it.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.begin(ctx, 0)
		if got := g.core(t, "call_cancelled"); got != 0 {
			t.Errorf("call_cancelled before the end: got %d", got)
		}
		for range 2 {
			if got := g.core(t, "sleep", 5000); got != -int32(abi.ErrTimeout) {
				t.Fatalf("sleep: got %d, want TIMEOUT", got)
			}
		}
		time.Sleep(grace - time.Nanosecond) // the guest computes
		if got := g.core(t, "call_cancelled"); got != 1 {
			t.Errorf("call_cancelled in the grace: got %d, want 1", got)
		}
		if got := g.core(t, "log", 0, 0, 0); got != 0 {
			t.Errorf("log in the grace: got %d", got)
		}
		time.Sleep(time.Nanosecond)
		_, err := g.invoke(abi.ImportCore+".sleep", 1)
		var stop *engine.InterruptError
		if !errors.As(err, &stop) || !errors.Is(err, engine.ErrDeadline) {
			t.Errorf("after the grace: got %v, want an InterruptError for the deadline", err)
		}
		if g.call.Exits != 0 {
			t.Errorf("got %d units of computing counted, want none", g.call.Exits)
		}
	})
}

// A guest that must not be lost goes on, past any grace, until its deadline.
func TestNoInterruptionBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		g.begin(ctx, time.Minute)
		g.call.Grace = -1
		cancel()
		if got := g.core(t, "sleep", 5000); got != -int32(abi.ErrCancelled) {
			t.Errorf("sleep: got %d, want CANCELLED", got)
		}
		if _, e := g.poll(t, sub{fd: 1, timeout: uint64(59 * time.Second)}); e != errSuccess {
			t.Errorf("poll_oneoff: got errno %d, want success", e)
		}
		time.Sleep(time.Second)
		if _, err := g.invoke(abi.ImportCore+".sleep", 1); !errors.Is(err, engine.ErrDeadline) {
			t.Errorf("at the deadline: got %v, want an InterruptError", err)
		}
	})
}

// No function lets a guest go on for ever that ignores the end of its call:
// called every 100 us, each one ends it after the grace and 256 calls at most.
func TestEveryFunctionEndsAGuestThatGoesOn(t *testing.T) {
	for _, f := range New(Config{}).Functions() {
		t.Run(f.Module+"."+f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t, Config{})
				ctx, cancel := context.WithCancel(t.Context())
				g.begin(ctx, 0)
				cancel()
				start := time.Now()
				args := make([]uint64, len(f.Params))
				for time.Since(start) < grace+2*256*100*time.Microsecond {
					_, err := g.invoke(f.Module+"."+f.Name, args...)
					var exit *engine.ExitError
					if errors.Is(err, engine.ErrCanceled) || f.Name == "proc_exit" && errors.As(err, &exit) {
						return
					}
					time.Sleep(100 * time.Microsecond)
				}
				t.Errorf("still going on after %v", time.Since(start))
			})
		})
	}
}

func TestLargeRandomEndsWithTheCall(t *testing.T) {
	g := newGuest(t, Config{})
	g.mem = make(memory, 16<<20)
	g.begin(t.Context(), -time.Second)
	if _, err := g.invoke(abi.ImportWASI+".random_get", 0, 16<<20); !errors.Is(err, engine.ErrDeadline) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestResultTooLargeIsKept(t *testing.T) {
	g := newGuest(t, Config{})
	if got := g.core(t, "result_take", 0, 100); got != -int32(abi.ErrNotFound) {
		t.Errorf("nothing kept: got %d, want NOT_FOUND", got)
	}
	deliver := func(out, capacity uint32, s string) int32 {
		return g.inst.Deliver(&g.call, out, capacity, []byte(s))
	}
	if got := deliver(8, 5, "fits!"); got != 5 || string(g.mem[8:14]) != "fits!\x00" {
		t.Errorf("a result that fits: got %d, %q", got, g.mem[8:14])
	}
	if got := g.core(t, "result_take", 0, 100); got != -int32(abi.ErrNotFound) {
		t.Errorf("after one that fitted: got %d, want NOT_FOUND", got)
	}
	for _, tt := range []struct {
		name          string
		out, capacity uint32
		want          int32
	}{{"too small", 8, 4, 5}, {"no buffer", 0, 0, 5}, {"outside", pageSize - 1, 100, -int32(abi.ErrInvalid)}} {
		clear(g.mem)
		if got := deliver(tt.out, tt.capacity, "large"); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
		if strings.Trim(string(g.mem), "\x00") != "" {
			t.Errorf("%s: something was written", tt.name)
		}
		if got := g.core(t, "result_take", 8, 4); got != 5 {
			t.Errorf("%s: asked again with too small a buffer: got %d, want 5", tt.name, got)
		}
		if got := g.core(t, "result_take", 8, 64); got != 5 || string(g.mem[8:13]) != "large" {
			t.Errorf("%s: taken: got %d, %q", tt.name, got, g.mem[8:13])
		}
		if got := g.core(t, "result_take", 8, 64); got != -int32(abi.ErrNotFound) {
			t.Errorf("%s: taken twice: got %d, want NOT_FOUND", tt.name, got)
		}
	}
	deliver(0, 0, "replaced")
	deliver(8, 64, "by this")
	if got := g.core(t, "result_take", 8, 64); got != -int32(abi.ErrNotFound) {
		t.Errorf("after another result: got %d, want NOT_FOUND", got)
	}
}
