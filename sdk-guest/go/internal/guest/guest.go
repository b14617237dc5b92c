// Package guest is the guest's side of the ABI: the frame and the exports, the
// dispatch of operations to registered components, and the host's imports. What
// authors use of it, the packages above export.
package guest

import "unsafe"

// version is the ABI version that this SDK was built for.
const version = 1 << 16

// minIn is the request buffer's first size; the host asks for more when it needs it.
const minIn = 64 << 10

// maxIdle is the largest buffer that is kept from one call to the next.
const maxIdle = 1 << 20

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
	if n > 1<<31-1 {
		return 1
	}
	if uint32(cap(in)) < n {
		size := max(n, min(2*uint32(cap(in)), maxIdle))
		in = nil // the old one may be collected before the new one is there
		in = make([]byte, size)
	}
	frame.inPtr, frame.inCap = address(in), uint32(cap(in))
	return 0
}

// reply makes m the answer, valid until the next call.
func reply(m Message) {
	frame.outPtr, frame.outLen = 0, 0
	if m == nil {
		return
	}
	n := m.Size()
	if cap(out) < n || cap(out) > maxIdle && n < maxIdle/2 {
		out = nil
		out = make([]byte, max(n, 4096))
	}
	m.MarshalTo(out[:n])
	frame.outPtr, frame.outLen = address(out), uint32(n)
}

// main is what the module's init functions registered.
var main Module

// Register adds a component to the module. It is called from an init function.
func Register(kind uint32, prefix string, c Lifecycle, h Handler) { main.Register(kind, prefix, c, h) }

const yieldEvery = 256

var sinceYield int

// call answers one operation, whose request is in the first n bytes of in.
func call(op, n uint32) int32 {
	if sinceYield++; sinceYield >= yieldEvery {
		sinceYield = 0
		yield() // calls that end soon starve the collector's goroutines otherwise
	}
	if uint64(n) > uint64(len(in)) {
		reply(nil)
		return int32(InvalidArgument)
	}
	status, m := main.Answer(&callContext, op, in[:n:n])
	if len(in) > maxIdle && n < maxIdle/2 {
		in = nil
		reserve(minIn)
	}
	reply(m)
	return int32(status)
}

// Instance differs between instances, also between those of one snapshot.
func Instance() uint64 { return frame.instance }
