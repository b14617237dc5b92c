package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/berth-run/berth/host/engine/wazero/rewrite"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// An endless loop ends with its deadline.
func ExampleRewrite() {
	// (module (func (export "spin") (loop (br 0))))
	spin := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x04\x01\x60\x00\x00" +
		"\x03\x02\x01\x00" +
		"\x07\x08\x01\x04spin\x00\x00" +
		"\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b")
	res, err := rewrite.Rewrite(spin)
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	rt := wazero.NewRuntime(context.Background())
	defer rt.Close(context.Background())
	irq := func(_ context.Context, stack []uint64) {
		if err := ctx.Err(); err != nil {
			panic(err)
		}
		stack[0] = 100_000
	}
	_, err = rt.NewHostModuleBuilder(rewrite.IrqModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(irq), nil, []api.ValueType{api.ValueTypeI32}).Export(rewrite.IrqName).
		Instantiate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	mod, err := rt.Instantiate(ctx, res.Wasm)
	if err != nil {
		log.Fatal(err)
	}
	_, err = mod.ExportedFunction("spin").Call(ctx)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}
