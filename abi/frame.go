package abi

import "encoding/binary"

// Version of the ABI that this tree speaks: Major<<16 | Minor (ABI-041).
const (
	Major   = 1
	Minor   = 0
	Version = Major<<16 | Minor
)

// Names that a module exports (ABI-001 to ABI-009). The prefix carries the
// major version, so that a host can serve two majors side by side.
const (
	ExportMemory     = "memory"
	ExportInitialize = "_initialize"
	ExportStart      = "_start" // refused, except for http-wasm middleware
	ExportFrame      = "berth1_frame"
	ExportReserve    = "berth1_reserve"
	ExportCall       = "berth1_call"
	ExportServe      = "berth1_serve"
)

// Import modules (ABI-030).
const (
	ImportCore  = "berth1_core"
	ImportServe = "berth1_serve"
	ImportNet   = "berth1_net"
	ImportHTTP  = "berth1_http"
	ImportWASI  = "wasi_snapshot_preview1"
	ImportStem  = "berth1_"
)

// ManifestSection is the custom section that holds the manifest (ABI-060).
const ManifestSection = "berth.manifest"

// FrameSize is the size in bytes of the frame of version 1.0; a guest may
// declare a larger one (ABI-010).
const FrameSize = 80

// Offsets in bytes of the frame's fields, little-endian (ABI-011).
const (
	FrameOffSize     = 0  // u32, guest
	FrameOffABI      = 4  // u32, guest: Major<<16 | Minor it was built for
	FrameOffInPtr    = 8  // u32, guest: request buffer
	FrameOffInCap    = 12 // u32, guest: its capacity
	FrameOffOutPtr   = 16 // u32, guest: response, valid until the next call
	FrameOffOutLen   = 20 // u32, guest
	FrameOffCallID   = 24 // u64, host
	FrameOffDeadline = 32 // i64, host: Unix nanoseconds, 0 = none
	FrameOffFlags    = 40 // u32, host
	FrameOffTraceID  = 48 // 16 bytes, host: W3C, zero = none
	FrameOffSpanID   = 64 // 8 bytes, host
	FrameOffInstance = 72 // u64, host: differs between the instances of a component
)

// Bits of the frame's flags; a guest ignores the ones it does not know (ABI-012).
const (
	FlagSampled  = 1 << 0 // the trace is sampled
	FlagDraining = 1 << 1 // the component is draining
)

// HostFields are the frame's fields that the host writes before each call.
type HostFields struct {
	CallID   uint64 // unique per instance, starts at 1
	Deadline int64  // Unix nanoseconds, 0 = none
	Flags    uint32
	TraceID  [16]byte
	SpanID   [8]byte
	Instance uint64 // never 0; a guest that was snapshot sees by it that it is another
}

// PutHost writes h into frame, which holds at least FrameSize bytes.
func PutHost(frame []byte, h *HostFields) {
	f := frame[:FrameSize]
	binary.LittleEndian.PutUint64(f[FrameOffCallID:], h.CallID)
	binary.LittleEndian.PutUint64(f[FrameOffDeadline:], uint64(h.Deadline))
	binary.LittleEndian.PutUint64(f[FrameOffFlags:], uint64(h.Flags)) // and the reserved word behind it
	copy(f[FrameOffTraceID:], h.TraceID[:])
	copy(f[FrameOffSpanID:], h.SpanID[:])
	binary.LittleEndian.PutUint64(f[FrameOffInstance:], h.Instance)
}

// GuestFields are the frame's fields that the guest writes. They are numbers
// from a hostile party: the reader checks each against the memory's size.
type GuestFields struct {
	Size, ABI      uint32
	InPtr, InCap   uint32
	OutPtr, OutLen uint32
}

// Guest reads the guest's fields from frame, which holds at least FrameSize bytes.
func Guest(frame []byte) GuestFields {
	f := frame[:FrameSize]
	le := binary.LittleEndian
	return GuestFields{
		Size: le.Uint32(f[FrameOffSize:]), ABI: le.Uint32(f[FrameOffABI:]),
		InPtr: le.Uint32(f[FrameOffInPtr:]), InCap: le.Uint32(f[FrameOffInCap:]),
		OutPtr: le.Uint32(f[FrameOffOutPtr:]), OutLen: le.Uint32(f[FrameOffOutLen:]),
	}
}

// Range returns mem[off:off+n], or false when that range is not inside mem.
// The sum is made in 64 bits, so that no off and n wrap around (ABI-013).
func Range(mem []byte, off, n uint32) ([]byte, bool) {
	end := uint64(off) + uint64(n)
	if end > uint64(len(mem)) {
		return nil, false
	}
	return mem[off:end:end], true
}
