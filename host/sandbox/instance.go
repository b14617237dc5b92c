package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// Instance is the state the host keeps for one running sandbox; it goes into
// engine.Call.Host. Like the engine.Instance it belongs to, it is used by one
// goroutine at a time.
type Instance struct {
	s  *Sandbox
	id uint64

	calls    uint8  // host calls made, modulo 256
	kept     []byte // a result that did not fit, until result_take
	isKept   bool
	closed   [3]bool // standard descriptors the guest closed
	out, err lineBuffer
	tail     tail   // the end of what was written to standard error
	cause    []byte // the last line there that says why a program ends

	random     [randomBuffer]byte
	randomLeft int // unused bytes at the end of random
}

// randomBuffer is how many random bytes are fetched at a time for small reads.
const randomBuffer = 256

// NewInstance makes the state of one instance. Each clone of a snapshot needs its own.
func (s *Sandbox) NewInstance() *Instance {
	i := &Instance{s: s, id: s.instances.Add(1)}
	i.out = lineBuffer{stream: "stdout", level: levelStdout}
	i.err = lineBuffer{stream: "stderr", level: levelStderr}
	return i
}

// ID is the instance's number within its component, as log lines give it.
func (i *Instance) ID() uint64 { return i.id }

// Output returns the last 4 KiB that the guest wrote to standard error, as
// printable text with its line breaks, for the report of a trap. The line that
// gives the cause comes first when a long stack has pushed it out.
func (i *Instance) Output() string {
	end := i.tail.bytes()
	if len(i.cause) > 0 && !bytes.Contains(end, i.cause) {
		end = slices.Concat(i.cause, []byte("\n...\n"), end)
	}
	return i.s.log.text(end)
}

// Close logs unfinished lines. The instance is not used afterwards.
func (i *Instance) Close() {
	i.flush(context.Background())
	clear(i.random[:])
}

func (i *Instance) flush(ctx context.Context) {
	i.out.flush(ctx, i)
	i.err.flush(ctx, i)
}

// step counts a host call and now and then looks whether the call has ended,
// so that a loop of cheap host calls is stopped too.
func (i *Instance) step(c *engine.Call) {
	if i.calls++; i.calls == 0 {
		_ = ended(c)
	}
}

// ended returns nil while the call may go on and otherwise why it ended. When
// the guest is to be interrupted, it ends the guest instead of returning.
func ended(c *engine.Call) error {
	err := c.Err()
	if err == nil {
		return nil
	}
	stop := c.Expired()
	if stop != nil {
		c.Abort(stop)
	}
	return err
}

// Deliver writes result to the guest's buffer of cap bytes at out and returns
// its length. When the buffer is too small nothing is written and the result
// is kept for result_take, so that the guest can make room without the
// operation being repeated (ABI-031). It is kept until it was taken or another
// result is delivered, and must not change until then.
// A buffer outside the memory is INVALID, and the result is kept as well.
func (i *Instance) Deliver(c *engine.Call, out, capacity uint32, result []byte) int32 {
	buf, ok := abi.Range(c.Memory(), out, capacity)
	if !ok || len(result) > len(buf) {
		i.kept, i.isKept = result, true
		if !ok {
			return -int32(abi.ErrInvalid)
		}
		return int32(len(result))
	}
	i.kept, i.isKept = nil, false
	return int32(copy(buf, result))
}

// fill fills p with random bytes. Small reads come from a buffer; what was
// handed out is wiped there. Large ones look at the call between pieces.
func (i *Instance) fill(c *engine.Call, p []byte) {
	if len(p) > randomBuffer {
		const piece = 64 << 10
		for len(p) > 0 {
			_ = ended(c)
			n := min(len(p), piece)
			randomRead(p[:n])
			p = p[n:]
		}
		return
	}
	if len(p) > i.randomLeft {
		randomRead(i.random[:])
		i.randomLeft = randomBuffer
	}
	from := i.random[randomBuffer-i.randomLeft:][:len(p)]
	copy(p, from)
	clear(from)
	i.randomLeft -= len(p)
}

// randomRead fills p from the system's source, which ends the process when it
// fails (crypto/rand since Go 1.24).
func randomRead(p []byte) { _, _ = rand.Read(p) }
