// Package guest is the guest's side of the ABI: the frame and the exports, the
// dispatch of operations to registered components, and the host's imports. What
// authors use of it, the packages above export.
package guest

import (
	"strconv"
	"unsafe"

	"github.com/berth-run/berth/sdk-guest/go/internal/wire"
)

// version is the ABI version that this SDK was built for.
const version = 1 << 16

// minIn is the request buffer's first size; the host asks for more when it needs it.
const minIn = 64 << 10

// minOut is the response buffer's.
const minOut = 4 << 10

// maxMessage is what a message may have in bytes.
const maxMessage = 1<<31 - 1

// A buffer over maxIdle is given up after idleCalls calls that did not need it:
// kept for ever it is dear in a pool of instances, made anew for each large
// message it leaves holes in the heap that nothing else fills.
const (
	maxIdle   = 1 << 20
	idleCalls = 1000
)

// frame is the 80 bytes through which host and guest talk (ABI-011).
var frame struct {
	size, abi        uint32
	inPtr, inCap     uint32
	outPtr, outLen   uint32
	callID           uint64
	deadline         int64
	flags, reserved1 uint32
	traceID          [16]byte
	spanID           [8]byte
	instance         uint64
}

// The buffers that the frame points to. They are package variables so that the
// collector keeps them, and Go's collectors do not move.
var in, out []byte

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// frameAddress prepares the frame at its first call, and returns where it is.
func frameAddress() uint32 {
	if frame.size == 0 {
		frame.size, frame.abi = uint32(unsafe.Sizeof(frame)), version
		reserve(minIn)
	}
	return uint32(uintptr(unsafe.Pointer(&frame)))
}

// reserve makes the request buffer at least n bytes long. What was in it is
// lost. A buffer that is kept grows to twice its size, so that requests which
// get larger bit by bit do not make a new one each.
func reserve(n uint32) int32 {
	if n > maxMessage {
		return 1
	}
	if uint32(cap(in)) < n {
		size := max(n, min(2*uint32(cap(in)), maxIdle))
		in = nil // the old one may be collected before the new one is there
		garbage.before(int64(size))
		in = make([]byte, size)
	}
	frame.inPtr, frame.inCap = address(in), uint32(cap(in))
	return 0
}

// reply makes m the answer, valid until the next call, and returns its status.
// An answer that would take too much of the memory is not made: to try could
// end the instance, and the host refuses one over its own limit anyway.
func reply(status Status, m Message) Status {
	frame.outPtr, frame.outLen = 0, 0
	if m == nil {
		return status
	}
	if r, ok := m.(Raw); ok {
		sent.answer = r // the collector must not take it before the host has read it
		frame.outPtr, frame.outLen = address(r), uint32(len(r))
		return status
	}
	n := m.Size()
	if most := garbage.largest(); n > most {
		return reply(ResourceExhausted, &wire.Error{Message: "the answer has " + strconv.Itoa(n) + " bytes, of which the component's memory allows " + strconv.Itoa(most) + ": ask for less at a time, or raise wasm.memory"})
	}
	if cap(out) < n {
		out = nil
		garbage.before(int64(n))
		out = make([]byte, max(n, minOut))
	}
	m.MarshalTo(out[:n])
	frame.outPtr, frame.outLen = address(out), uint32(n)
	return status
}

// Raw is an answer that is encoded already. It is sent from where it lies, and
// must not change until the next call.
type Raw []byte

// Size is the answer's length.
func (r Raw) Size() int { return len(r) }

// MarshalTo copies the answer.
func (r Raw) MarshalTo(b []byte) int { return copy(b, r) }

// sent holds on to the last answer that lies outside of out.
var sent struct{ answer Raw }

// main is what the module's init functions registered.
var main Module

// Register adds a component to the module. It is called from an init function.
func Register(kind uint32, prefix string, c Lifecycle, h Handler) { main.Register(kind, prefix, c, h) }

var (
	garbage collector
	idle    int // calls since the last large message
)

// call answers one operation, whose request is in the first n bytes of in.
func call(op, n uint32) int32 {
	garbage.before(int64(n))
	if uint64(n) > uint64(len(in)) {
		return int32(reply(InvalidArgument, nil))
	}
	status := reply(main.Answer(&callContext, op, in[:n:n]))
	if n > maxIdle || frame.outLen > maxIdle {
		idle = 0
	} else if idle++; idle == idleCalls {
		shrink()
	}
	return int32(status)
}

// shrink gives up large buffers. The answer is in out, and has a place in a small one.
func shrink() {
	if len(in) > maxIdle {
		in = nil
		reserve(minIn)
	}
	if len(out) > maxIdle {
		small := make([]byte, max(frame.outLen, minOut))
		copy(small, out[:frame.outLen])
		out = small
		frame.outPtr = address(out)
	}
}

// Instance differs between instances, also between those of one snapshot.
func Instance() uint64 { return frame.instance }
