package rewrite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero"
)

// threadTime is the CPU time of the calling thread, which others on the machine
// do not add to.
func threadTime(t testing.TB) time.Duration {
	const clockThreadCPU = 3
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		t.Fatal(errno)
	}
	return time.Duration(ts.Nano())
}

func BenchmarkRewrite(b *testing.B) {
	for name, wasm := range map[string][]byte{"Go": needGoGuest(b), "C": cGuest(b)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(wasm)))
			b.ReportAllocs()
			for b.Loop() {
				mustRewrite(b, wasm)
			}
		})
	}
}

// BenchmarkMetering compares guests before and after rewriting: the shortest of
// some runs of each, taken in turns, in CPU time. "x" is the ratio, "exits/ms" how often a
// guest looks at its deadline.
func BenchmarkMetering(b *testing.B) {
	for _, lang := range []struct {
		name string
		wasm []byte
		work []struct {
			name string
			size uint64
		}
	}{{"Go", needGoGuest(b), goWork}, {"C", cGuest(b), cWork}} {
		q := &irq{grant: 100_000}
		p := newPair(b, lang.wasm, q)
		for _, w := range lang.work {
			b.Run(lang.name+"/"+w.name, func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				shortest := [2]time.Duration{time.Hour, time.Hour}
				exits, turns := q.exits, 0
				for b.Loop() {
					for range 3 {
						for i, g := range []*guest{p.before, p.after} {
							start := threadTime(b)
							if _, err := g.call(w.name, w.size); err != nil {
								b.Fatal(err)
							}
							shortest[i] = min(shortest[i], threadTime(b)-start)
						}
						turns++
					}
				}
				b.ReportMetric(float64(shortest[1])/float64(shortest[0]), "x")
				b.ReportMetric(float64(shortest[1])/1e6, "ms")
				b.ReportMetric(float64(q.exits-exits)/float64(turns)/(float64(shortest[1])/1e6), "exits/ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkExit measures the time between two exits of guests that do what
// takes longest for what it is charged. It bounds how late an interrupt comes,
// and how long the host's garbage collector waits.
func BenchmarkExit(b *testing.B) {
	const pages = 1024
	chain := pointerChain(pages << 16)
	// Each load's address is the last one's value: every one misses the caches.
	chase := bytes.Repeat(cat(0x28, 2, 0), 1000)
	repeat := func(n int, code ...any) []byte { return bytes.Repeat(cat(code...), n) }
	forever := func(body ...any) []byte { return cat(opLoop, blockEmpty, cat(body...), opBr, 0, opEnd) }
	i64const := func(v int32) []byte { return cat(opI64Const, s(v)) }
	// Results are stored, lest the compiler leaves out what makes them.
	stored := func(store byte, code ...any) []byte { return forever(i32const(0), cat(code...), store, 3, 0) }
	storedV := func(code ...any) []byte { return forever(i32const(0), cat(code...), opSIMD, 11, 4, 0) }
	for _, c := range []struct {
		name string
		code []byte
	}{
		{"empty loop", forever()},
		{"loads that miss", forever(opLocalGet, 1, chase, opLocalSet, 1)},
		{"loads that miss, short loop", forever(opLocalGet, 1, 0x28, 2, 0, opLocalSet, 1)},
		{"i64 division", stored(0x37, i64const(-1), repeat(1000, i64const(3), 0x7f))},
		{"i64 remainder", stored(0x37, i64const(-1), repeat(1000, i64const(-3), 0x82))},
		{"f64.sqrt", stored(0x39, opLocalGet, 1, 0xb7, repeat(1000, 0x9f))},
		{"f64.div", stored(0x39, opLocalGet, 1, 0xb7, repeat(1000, opLocalGet, 0, 0xb7, 0xa3))},
		{"f64.nearest", stored(0x39, opLocalGet, 1, 0xb7, repeat(1000, 0x9e))},
		{"f64.min", stored(0x39, opLocalGet, 1, 0xb7, repeat(1000, opLocalGet, 0, 0xb7, 0xa4))},
		{"i64.trunc_sat_f64_u", stored(0x37, i64const(-1), repeat(500, 0xba, opMisc, 7))},
		{"f64.convert_i64_u", stored(0x37, i64const(-1), repeat(500, 0xba, 0xbd))},
		{"i8x16.popcnt", storedV(opLocalGet, 1, opSIMD, 17, repeat(1000, opSIMD, 0x62))},
		{"i8x16.shl", storedV(opLocalGet, 1, opSIMD, 17, repeat(1000, opLocalGet, 1, opSIMD, 0x6b))},
		{"i64x2.mul", storedV(opLocalGet, 1, opSIMD, 17, repeat(500, opLocalGet, 1, opSIMD, 17, opSIMD, u(0xd5)))},
		{"i32x4.trunc_sat", storedV(opLocalGet, 1, opSIMD, 17, repeat(500, opSIMD, u(0xf8), opSIMD, u(0xfa)))},
		{"f64x2.div", storedV(opLocalGet, 1, opSIMD, 17, repeat(500, opLocalGet, 1, opSIMD, 17, opSIMD, u(0xf3)))},
		{"stores to new pages", forever(repeat(1000, opLocalGet, 1, opLocalGet, 1, 0x36, 2, 0, opLocalGet, 1, i32const(4096+64), opI32Add, i32const(64<<20-1), 0x71, opLocalSet, 1))},
		{"branches through tables", forever(repeat(300, bytes.Repeat([]byte{opBlock, blockEmpty}, 4), opLocalGet, 1, 0x28, 2, 0, 0x22, 1, i32const(7), 0x76, opBrTable, 3, 0, 1, 2, 3, opEnd, opEnd, opEnd, opEnd))},
		{"small leaves", forever(repeat(1000, i32const(1), opCall, 6))},
		{"through the table", forever(repeat(1000, i32const(1), i32const(2), 0x11, 0, 0))},
		{"ref.func", forever(repeat(1000, opRefFunc, 6, 0x1a))},
		{"memory.grow", forever(repeat(100, i32const(0), opMemoryGrow, 0, 0x1a))},
		{"memory.fill 64 MiB", forever(i32const(0), i32const(1), i32const(64<<20), opMisc, miscMemoryFill, 0)},
		{"memory.copy 32 MiB", forever(i32const(0), i32const(32<<20), i32const(32<<20-9), opMisc, miscMemoryCopy, 0, 0)},
		{"memory.fill 0", forever(repeat(1000, i32const(0), i32const(1), i32const(0), opMisc, miscMemoryFill, 0))},
		{"table.fill", forever(i32const(0), opRefNull, typeExternref, i32const(1<<20-100), opMisc, 17, 1)},
		{"table.grow", forever(repeat(100, opRefNull, typeExternref, i32const(0), opMisc, 15, 1, 0x1a))},
		{"recursion", cat(i32const(90), opCall, 1, 0x1a)},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := endless(c.code)
			m.memories = [][]byte{cat(0, u(pages))}
			m.tables[1] = cat(typeExternref, 0, u(1<<20-100))
			res := mustRewrite(b, m.bytes())
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var all []time.Duration
			for b.Loop() {
				ctx, rt := newRuntime(b, wazero.NewRuntimeConfig().WithCompilationCache(compiled))
				q := &irq{grant: 100_000, stopAt: 12}
				var last time.Duration
				q.during = func() {
					// The first may come at once; the second still meets cold pages.
					if q.exits > 2 {
						all = append(all, threadTime(b)-last)
					}
					last = threadTime(b)
				}
				g := instantiateRewritten(b, ctx, rt, res, q, nil)
				if !g.mod.Memory().Write(0, chain) {
					b.Fatal("the memory is too small")
				}
				if _, err := g.call("f", 0); !errors.Is(err, errStop) {
					b.Fatal(err)
				}
				rt.Close(ctx)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2])/1e6, "ms/exit")
			b.ReportMetric(float64(all[len(all)-1])/1e6, "ms-longest")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// pointerChain is memory in which every 64 bytes hold the address of others,
// in one cycle through all of them in no order.
func pointerChain(size uint32) []byte {
	out := make([]byte, size)
	order := rand.New(rand.NewPCG(1, 2)).Perm(int(size / 64))
	for i, at := range order {
		to := order[(i+1)%len(order)]
		binary.LittleEndian.PutUint32(out[at*64:], uint32(to*64))
	}
	return out
}
