package engines_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/engines"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/plugins/wasmfile"
)

// module imports h.f and exports nop, which returns 0, and host, which calls
// h.f(1, 2, 3) ten times.
func module() []byte {
	const call = "\x41\x01\x41\x02\x41\x03\x10\x00" // f(1, 2, 3)
	body := "\x00" + strings.Repeat(call+"\x1a", 9) + call + "\x0b"
	b := bytes.Clone(wasmfile.Preamble)
	for _, s := range []struct {
		id      byte
		content string
	}{
		{wasmfile.Type, "\x02\x60\x03\x7f\x7f\x7f\x01\x7f\x60\x02\x7f\x7f\x01\x7f"},
		{wasmfile.Import, "\x01\x01h\x01f\x00\x00"},
		{wasmfile.Function, "\x02\x01\x01"},
		{wasmfile.Memory, "\x01\x00\x01"},
		{wasmfile.Export, "\x02\x03nop\x00\x01\x04host\x00\x02"},
		{wasmfile.Code, "\x02\x04\x00\x41\x00\x0b" + string(wasmfile.AppendName(nil, body))},
	} {
		b = wasmfile.AppendSection(b, s.id, []byte(s.content))
	}
	return b
}

func each(b *testing.B, run func(b *testing.B, e engine.Engine)) {
	for _, name := range engines.Names() {
		b.Run(name, func(b *testing.B) {
			e, err := engines.New(name, guesttest.CacheDir(b))
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			run(b, e)
		})
	}
}

// BenchmarkCall measures crossings: an empty call, and one that crosses back ten times.
func BenchmarkCall(b *testing.B) {
	i32 := []engine.ValueType{engine.I32}
	f := engine.HostFunc{Module: "h", Name: "f", Fn: func(_ *engine.Call, stack []uint64) { stack[0] = 0 },
		Signature: engine.Signature{Params: []engine.ValueType{engine.I32, engine.I32, engine.I32}, Results: i32}}
	each(b, func(b *testing.B, e engine.Engine) {
		m, err := e.Compile(b.Context(), engine.Config{Name: "bench", Wasm: module(), Functions: []engine.HostFunc{f}})
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		c := &engine.Call{Context: context.Background()}
		in, err := m.Instantiate(c)
		if err != nil {
			b.Fatal(err)
		}
		defer in.Close()
		for _, name := range []string{"nop", "host"} {
			b.Run(name, func(b *testing.B) {
				f, stack := in.Func(name), make([]uint64, 2)
				b.ReportAllocs()
				for b.Loop() {
					if err := f.Call(c, stack); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkGet measures a whole operation of the in-memory store, a Go guest.
func BenchmarkGet(b *testing.B) {
	wasm, man := guesttest.Pack(b, filepath.Join(guesttest.Root(b), "components/state/in-memory"))
	each(b, func(b *testing.B, e engine.Engine) {
		ctx := context.Background()
		c, err := guest.Load(ctx, guest.Plugin{Manifest: man, Wasm: wasm}, guest.Config{Name: "bench", Type: "state.in-memory", Engine: e})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close(ctx)
		s, _ := c.State()
		if err := s.Set(ctx, &proto.SetRequest{Key: "k", Value: make([]byte, 128)}); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if r, err := s.Get(ctx, &proto.GetRequest{Key: "k"}); err != nil || len(r.Data) != 128 {
				b.Fatal(len(r.Data), err)
			}
		}
	})
}
