package sandbox

import (
	"encoding/binary"
	"runtime"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// errno is a WASI error number. The values and all layouts of preview 1 are
// those of https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md.
type errno uint16

const (
	errSuccess    errno = 0
	errBadf       errno = 8
	errFault      errno = 21
	errIntr       errno = 27
	errInval      errno = 28
	errNosys      errno = 52
	errNotcapable errno = 76
)

// wasiFunc is a function of WASI preview 1.
type wasiFunc func(i *Instance, c *engine.Call, a []uint64) errno

// wasiFunctions is WASI preview 1, whole: a module links whatever its language
// runtime imports, and learns on use what it was not granted.
func wasiFunctions() map[string]wasiFunc {
	functions := map[string]wasiFunc{
		"args_get":          func(i *Instance, c *engine.Call, a []uint64) errno { return i.s.args.get(c, a) },
		"args_sizes_get":    func(i *Instance, c *engine.Call, a []uint64) errno { return i.s.args.sizes(c, a) },
		"environ_get":       func(i *Instance, c *engine.Call, a []uint64) errno { return i.s.env.get(c, a) },
		"environ_sizes_get": func(i *Instance, c *engine.Call, a []uint64) errno { return i.s.env.sizes(c, a) },

		"clock_res_get":  clockResGet,
		"clock_time_get": clockTimeGet,
		"random_get":     randomGet,
		"poll_oneoff":    pollOneoff,
		"sched_yield":    schedYield,
		"proc_exit":      procExit,

		"fd_close":            fdClose,
		"fd_fdstat_get":       fdFdstatGet,
		"fd_fdstat_set_flags": fdFdstatSetFlags,
		"fd_filestat_get":     fdFilestatGet,
		"fd_read":             fdRead,
		"fd_write":            fdWrite,
		// There are no folders: the first descriptor asked for ends a runtime's search for them.
		"fd_prestat_get":      refuse(errBadf),
		"fd_prestat_dir_name": refuse(errBadf),

		"proc_raise": refuse(errNosys),
	}
	// What a standard descriptor has no right to (wasi-libc makes ESPIPE of it
	// for a seek), and what takes a folder or a socket, of which there are none.
	for _, name := range []string{
		"fd_advise", "fd_allocate", "fd_datasync", "fd_fdstat_set_rights", "fd_filestat_set_size", "fd_filestat_set_times",
		"fd_pread", "fd_pwrite", "fd_readdir", "fd_renumber", "fd_seek", "fd_sync", "fd_tell",
		"path_create_directory", "path_filestat_get", "path_filestat_set_times", "path_link", "path_open", "path_readlink",
		"path_remove_directory", "path_rename", "path_unlink_file",
		"sock_accept", "sock_recv", "sock_send", "sock_shutdown",
	} {
		functions[name] = refuseFD(0)
	}
	functions["path_symlink"] = refuseFD(2)
	return functions
}

// refuse answers e whatever the arguments are.
func refuse(e errno) wasiFunc {
	return func(*Instance, *engine.Call, []uint64) errno { return e }
}

// refuseFD answers NOTCAPABLE when the argument of that number is an open
// descriptor, and BADF when it is not.
func refuseFD(arg int) wasiFunc {
	return func(i *Instance, _ *engine.Call, a []uint64) errno {
		if !i.isOpen(uint32(a[arg])) {
			return errBadf
		}
		return errNotcapable
	}
}

func clockResGet(i *Instance, c *engine.Call, a []uint64) errno {
	if id := uint32(a[0]); id != clockRealtime && id != clockMonotonic {
		return errInval // the CPU time of guests is nobody's business
	}
	return putU64(c, uint32(a[1]), uint64(i.s.clock.resolution))
}

func clockTimeGet(i *Instance, c *engine.Call, a []uint64) errno {
	now, ok := i.s.clock.read(uint32(a[0]))
	if !ok {
		return errInval
	}
	return putU64(c, uint32(a[2]), uint64(now)) // a[1], the precision asked for, is a hint
}

func randomGet(i *Instance, c *engine.Call, a []uint64) errno {
	p, ok := abi.Range(c.Memory(), uint32(a[0]), uint32(a[1]))
	if !ok {
		return errFault
	}
	i.fill(c, p)
	return errSuccess
}

func schedYield(_ *Instance, c *engine.Call, _ []uint64) errno {
	_ = ended(c)
	runtime.Gosched()
	return errSuccess
}

func procExit(i *Instance, c *engine.Call, a []uint64) errno {
	i.flush(c.Context)
	c.Exit(uint32(a[0]))
	return errNosys // not reached
}

// sizes answers args_sizes_get and environ_sizes_get.
func (z *cstrings) sizes(c *engine.Call, a []uint64) errno {
	if e := putU32(c, uint32(a[0]), uint32(len(z.offsets))); e != errSuccess {
		return e
	}
	return putU32(c, uint32(a[1]), uint32(len(z.data)))
}

// get answers args_get and environ_get: the strings at a[1], a pointer to each at a[0].
func (z *cstrings) get(c *engine.Call, a []uint64) errno {
	mem := c.Memory()
	pointers, ok1 := abi.Range(mem, uint32(a[0]), uint32(4*len(z.offsets)))
	data, ok2 := abi.Range(mem, uint32(a[1]), uint32(len(z.data)))
	if !ok1 || !ok2 {
		return errFault
	}
	copy(data, z.data)
	for n, off := range z.offsets {
		binary.LittleEndian.PutUint32(pointers[4*n:], uint32(a[1])+off)
	}
	return errSuccess
}

func putU32(c *engine.Call, at, v uint32) errno {
	p, ok := abi.Range(c.Memory(), at, 4)
	if !ok {
		return errFault
	}
	binary.LittleEndian.PutUint32(p, v)
	return errSuccess
}

func putU64(c *engine.Call, at uint32, v uint64) errno {
	p, ok := abi.Range(c.Memory(), at, 8)
	if !ok {
		return errFault
	}
	binary.LittleEndian.PutUint64(p, v)
	return errSuccess
}
