//go:build !linux

package wazero

import (
	"fmt"

	"github.com/tetratelabs/wazero/experimental"
)

// slice is a linear memory on the Go heap, grown by append's rule.
type slice struct {
	b   []byte
	max uint64
}

func newMemory(max uint64) (experimental.LinearMemory, error) { return &slice{max: max}, nil }

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

// image is a copy of a memory; each clone copies it again.
type image struct {
	b    []byte
	size int
}

func newImage(mem []byte) (*image, error) {
	return &image{b: append([]byte(nil), mem...), size: len(mem)}, nil
}

func (im *image) copyOnWrite() bool { return false }

func (im *image) memory(max uint64) (experimental.LinearMemory, error) {
	if uint64(im.size) > max {
		return nil, fmt.Errorf("snapshot of %d bytes is larger than the memory limit of %d", im.size, max)
	}
	return &slice{b: append(make([]byte, 0, im.size), im.b...), max: max}, nil
}

func (im *image) Close() error { return nil }
