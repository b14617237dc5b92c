package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-run/berth/host/engine"
)

// FuzzFunctions makes sequences of host calls with arbitrary arguments over
// arbitrary memory. A function may refuse or end the guest; it may not panic,
// write outside the memory, or still run when the call's deadline and grace are over.
func FuzzFunctions(f *testing.F) {
	functions := New(Config{}).Functions()
	for n := range functions {
		f.Add([]byte{byte(n), 0, 0, 0, 0}, []byte("\x10\x00\x00\x00\x20\x00\x00\x00"))
		f.Add([]byte{byte(n), 1, 0xff, 2, 4, byte(n), 5, 6, 7, 0xff}, bytes.Repeat([]byte{1, 0, 0, 0}, 64))
	}
	f.Fuzz(func(t *testing.T, script, contents []byte) {
		if len(script) > 200 || len(contents) > pageSize {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			const guard = 4096
			outside := bytes.Repeat([]byte{0xa5}, guard)
			all := make([]byte, guard+pageSize+guard)
			copy(all, outside)
			copy(all[guard+pageSize:], outside)
			g := newGuest(t, Config{Args: []string{"a"}, Env: []string{"A=b", "C=d"}, Logger: (&logLines{}).logger()})
			g.mem = memory(all[guard : guard+pageSize]) // its capacity goes on into the guard, as a mapping's does
			copy(g.mem, contents)
			g.begin(t.Context(), 50*time.Millisecond)
			deadline := time.Now().Add(50*time.Millisecond + uncut)

			next := func() byte {
				if len(script) == 0 {
					return 0
				}
				b := script[0]
				script = script[1:]
				return b
			}
			for len(script) > 0 {
				fn := functions[int(next())%len(functions)]
				args := make([]uint64, len(fn.Params))
				for n := range args {
					switch b := next(); b % 8 {
					case 0, 1, 2:
						args[n] = uint64(b / 8)
					case 3:
						args[n] = uint64(b) * 251
					case 4:
						args[n] = pageSize - uint64(b/8)
					case 5:
						args[n] = ^uint64(b / 8)
					case 6:
						args[n] = uint64(next()) << (b / 8)
					case 7:
						args[n] = binary.LittleEndian.Uint64(g.mem[uint64(b)*8:])
					}
				}
				before := time.Now()
				_, err := g.invoke(fn.Module+"."+fn.Name, args...)
				if now := time.Now(); now.After(deadline) && now.After(before) {
					t.Fatalf("%s%v took %v, to %v past the deadline", fn.Name, args, now.Sub(before), now.Sub(deadline))
				}
				if !bytes.Equal(all[:guard], outside) || !bytes.Equal(all[guard+pageSize:], outside) {
					t.Fatalf("%s%v wrote outside the memory", fn.Name, args)
				}
				var exit *engine.ExitError
				if errors.As(err, &exit) || errors.Is(err, engine.ErrDeadline) {
					break
				}
				if err != nil {
					t.Fatalf("%s%v: %v", fn.Name, args, err)
				}
			}
			g.inst.Close()
			_ = g.inst.Output()
		})
	})
}
