package abi

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"testing"
)

func TestFrameLayout(t *testing.T) {
	// The order of ABI-011; each field begins where the one before it ends.
	fields := []struct {
		name      string
		off, size int
	}{
		{"size", FrameOffSize, 4}, {"abi", FrameOffABI, 4}, {"in_ptr", FrameOffInPtr, 4}, {"in_cap", FrameOffInCap, 4},
		{"out_ptr", FrameOffOutPtr, 4}, {"out_len", FrameOffOutLen, 4}, {"call_id", FrameOffCallID, 8}, {"deadline", FrameOffDeadline, 8},
		{"flags and reserved", FrameOffFlags, 8}, {"trace_id", FrameOffTraceID, 16}, {"span_id", FrameOffSpanID, 8}, {"instance", FrameOffInstance, 8},
	}
	end := 0
	for _, f := range fields {
		if f.off != end || f.off%min(f.size, 8) != 0 {
			t.Errorf("%s: got offset %d, want %d, aligned", f.name, f.off, end)
		}
		end = f.off + f.size
	}
	if end != FrameSize {
		t.Errorf("the fields end at %d, want %d", end, FrameSize)
	}
}

func TestPutHost(t *testing.T) {
	h := &HostFields{
		CallID: 0x0102030405060708, Deadline: -2, Flags: FlagSampled | FlagDraining,
		TraceID: [16]byte{1, 2, 15: 16}, SpanID: [8]byte{3, 7: 4}, Instance: 1<<63 + 5,
	}
	frame := bytes.Repeat([]byte{0xee}, FrameSize+16)
	PutHost(frame, h)
	le := binary.LittleEndian
	for i, c := range frame {
		if outside := i < FrameOffCallID || i >= FrameSize; outside && c != 0xee {
			t.Fatalf("byte %d, which is not the host's, was written", i)
		}
	}
	if got := le.Uint64(frame[24:]); got != h.CallID {
		t.Errorf("call_id: got %#x, want %#x", got, h.CallID)
	}
	if got := int64(le.Uint64(frame[32:])); got != h.Deadline {
		t.Errorf("deadline: got %d, want %d", got, h.Deadline)
	}
	if flags, reserved := le.Uint32(frame[40:]), le.Uint32(frame[44:]); flags != 3 || reserved != 0 {
		t.Errorf("got flags %d and reserved %d, want 3 and 0", flags, reserved)
	}
	if !bytes.Equal(frame[48:64], h.TraceID[:]) || !bytes.Equal(frame[64:72], h.SpanID[:]) {
		t.Errorf("got trace %x, want %x%x", frame[48:72], h.TraceID, h.SpanID)
	}
	if got := le.Uint64(frame[72:]); got != h.Instance {
		t.Errorf("instance: got %#x, want %#x", got, h.Instance)
	}
}

func TestGuest(t *testing.T) {
	frame := make([]byte, FrameSize)
	for i := range frame {
		frame[i] = byte(i)
	}
	want := GuestFields{0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110, 0x17161514}
	if got := Guest(frame); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	PutHost(frame, &HostFields{CallID: ^uint64(0), Deadline: -1, Flags: ^uint32(0), Instance: ^uint64(0)})
	if got := Guest(frame); got != want {
		t.Errorf("the host's fields changed the guest's: got %x, want %x", got, want)
	}
}

func TestRange(t *testing.T) {
	mem := make([]byte, 100)
	for _, tc := range []struct {
		off, n uint32
		ok     bool
	}{
		{0, 0, true}, {0, 100, true}, {100, 0, true}, {99, 1, true}, {50, 25, true},
		{0, 101, false}, {100, 1, false}, {101, 0, false}, {1, 100, false},
		{^uint32(0), 1, false}, {1, ^uint32(0), false}, {^uint32(0), ^uint32(0), false}, {1 << 31, 1 << 31, false}, {^uint32(0) - 49, 100, false},
	} {
		got, ok := Range(mem, tc.off, tc.n)
		if ok != tc.ok || len(got) != int(tc.n)*map[bool]int{true: 1, false: 0}[ok] || cap(got) != len(got) {
			t.Errorf("Range(%d, %d): got %d bytes with room for %d, %v, want %v", tc.off, tc.n, len(got), cap(got), ok, tc.ok)
		}
	}
	if _, ok := Range(nil, 0, 0); !ok {
		t.Error("nothing of no memory is inside it")
	}
}

func FuzzRange(f *testing.F) {
	f.Add(uint16(100), uint32(50), uint32(50))
	f.Add(uint16(100), uint32(1<<31), uint32(1<<31))
	f.Add(uint16(0), ^uint32(0), uint32(1))
	f.Fuzz(func(t *testing.T, size uint16, off, n uint32) {
		mem := make([]byte, size)
		end := new(big.Int).Add(big.NewInt(int64(off)), big.NewInt(int64(n)))
		want := end.Cmp(big.NewInt(int64(size))) <= 0
		got, ok := Range(mem, off, n)
		if ok != want {
			t.Fatalf("Range of %d bytes, %d, %d: got %v, want %v", size, off, n, ok, want)
		}
		if ok && n > 0 && (&got[0] != &mem[off] || len(got) != int(n)) {
			t.Fatalf("Range of %d bytes, %d, %d: got another range", size, off, n)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add(make([]byte, FrameSize), uint64(1), int64(2), uint32(3), uint64(4))
	f.Fuzz(func(t *testing.T, frame []byte, call uint64, deadline int64, flags uint32, instance uint64) {
		if len(frame) < FrameSize {
			return
		}
		guest := Guest(frame)
		tail := append([]byte(nil), frame[FrameSize:]...)
		PutHost(frame, &HostFields{CallID: call, Deadline: deadline, Flags: flags, Instance: instance})
		if Guest(frame) != guest || !bytes.Equal(frame[FrameSize:], tail) {
			t.Fatal("the host's fields changed what is not the host's")
		}
		again := make([]byte, FrameSize)
		copy(again, frame[:FrameOffCallID])
		PutHost(again, &HostFields{CallID: call, Deadline: deadline, Flags: flags, Instance: instance})
		if !bytes.Equal(again, frame[:FrameSize]) {
			t.Fatalf("got %x, then %x", frame[:FrameSize], again)
		}
	})
}
