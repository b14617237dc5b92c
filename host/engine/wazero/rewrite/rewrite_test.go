package rewrite

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func TestRewriteStopsAnEndlessLoop(t *testing.T) {
	// (module (func (export "f") (loop (br 0))))
	wasm := []byte("\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" + "\x07\x05\x01\x01f\x00\x00" + "\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b")
	res, err := Rewrite(wasm)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	stop, exits := errors.New("stop"), 0
	_, err = r.NewHostModuleBuilder(IrqModule).NewFunctionBuilder().WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) {
		if exits++; exits == 10 {
			panic(stop)
		}
		stack[0] = 1000
	}), nil, []api.ValueType{api.ValueTypeI32}).Export(IrqName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := r.Instantiate(ctx, res.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mod.ExportedFunction("f").Call(ctx); !errors.Is(err, stop) {
		t.Errorf("got error %v, want %v", err, stop)
	}
}
