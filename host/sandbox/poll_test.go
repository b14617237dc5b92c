package sandbox

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/google/go-cmp/cmp"
)

// sub is one subscription, event what came of it.
type sub struct {
	tag      byte
	fd       uint32 // or clock id
	timeout  uint64
	abs      bool
	userdata uint64
}

type event struct {
	Userdata uint64
	Errno    errno
	Type     byte
	Bytes    uint64
	Flags    uint16
}

const pollOut = 32 << 10

// subscribe lays out subs at address 0.
func (g *guest) subscribe(subs ...sub) {
	for n, s := range subs {
		p := g.mem[n*subscriptionSize:][:subscriptionSize]
		clear(p)
		binary.LittleEndian.PutUint64(p, s.userdata)
		p[subOffTag] = s.tag
		binary.LittleEndian.PutUint32(p[subOffFD:], s.fd)
		if s.tag == eventTypeClock {
			binary.LittleEndian.PutUint64(p[subOffTimeout:], s.timeout)
			if s.abs {
				p[subOffFlags] = subscribeAbstime
			}
		}
	}
}

// poll calls poll_oneoff with subs and reads the events.
func (g *guest) poll(t testing.TB, subs ...sub) ([]event, errno) {
	t.Helper()
	g.subscribe(subs...)
	const count = pageSize - 4
	binary.LittleEndian.PutUint32(g.mem[count:], 0)
	e := g.wasi(t, "poll_oneoff", 0, pollOut, uint64(len(subs)), count)
	var out []event
	for n := range binary.LittleEndian.Uint32(g.mem[count:]) {
		p := g.mem[pollOut+n*eventSize:]
		out = append(out, event{binary.LittleEndian.Uint64(p), errno(binary.LittleEndian.Uint16(p[eventOffErrno:])), p[eventOffType],
			binary.LittleEndian.Uint64(p[eventOffBytes:]), binary.LittleEndian.Uint16(p[eventOffFlags:])})
	}
	return out, e
}

func TestPoll(t *testing.T) {
	ms := uint64(time.Millisecond)
	tests := []struct {
		name  string
		close []uint64
		subs  []sub
		want  []event
		errno errno
		took  time.Duration
	}{
		{name: "monotonic, relative", subs: []sub{{fd: 1, timeout: 30 * ms, userdata: 7}},
			want: []event{{Userdata: 7}}, took: 30 * time.Millisecond},
		{name: "realtime, relative", subs: []sub{{fd: 0, timeout: 30 * ms, userdata: math.MaxUint64}},
			want: []event{{Userdata: math.MaxUint64}}, took: 30 * time.Millisecond},
		{name: "rounded up to the clock's step", subs: []sub{{fd: 1, timeout: 5*ms + 1}},
			want: []event{{}}, took: 5*time.Millisecond + DefaultClockResolution},
		{name: "no timeout", subs: []sub{{fd: 1, userdata: 1}}, want: []event{{Userdata: 1}}},
		{name: "a time that has passed", subs: []sub{{fd: 0, timeout: 1, abs: true}}, want: []event{{}}},
		{name: "the first of several", subs: []sub{{fd: 1, timeout: 50 * ms, userdata: 1}, {fd: 0, timeout: 20 * ms, userdata: 2}, {fd: 1, timeout: math.MaxUint64, userdata: 3}},
			want: []event{{Userdata: 2}}, took: 20 * time.Millisecond},
		{name: "two at the same time", subs: []sub{{fd: 1, timeout: 20 * ms, userdata: 1}, {fd: 1, timeout: 40 * ms, userdata: 2}, {fd: 0, timeout: 20 * ms, userdata: 3}},
			want: []event{{Userdata: 1}, {Userdata: 3}}, took: 20 * time.Millisecond},
		{name: "unknown clock", subs: []sub{{fd: 2, timeout: ms, userdata: 1}, {fd: 1, timeout: ms, userdata: 2}},
			want: []event{{Userdata: 1, Errno: errInval}}},
		{name: "standard input is at its end", subs: []sub{{tag: eventTypeRead, fd: 0, userdata: 1}, {fd: 1, timeout: ms}},
			want: []event{{Userdata: 1, Type: eventTypeRead, Flags: eventHangup}}},
		{name: "standard output takes bytes", subs: []sub{{tag: eventTypeWrite, fd: 1, userdata: 1}, {tag: eventTypeWrite, fd: 2, userdata: 2}},
			want: []event{{Userdata: 1, Type: eventTypeWrite, Bytes: maxWrite}, {Userdata: 2, Type: eventTypeWrite, Bytes: maxWrite}}},
		{name: "the wrong way round", subs: []sub{{tag: eventTypeRead, fd: 1}, {tag: eventTypeWrite, fd: 0}},
			want: []event{{Errno: errNotcapable, Type: eventTypeRead}, {Errno: errNotcapable, Type: eventTypeWrite}}},
		{name: "no such descriptor", close: []uint64{fdStdout}, subs: []sub{{tag: eventTypeRead, fd: 3}, {tag: eventTypeWrite, fd: 1}, {tag: eventTypeRead, fd: math.MaxUint32}},
			want: []event{{Errno: errBadf, Type: eventTypeRead}, {Errno: errBadf, Type: eventTypeWrite}, {Errno: errBadf, Type: eventTypeRead}}},
		{name: "unknown kind", subs: []sub{{fd: 1, timeout: ms}, {tag: 3}}, errno: errInval},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t, Config{})
				for _, fd := range tt.close {
					g.wasi(t, "fd_close", fd)
				}
				start := time.Now()
				got, e := g.poll(t, tt.subs...)
				if e != tt.errno {
					t.Errorf("got errno %d, want %d", e, tt.errno)
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("events (-want +got):\n%s", d)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestPollUntilATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{})
		time.Sleep(123456 * time.Nanosecond) // off the clock's steps
		for id := range uint64(2) {
			if e := g.wasi(t, "clock_time_get", id, 0, 0); e != errSuccess {
				t.Fatalf("clock_time_get: errno %d", e)
			}
			until := binary.LittleEndian.Uint64(g.mem) + 7_777_777
			got, e := g.poll(t, sub{fd: uint32(id), timeout: until, abs: true})
			if len(got) != 1 || e != errSuccess {
				t.Fatalf("clock %d: got %v, errno %d", id, got, e)
			}
			g.wasi(t, "clock_time_get", id, 0, 0)
			if now := binary.LittleEndian.Uint64(g.mem); now < until || now > until+uint64(DefaultClockResolution) {
				t.Errorf("clock %d: woke at %d, want %d up to a step later", id, now, until)
			}
		}
	})
}

func TestMostSubscriptionsAreServed(t *testing.T) {
	g := newGuest(t, Config{})
	const events, count = maxSubscriptions * subscriptionSize, maxSubscriptions * (subscriptionSize + eventSize)
	g.mem = make(memory, count+4)
	g.begin(t.Context(), 0)
	if e := g.wasi(t, "poll_oneoff", 0, events, maxSubscriptions, count); e != errSuccess {
		t.Fatalf("poll_oneoff: errno %d", e)
	}
	if got := binary.LittleEndian.Uint32(g.mem[count:]); got != maxSubscriptions {
		t.Errorf("got %d events, want %d", got, maxSubscriptions)
	}
}

// A guest's own timer for the deadline wins over the end of the call, so that
// a Go guest learns of its deadline from its own context.
func TestPollAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{})
		g.begin(t.Context(), 50*time.Millisecond)
		got, e := g.poll(t, sub{fd: 0, timeout: uint64(g.call.Deadline), abs: true, userdata: 9})
		if d := cmp.Diff([]event{{Userdata: 9}}, got); d != "" || e != errSuccess {
			t.Errorf("errno %d, events (-want +got):\n%s", e, d)
		}
	})
}

func TestPollIsInterruptedAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{})
		g.begin(t.Context(), 50*time.Millisecond)
		start := time.Now()
		g.subscribe(sub{fd: 1, timeout: uint64(time.Hour)})
		_, err := g.invoke(abi.ImportWASI+".poll_oneoff", 0, pollOut, 1, pageSize-4)
		var stop *engine.InterruptError
		if !errors.As(err, &stop) || !errors.Is(err, engine.ErrDeadline) {
			t.Errorf("got %v, want an InterruptError for the deadline", err)
		}
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("took %v, want 50ms", took)
		}
	})
}

func TestPollEndsWithTheCall(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(g *guest)
	}{
		{"context's deadline", func(g *guest) {
			ctx, cancel := context.WithTimeout(context.Background(), 40*time.Millisecond)
			time.AfterFunc(time.Hour, cancel)
			g.begin(ctx, 0)
		}},
		{"cancelled", func(g *guest) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(40*time.Millisecond, cancel)
			g.begin(ctx, 0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t, Config{})
				tt.end(g)
				start := time.Now()
				got, e := g.poll(t, sub{fd: 1, timeout: uint64(time.Hour)})
				if e != errIntr || got != nil {
					t.Errorf("got errno %d and %v, want EINTR", e, got)
				}
				if took := time.Since(start); took != 40*time.Millisecond {
					t.Errorf("took %v, want 40ms", took)
				}
				// What is begun afterwards runs to its end: an error would make the Go runtime spin, or throw.
				for _, d := range []time.Duration{20 * time.Microsecond, 2 * time.Millisecond} {
					got, e = g.poll(t, sub{fd: 1, timeout: uint64(d)})
					if e != errSuccess || len(got) != 1 {
						t.Errorf("%v more: got errno %d and %v, want success", d, e, got)
					}
				}
				g.subscribe(sub{fd: 1, timeout: uint64(time.Hour)})
				_, err := g.invoke(abi.ImportWASI+".poll_oneoff", 0, pollOut, 1, pageSize-4)
				var stop *engine.InterruptError
				if !errors.As(err, &stop) {
					t.Errorf("past the grace: got %v, want an InterruptError", err)
				}
				if took := time.Since(start); took > 40*time.Millisecond+grace+uncut {
					t.Errorf("interrupted after %v, want %v", took, 40*time.Millisecond+grace)
				}
			})
		})
	}
}
