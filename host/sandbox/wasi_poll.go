package sandbox

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// maxSubscriptions bounds the work of one poll_oneoff.
const maxSubscriptions = 4096

// uncut is the longest wait that is not cut short, and the step in which
// those are waited that began after the end of the call (see the package's comment).
const uncut = time.Millisecond

// Layout of subscriptions and events.
const (
	subscriptionSize = 48
	subOffTag        = 8
	subOffFD         = 16
	subOffClock      = 16
	subOffTimeout    = 24
	subOffFlags      = 40

	eventSize        = 32
	eventOffErrno    = 8
	eventOffType     = 10
	eventOffBytes    = 16
	eventOffFlags    = 24
	eventTypeClock   = 0
	eventTypeRead    = 1
	eventTypeWrite   = 2
	eventHangup      = 1 << 0
	subscribeAbstime = 1 << 0 // the timeout is a time, not a duration
)

// poll is one poll_oneoff under way.
type poll struct {
	i       *Instance
	in, out []byte
	start   [2]int64 // what both clocks read when it began, by id
	events  uint32   // written so far
}

// pollOneoff waits until at least one subscription is due, and reports all
// that are, in their order. It returns EINTR, and no event, when the call ends
// before (see the package's comment).
func pollOneoff(i *Instance, c *engine.Call, a []uint64) errno {
	n := uint32(a[2])
	if n == 0 || n > maxSubscriptions {
		return errInval
	}
	mem := c.Memory()
	in, ok1 := abi.Range(mem, uint32(a[0]), n*subscriptionSize)
	out, ok2 := abi.Range(mem, uint32(a[1]), n*eventSize)
	events, ok3 := abi.Range(mem, uint32(a[3]), 4)
	if !ok1 || !ok2 || !ok3 {
		return errFault
	}
	k := &i.s.clock
	p := poll{i: i, in: in, out: out, start: [2]int64{clockRealtime: k.realtime(), clockMonotonic: k.monotonic()}}
	over, cut := ended(c) != nil, false
	for {
		wait, e := p.look()
		switch {
		case e != errSuccess:
			return e
		case p.events > 0:
			binary.LittleEndian.PutUint32(events, p.events)
			return errSuccess
		case cut:
			_ = ended(c)
			return errIntr
		case over || wait <= uncut:
			time.Sleep(min(wait, uncut))
			over = ended(c) != nil
		default:
			// When it is cut, look once more for what is due at this very
			// moment, such as the guest's own timer for the deadline.
			cut = c.Wait(wait, nil) != nil
		}
	}
}

// look writes an event for each subscription that is due, and returns how long
// it is until the next one is.
func (p *poll) look() (time.Duration, errno) {
	k := &p.i.s.clock
	realtime, elapsed := time.Now().UnixNano(), k.elapsed()
	wait := int64(math.MaxInt64)
	for in := p.in; len(in) > 0; in = in[subscriptionSize:] {
		sub := in[:subscriptionSize]
		switch tag := sub[subOffTag]; tag {
		case eventTypeClock:
			now := elapsed
			id := binary.LittleEndian.Uint32(sub[subOffClock:])
			switch id {
			case clockMonotonic:
			case clockRealtime:
				now = realtime
			default:
				p.event(sub, errInval, 0, 0)
				continue
			}
			due := p.due(sub, id)
			if k.coarse(now) >= due {
				p.event(sub, errSuccess, 0, 0)
				continue
			}
			wait = min(wait, due-now)
		case eventTypeRead, eventTypeWrite:
			p.descriptor(sub, tag)
		default:
			return 0, errInval
		}
	}
	return time.Duration(wait), errSuccess
}

// due is when a clock subscription is, on the clock's own steps, so that a
// guest never wakes before the time it reads afterwards.
func (p *poll) due(sub []byte, id uint32) int64 {
	timeout := int64(min(binary.LittleEndian.Uint64(sub[subOffTimeout:]), math.MaxInt64))
	if binary.LittleEndian.Uint16(sub[subOffFlags:])&subscribeAbstime == 0 {
		timeout = addCapped(timeout, p.start[id])
	}
	if over := timeout % p.i.s.clock.resolution; over != 0 {
		timeout = addCapped(timeout, p.i.s.clock.resolution-over)
	}
	return timeout
}

// addCapped adds two numbers that are not negative.
func addCapped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// descriptor reports on a standard descriptor: each is always ready.
func (p *poll) descriptor(sub []byte, tag byte) {
	fd := binary.LittleEndian.Uint32(sub[subOffFD:])
	switch {
	case !p.i.isOpen(fd):
		p.event(sub, errBadf, 0, 0)
	case (tag == eventTypeRead) != (fd == fdStdin):
		p.event(sub, errNotcapable, 0, 0)
	case tag == eventTypeRead:
		p.event(sub, errSuccess, 0, eventHangup)
	default:
		p.event(sub, errSuccess, maxWrite, 0)
	}
}

// event appends one event. There are never more than subscriptions. Whether
// they overlap in memory is the guest's own affair: sub is read first.
func (p *poll) event(sub []byte, e errno, bytes uint64, flags uint16) {
	userdata, tag := binary.LittleEndian.Uint64(sub), sub[subOffTag]
	ev := p.out[p.events*eventSize:][:eventSize]
	clear(ev)
	binary.LittleEndian.PutUint64(ev, userdata)
	binary.LittleEndian.PutUint16(ev[eventOffErrno:], uint16(e))
	ev[eventOffType] = tag
	binary.LittleEndian.PutUint64(ev[eventOffBytes:], bytes)
	binary.LittleEndian.PutUint16(ev[eventOffFlags:], flags)
	p.events++
}
