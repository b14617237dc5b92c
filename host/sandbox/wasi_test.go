package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/google/go-cmp/cmp"
)

// The functions are those of the ABI's table, all and no others.
func TestFunctionsAreThoseOfTheABI(t *testing.T) {
	got, want := map[string]string{}, map[string]string{}
	for _, f := range New(Config{}).Functions() {
		got[f.Module+"."+f.Name] = string(abi.SignatureOf(codes(f.Params), codes(f.Results)))
	}
	for _, imp := range abi.Imports() {
		if imp.Module == abi.ImportCore || imp.Module == abi.ImportWASI {
			want[imp.Module+"."+imp.Name] = string(imp.Signature)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("functions (-want +got):\n%s", d)
	}
	if n := len(coreFunctions()) + len(wasiFunctions()); n != len(want) {
		t.Errorf("got %d functions written, %d in the table", n, len(want))
	}
}

func codes(types []engine.ValueType) (out []byte) {
	for _, t := range types {
		out = append(out, byte(t))
	}
	return out
}

// Every function answers these errnos to arguments that are wrong or ask for
// what is not granted.
func TestErrno(t *testing.T) {
	const (
		out  = pageSize     // just outside the memory
		edge = pageSize - 1 // the last byte, too small for any number
		max  = 0xffff_ffff
	)
	tests := []struct {
		name string
		fn   string
		args []uint64
		want errno
	}{
		{"args: count outside", "args_sizes_get", []uint64{edge, 0}, errFault},
		{"args: size outside", "args_sizes_get", []uint64{0, out}, errFault},
		{"args: no strings need no memory", "args_get", []uint64{out, out}, errSuccess},
		{"environ: pointers outside", "environ_get", []uint64{edge, 0}, errFault},
		{"environ: strings outside", "environ_get", []uint64{0, edge}, errFault},
		{"environ: address 4 GiB", "environ_get", []uint64{max, max}, errFault},

		{"clock: result outside", "clock_time_get", []uint64{0, 0, pageSize - 7}, errFault},
		{"clock: at the end", "clock_time_get", []uint64{0, 0, pageSize - 8}, errSuccess},
		{"clock: CPU time", "clock_time_get", []uint64{2, 0, 0}, errInval},
		{"clock: unknown", "clock_time_get", []uint64{max, 0, 0}, errInval},
		{"clock resolution", "clock_res_get", []uint64{1, 0}, errSuccess},
		{"clock resolution outside", "clock_res_get", []uint64{1, edge}, errFault},
		{"clock resolution: CPU time", "clock_res_get", []uint64{3, 0}, errInval},

		{"random: none", "random_get", []uint64{pageSize, 0}, errSuccess},
		{"random: whole memory", "random_get", []uint64{0, pageSize}, errSuccess},
		{"random: one too many", "random_get", []uint64{1, pageSize}, errFault},
		{"random: 4 GiB", "random_get", []uint64{1, max}, errFault},

		{"read stdin", "fd_read", []uint64{0, 0, 0, 0}, errSuccess},
		{"read stdin: buffers outside", "fd_read", []uint64{0, edge, 1, 0}, errFault},
		{"read stdin: result outside", "fd_read", []uint64{0, 0, 0, edge}, errFault},
		{"read stdout", "fd_read", []uint64{1, 0, 0, 0}, errNotcapable},
		{"read fd 3", "fd_read", []uint64{3, 0, 0, 0}, errBadf},
		{"read fd -1", "fd_read", []uint64{max, 0, 0, 0}, errBadf},
		{"write stdin", "fd_write", []uint64{0, 0, 0, 0}, errNotcapable},
		{"write fd 3", "fd_write", []uint64{3, 0, 0, 0}, errBadf},
		{"write: list outside", "fd_write", []uint64{1, out, 1, 0}, errFault},
		{"write: most buffers", "fd_write", []uint64{1, 0, maxIovecs, 0}, errSuccess},
		{"write: too many buffers", "fd_write", []uint64{1, 0, maxIovecs + 1, 0}, errInval},
		{"write: 2^29 buffers wrap to none", "fd_write", []uint64{1, 0, 1 << 29, 0}, errInval},
		{"write: result outside", "fd_write", []uint64{1, 0, 0, edge}, errFault},

		{"fdstat", "fd_fdstat_get", []uint64{2, pageSize - 24}, errSuccess},
		{"fdstat outside", "fd_fdstat_get", []uint64{2, pageSize - 23}, errFault},
		{"fdstat of fd 3", "fd_fdstat_get", []uint64{3, 0}, errBadf},
		{"filestat", "fd_filestat_get", []uint64{0, pageSize - 64}, errSuccess},
		{"filestat outside", "fd_filestat_get", []uint64{0, pageSize - 63}, errFault},
		{"filestat of fd 3", "fd_filestat_get", []uint64{3, 0}, errBadf},
		{"set flags", "fd_fdstat_set_flags", []uint64{1, 4}, errSuccess},
		{"set unknown flags", "fd_fdstat_set_flags", []uint64{1, 32}, errInval},
		{"set flags of fd 3", "fd_fdstat_set_flags", []uint64{3, 4}, errBadf},
		{"close fd 3", "fd_close", []uint64{3}, errBadf},
		{"prestat ends the search", "fd_prestat_get", []uint64{3, 0}, errBadf},
		{"prestat of stdin", "fd_prestat_get", []uint64{0, 0}, errBadf},
		{"prestat name", "fd_prestat_dir_name", []uint64{3, 0, 0}, errBadf},

		{"seek stdout", "fd_seek", []uint64{1, 0, 0, 0}, errNotcapable},
		{"tell fd 3", "fd_tell", []uint64{3, 0}, errBadf},
		{"pread stdin", "fd_pread", []uint64{0, 0, 0, 0, 0}, errNotcapable},
		{"readdir stdin", "fd_readdir", []uint64{0, 0, 0, 0, 0}, errNotcapable},
		{"renumber", "fd_renumber", []uint64{1, 2}, errNotcapable},
		{"renumber fd 3", "fd_renumber", []uint64{3, 1}, errBadf},
		{"open without a folder", "path_open", []uint64{3, 0, 0, 4, 0, 0, 0, 0, 0}, errBadf},
		{"open below stdin", "path_open", []uint64{0, 0, 0, 4, 0, 0, 0, 0, 0}, errNotcapable},
		{"symlink below fd 3", "path_symlink", []uint64{0, 4, 3, 0, 4}, errBadf},
		{"symlink below stdin", "path_symlink", []uint64{0, 4, 0, 0, 4}, errNotcapable},
		{"accept on stdin", "sock_accept", []uint64{0, 0, 0}, errNotcapable},
		{"accept on fd 3", "sock_accept", []uint64{3, 0, 0}, errBadf},
		{"send on stdout", "sock_send", []uint64{1, 0, 0, 0, 0}, errNotcapable},
		{"signal", "proc_raise", []uint64{9}, errNosys},
		{"yield", "sched_yield", nil, errSuccess},

		{"poll nothing", "poll_oneoff", []uint64{0, 4096, 0, 8192}, errInval},
		{"poll too much", "poll_oneoff", []uint64{0, 0, maxSubscriptions + 1, 0}, errInval},
		{"poll 65536", "poll_oneoff", []uint64{0, 0, 65536, 0}, errInval},
		{"poll 4 G", "poll_oneoff", []uint64{0, 0, max, 0}, errInval},
		{"poll: subscriptions outside", "poll_oneoff", []uint64{pageSize - 47, 0, 1, 0}, errFault},
		{"poll: events outside", "poll_oneoff", []uint64{0, pageSize - 31, 1, 0}, errFault},
		{"poll: count outside", "poll_oneoff", []uint64{0, 64, 1, pageSize - 3}, errFault},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuest(t, Config{Env: []string{"A=b"}})
			if got := g.wasi(t, tt.fn, tt.args...); got != tt.want {
				t.Errorf("%s%v: got errno %d, want %d", tt.fn, tt.args, got, tt.want)
			}
		})
	}
}

func TestArgsAndEnviron(t *testing.T) {
	g := newGuest(t, Config{Args: []string{"plugin", ""}, Env: []string{"GOMEMLIMIT=64MiB", "BAD=a\x00TRUSTED=1"}})
	read := func(name string) (list []string) {
		t.Helper()
		if e := g.wasi(t, name+"_sizes_get", 0, 4); e != errSuccess {
			t.Fatalf("%s_sizes_get: errno %d", name, e)
		}
		count, size := binary.LittleEndian.Uint32(g.mem), binary.LittleEndian.Uint32(g.mem[4:])
		const pointers, data = 16, 1000
		clear(g.mem[pointers:])
		copy(g.mem[data+size:], "untouched")
		if e := g.wasi(t, name+"_get", pointers, data); e != errSuccess {
			t.Fatalf("%s_get: errno %d", name, e)
		}
		for n := range count {
			s := g.mem[binary.LittleEndian.Uint32(g.mem[pointers+4*n:]):]
			list = append(list, string(s[:bytes.IndexByte(s, 0)]))
		}
		if !bytes.HasPrefix(g.mem[data+size:], []byte("untouched")) {
			t.Errorf("%s_get wrote past the size it gave", name)
		}
		return list
	}
	if d := cmp.Diff([]string{"plugin", ""}, read("args")); d != "" {
		t.Errorf("args (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"GOMEMLIMIT=64MiB", "BAD=a"}, read("environ")); d != "" {
		t.Errorf("environ (-want +got):\n%s", d)
	}
}

func TestExit(t *testing.T) {
	lines := &logLines{}
	g := newGuest(t, Config{Logger: lines.logger()})
	g.print(t, fdStderr, "no line break")
	_, err := g.invoke(abi.ImportWASI+".proc_exit", 3)
	var exit *engine.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 {
		t.Errorf("proc_exit(3): got %v, want an ExitError of code 3", err)
	}
	if d := cmp.Diff([]line{{levelStderr, "no line break"}}, lines.take()); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
}

func TestFdstatOfStandardDescriptors(t *testing.T) {
	g := newGuest(t, Config{})
	for fd, want := range []uint64{rightRead, rightWrite, rightWrite} {
		copy(g.mem, strings.Repeat("\xff", 24))
		if e := g.wasi(t, "fd_fdstat_get", uint64(fd), 0); e != errSuccess {
			t.Fatalf("fd_fdstat_get(%d): errno %d", fd, e)
		}
		if g.mem[0] != filetypeCharacter {
			t.Errorf("fd %d: got file type %d, want %d", fd, g.mem[0], filetypeCharacter)
		}
		if got := binary.LittleEndian.Uint64(g.mem[8:]) & (rightRead | rightWrite); got != want {
			t.Errorf("fd %d: got rights %#x, want %#x", fd, got, want)
		}
		if got := binary.LittleEndian.Uint64(g.mem[16:]); got != 0 {
			t.Errorf("fd %d: got inheriting rights %#x, want none", fd, got)
		}
	}
}

func TestClosedDescriptorStaysClosed(t *testing.T) {
	g := newGuest(t, Config{})
	if e := g.wasi(t, "fd_close", fdStdout); e != errSuccess {
		t.Fatalf("fd_close: errno %d", e)
	}
	for name, args := range map[string][]uint64{
		"fd_close": {fdStdout}, "fd_write": {fdStdout, 0, 0, 0}, "fd_fdstat_get": {fdStdout, 0}, "fd_seek": {fdStdout, 0, 0, 0},
	} {
		if e := g.wasi(t, name, args...); e != errBadf {
			t.Errorf("%s on a closed descriptor: got errno %d, want %d", name, e, errBadf)
		}
	}
	if e := g.wasi(t, "fd_write", fdStderr, 0, 0, 0); e != errSuccess {
		t.Errorf("fd_write on the other one: got errno %d, want success", e)
	}
}

func TestWriteIsBounded(t *testing.T) {
	g := newGuest(t, Config{})
	const list = 0
	for n := range uint32(maxIovecs) { // each one the whole memory: 64 MiB in all
		binary.LittleEndian.PutUint32(g.mem[list+8*n:], 0)
		binary.LittleEndian.PutUint32(g.mem[list+8*n+4:], pageSize)
	}
	if e := g.wasi(t, "fd_write", fdStdout, list, maxIovecs, pageSize-4); e != errSuccess {
		t.Fatalf("fd_write: errno %d", e)
	}
	if got := binary.LittleEndian.Uint32(g.mem[pageSize-4:]); got != maxWrite {
		t.Errorf("got %d bytes written, want %d", got, maxWrite)
	}
	binary.LittleEndian.PutUint32(g.mem[list+8:], pageSize-1)
	binary.LittleEndian.PutUint32(g.mem[list+12:], 2)
	binary.LittleEndian.PutUint32(g.mem[list+4:], 1)
	if e := g.wasi(t, "fd_write", fdStdout, list, 2, 64); e != errFault {
		t.Errorf("buffer half outside: got errno %d, want %d", e, errFault)
	}
}

func TestRandom(t *testing.T) {
	g := newGuest(t, Config{})
	seen := map[string]bool{}
	for n := range 1000 {
		size := 8 + n%40
		clear(g.mem[:64])
		if e := g.wasi(t, "random_get", 0, uint64(size)); e != errSuccess {
			t.Fatalf("random_get: errno %d", e)
		}
		if !bytes.Equal(g.mem[size:64], make([]byte, 64-size)) {
			t.Fatalf("random_get(%d) wrote past its end", size)
		}
		if s := string(g.mem[:8]); seen[s] {
			t.Fatalf("the same 8 bytes twice after %d reads", n)
		} else {
			seen[s] = true
		}
	}
	for _, size := range []uint64{randomBuffer, randomBuffer + 1, pageSize} {
		clear(g.mem)
		g.wasi(t, "random_get", 0, size)
		if tail := g.mem[size-16 : size]; bytes.Equal(tail, make([]byte, 16)) {
			t.Errorf("random_get(%d) left the end unwritten", size)
		}
	}
}

func TestHotFunctionsDoNotAllocate(t *testing.T) {
	g := newGuest(t, Config{})
	g.begin(t.Context(), 1e12)
	stack := make([]uint64, 4)
	for name, args := range map[string][]uint64{
		abi.ImportWASI + ".clock_time_get": {1, 0, 0},
		abi.ImportWASI + ".random_get":     {0, 16},
		abi.ImportCore + ".clock_now":      {0},
		abi.ImportCore + ".call_cancelled": nil,
	} {
		f := g.fns[name]
		if n := testing.AllocsPerRun(1000, func() {
			copy(stack, args)
			f.Fn(&g.call, stack)
		}); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkFunctions(b *testing.B) {
	g := newGuest(b, Config{})
	g.begin(b.Context(), 1e12)
	stack := make([]uint64, 4)
	for _, bb := range []struct {
		name string
		args []uint64
	}{
		{abi.ImportWASI + ".clock_time_get", []uint64{1, 0, 0}},
		{abi.ImportWASI + ".random_get", []uint64{0, 16}},
		{abi.ImportWASI + ".sched_yield", nil},
	} {
		f := g.fns[bb.name]
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				copy(stack, bb.args)
				f.Fn(&g.call, stack)
			}
		})
	}
}
