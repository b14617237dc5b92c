package sandbox

import (
	"encoding/binary"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// Standard descriptors. They are the only ones there are.
const (
	fdStdin  = 0
	fdStdout = 1
	fdStderr = 2
)

// Bounds on the work of one fd_read or fd_write. A guest that wants more
// written comes again, as with any descriptor that takes a part.
const (
	maxIovecs = 1024
	maxWrite  = 64 << 10
)

// Rights and file type of the standard descriptors. wasi-libc takes a
// character device that cannot seek for a terminal and buffers its lines
// rather than 4 KiB, so that a line reaches the log when it is written.
const (
	rightRead         = 1 << 1
	rightSetFlags     = 1 << 3
	rightWrite        = 1 << 6
	rightFilestatGet  = 1 << 21
	rightPoll         = 1 << 27
	filetypeCharacter = 2
	knownFdflags      = 1<<5 - 1 // append, dsync, nonblock, rsync, sync
)

func (i *Instance) isOpen(fd uint32) bool { return fd <= fdStderr && !i.closed[fd] }

func fdClose(i *Instance, c *engine.Call, a []uint64) errno {
	fd := uint32(a[0])
	if !i.isOpen(fd) {
		return errBadf
	}
	switch fd {
	case fdStdout:
		i.out.flush(c.Context, i)
	case fdStderr:
		i.err.flush(c.Context, i)
	}
	i.closed[fd] = true
	return errSuccess
}

func fdFdstatGet(i *Instance, c *engine.Call, a []uint64) errno {
	fd := uint32(a[0])
	if !i.isOpen(fd) {
		return errBadf
	}
	p, ok := abi.Range(c.Memory(), uint32(a[1]), 24)
	if !ok {
		return errFault
	}
	clear(p)
	rights := uint64(rightWrite)
	if fd == fdStdin {
		rights = rightRead
	}
	p[0] = filetypeCharacter
	binary.LittleEndian.PutUint64(p[8:], rights|rightSetFlags|rightFilestatGet|rightPoll)
	return errSuccess
}

// fdFdstatSetFlags takes the flags and does without them: nothing here blocks.
func fdFdstatSetFlags(i *Instance, _ *engine.Call, a []uint64) errno {
	switch {
	case !i.isOpen(uint32(a[0])):
		return errBadf
	case uint32(a[1])&^knownFdflags != 0:
		return errInval
	}
	return errSuccess
}

func fdFilestatGet(i *Instance, c *engine.Call, a []uint64) errno {
	if !i.isOpen(uint32(a[0])) {
		return errBadf
	}
	p, ok := abi.Range(c.Memory(), uint32(a[1]), 64)
	if !ok {
		return errFault
	}
	clear(p) // no device, inode, size or times
	p[16] = filetypeCharacter
	binary.LittleEndian.PutUint64(p[24:], 1) // links
	return errSuccess
}

// fdRead reads nothing from standard input: it is at its end.
func fdRead(i *Instance, c *engine.Call, a []uint64) errno {
	switch fd := uint32(a[0]); {
	case !i.isOpen(fd):
		return errBadf
	case fd != fdStdin:
		return errNotcapable
	}
	if _, e := iovecs(c.Memory(), a); e != errSuccess {
		return e
	}
	return putU32(c, uint32(a[3]), 0)
}

// fdWrite writes up to maxWrite bytes to the log.
func fdWrite(i *Instance, c *engine.Call, a []uint64) errno {
	fd := uint32(a[0])
	switch {
	case !i.isOpen(fd):
		return errBadf
	case fd == fdStdin:
		return errNotcapable
	}
	_ = ended(c)
	mem := c.Memory()
	list, e := iovecs(mem, a)
	if e != errSuccess {
		return e
	}
	written, ok := abi.Range(mem, uint32(a[3]), 4)
	if !ok {
		return errFault
	}
	total := uint32(0)
	for ; len(list) > 0 && total < maxWrite; list = list[8:] {
		p, ok := iovec(mem, list)
		if !ok {
			return errFault
		}
		p = p[:min(len(p), int(maxWrite-total))]
		if fd == fdStderr {
			i.tail.write(p)
			i.err.write(c, i, p)
		} else {
			i.out.write(c, i, p)
		}
		total += uint32(len(p))
	}
	binary.LittleEndian.PutUint32(written, total)
	return errSuccess
}

// iovecs returns the list of buffers at a[1], of length a[2], 8 bytes each.
func iovecs(mem []byte, a []uint64) ([]byte, errno) {
	n := uint32(a[2])
	if n > maxIovecs {
		return nil, errInval
	}
	list, ok := abi.Range(mem, uint32(a[1]), 8*n)
	if !ok {
		return nil, errFault
	}
	return list, errSuccess
}

// iovec returns the first buffer of list.
func iovec(mem, list []byte) ([]byte, bool) {
	return abi.Range(mem, binary.LittleEndian.Uint32(list), binary.LittleEndian.Uint32(list[4:]))
}
