package wazero

import (
	"fmt"

	"github.com/tetratelabs/wazero/experimental"
)

// memories is a way to keep linear memories and their snapshots.
type memories struct {
	alloc    func(max uint64) (experimental.LinearMemory, error)
	snapshot func(mem []byte) (image, error)
}

// image is a memory's content, from which others start.
type image interface {
	size() int
	copyOnWrite() bool
	// memory returns a memory that may grow to max bytes and has the content
	// behind its first bytes, which are not part of it until it has grown.
	memory(max uint64) (experimental.LinearMemory, error)
	Close() error
}

// portable keeps memories on the Go heap, and copies snapshots.
var portable = memories{
	alloc: func(max uint64) (experimental.LinearMemory, error) { return &slice{max: max}, nil },
	snapshot: func(mem []byte) (image, error) {
		c := make(copied, len(mem))
		copy(c, mem)
		return c, nil
	},
}

// slice is a linear memory on the Go heap, grown to twice its size when it is full.
type slice struct {
	b   []byte
	max uint64
}

func (s *slice) Reallocate(size uint64) []byte {
	if size > s.max {
		return nil
	}
	if size > uint64(cap(s.b)) {
		grown := make([]byte, size, min(max(size, 2*uint64(cap(s.b))), s.max))
		copy(grown, s.b)
		s.b = grown
	}
	s.b = s.b[:size]
	return s.b
}

func (s *slice) Free() { s.b = nil }

// copied is an image that each clone copies.
type copied []byte

func (c copied) size() int { return len(c) }

func (c copied) copyOnWrite() bool { return false }

func (c copied) memory(max uint64) (experimental.LinearMemory, error) {
	if uint64(len(c)) > max {
		return nil, fmt.Errorf("snapshot of %d bytes is larger than the memory limit of %d", len(c), max)
	}
	return &slice{b: append(make([]byte, 0, len(c)), c...), max: max}, nil
}

func (copied) Close() error { return nil }
