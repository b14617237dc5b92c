package wazero

import (
	"fmt"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// mapping is a linear memory whose whole range is reserved, so that growing
// costs nothing and nothing moves. Pages take memory once they are touched.
type mapping struct{ region []byte }

// system is how this system keeps memories: reserved, and cloned copy-on-write.
var system = memories{reserve, newMapped}

// reserve returns a memory of max bytes of zeroes.
func reserve(max uint64) (experimental.LinearMemory, error) {
	if max == 0 {
		return &mapping{}, nil
	}
	region, err := unix.Mmap(-1, 0, int(max), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserving %d MiB of address space for an instance: %w", max>>20, err)
	}
	// A huge page for each touched corner would multiply what an instance takes.
	_ = unix.Madvise(region, unix.MADV_NOHUGEPAGE)
	return &mapping{region}, nil
}

func (m *mapping) Reallocate(size uint64) []byte {
	if size > uint64(len(m.region)) {
		return nil
	}
	return m.region[:size:size]
}

func (m *mapping) Free() {
	if m.region != nil {
		_ = unix.Munmap(m.region)
		m.region = nil
	}
}

// mapped is a memory's content in a file that has no name.
type mapped struct {
	fd    int
	bytes int
}

const osPage = 4096

// newMapped copies mem. Pages of zeroes stay holes.
func newMapped(mem []byte) (image, error) {
	fd, err := unix.MemfdCreate("berth-snapshot", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	im := &mapped{fd: fd, bytes: len(mem)}
	if err := unix.Ftruncate(fd, int64(len(mem))); err != nil {
		_ = im.Close()
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	for off := 0; off < len(mem); {
		end := off
		for end < len(mem) && !isZero(mem[end:end+osPage]) {
			end += osPage
		}
		for b := mem[off:end]; len(b) > 0; {
			n, err := unix.Pwrite(fd, b, int64(end-len(b)))
			if err != nil {
				_ = im.Close()
				return nil, fmt.Errorf("snapshot: %w", err)
			}
			b = b[n:]
		}
		for off = end; off < len(mem) && isZero(mem[off:off+osPage]); {
			off += osPage
		}
	}
	return im, nil
}

func isZero(b []byte) bool {
	words := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}

func (im *mapped) size() int { return im.bytes }

func (im *mapped) copyOnWrite() bool { return true }

// memory reserves max bytes, of which the first are the image, privately.
func (im *mapped) memory(max uint64) (experimental.LinearMemory, error) {
	if uint64(im.bytes) > max {
		return nil, fmt.Errorf("snapshot of %d bytes is larger than the memory limit of %d", im.bytes, max)
	}
	mem, err := reserve(max)
	if err != nil || im.bytes == 0 {
		return mem, err
	}
	base := unsafe.Pointer(unsafe.SliceData(mem.(*mapping).region))
	_, err = unix.MmapPtr(im.fd, 0, base, uintptr(im.bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	if err != nil {
		mem.Free()
		return nil, fmt.Errorf("mapping snapshot: %w", err)
	}
	return mem, nil
}

func (im *mapped) Close() error { return unix.Close(im.fd) }
