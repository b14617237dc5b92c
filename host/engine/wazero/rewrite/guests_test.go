package rewrite

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// goGuest builds testdata/goguest, once for all tests.
var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "goguest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, "./testdata/goguest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the Go guest: %w\n%s", err, out)
	}
	return os.ReadFile(file)
})

func needGoGuest(t testing.TB) []byte {
	t.Helper()
	wasm, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func cGuest(t testing.TB) []byte {
	t.Helper()
	wasm, err := os.ReadFile("testdata/cguest/guest.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// pair is the same guest before and after rewriting.
type pair struct {
	res           *Result
	before, after *guest
}

func newPair(t testing.TB, wasm []byte, q *irq) pair {
	t.Helper()
	p := pair{res: mustRewrite(t, wasm)}
	for i := range 2 {
		ctx, rt := newRuntime(t, wazero.NewRuntimeConfig().WithCompilationCache(compiled))
		wasi_snapshot_preview1.MustInstantiate(ctx, rt)
		var g *guest
		if i == 0 {
			g = instantiate(t, ctx, rt, wasm, nil)
			p.before = g
		} else {
			g = instantiateRewritten(t, ctx, rt, p.res, q, nil)
			p.after = g
		}
		if g.mod.ExportedFunction("_initialize") != nil {
			if _, err := g.call("_initialize"); err != nil {
				t.Fatalf("_initialize: %v", err)
			}
		}
	}
	return p
}

// compare calls an export of both and compares the results.
func (p pair) compare(t *testing.T, name string, arg uint64) {
	t.Helper()
	want, err := p.before.call(name, arg)
	if err != nil {
		t.Fatalf("%s(%d) before rewriting: %v", name, arg, err)
	}
	got, err := p.after.call(name, arg)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s(%d): got %v, %v, want %v", name, arg, got, err, want)
	}
}

var goWork = []struct {
	name string
	size uint64
}{
	{"sprintf", 2000}, {"sort", 100_000}, {"json", 300}, {"sha256", 1000}, {"loop", 5_000_000}, {"fib", 27}, {"map", 200_000}, {"mixed", 100},
}

var cWork = []struct {
	name string
	size uint64
}{
	{"format", 20_000}, {"sort", 100_000}, {"hash", 5000}, {"loop", 5_000_000}, {"fib", 27}, {"fill", 20_000}, {"state", 1_000_000},
}

func TestGoGuest(t *testing.T) {
	wasm := needGoGuest(t)
	q := &irq{grant: 100_000}
	p := newPair(t, wasm, q)
	for _, w := range goWork {
		t.Run(w.name, func(t *testing.T) {
			exits := q.exits
			p.compare(t, w.name, w.size/10)
			p.compare(t, w.name, 1)
			t.Logf("%d exits", q.exits-exits)
		})
	}
	r := p.res
	t.Logf("%d bytes became %d; checks: %+v", len(wasm), len(r.Wasm), r.placed)
	// Go compiles every jump as a branch back; nearly all of them go forward.
	if share := float64(r.placed.forward) / float64(r.placed.forward+r.placed.backs); share < 0.85 {
		t.Errorf("got %.2f of the branches back without a check, want 0.85: is Go's form of jumps another now?", share)
	}
	if r.Snapshot != nil {
		t.Errorf("Snapshot: got %v, want nil", r.Snapshot)
	}
	if r.Start != "" || len(r.Data) == 0 || len(r.Globals) < 2 {
		t.Errorf("got start %q, %d data segments, globals %q", r.Start, len(r.Data), r.Globals)
	}
}

func TestCGuest(t *testing.T) {
	p := newPair(t, cGuest(t), &irq{grant: 1000})
	for _, w := range cWork {
		t.Run(w.name, func(t *testing.T) {
			p.compare(t, w.name, w.size/10)
			p.compare(t, w.name, 3)
		})
	}
}

// TestCompiledC takes what clang makes of the same source with other options.
func TestCompiledC(t *testing.T) {
	clang, err := exec.LookPath("clang")
	if err != nil {
		t.Skip("no clang in the path: only the module in testdata/cguest is tested")
	}
	for _, flags := range []string{"-O0", "-O1 -g", "-Os", "-O3 -msimd128 -mbulk-memory", "-O2 -mtail-call -mmultivalue -msign-ext -mnontrapping-fptoint -mmutable-globals -mreference-types"} {
		t.Run(flags, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "guest.wasm")
			args := append(strings.Fields(flags), "--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-o", file, "testdata/cguest/guest.c")
			if out, err := exec.Command(clang, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wasm, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := newPair(t, wasm, &irq{grant: 1000})
			for _, w := range cWork {
				p.compare(t, w.name, w.size/100+3)
			}
		})
	}
}

// TestSnapshot copies memory and globals of one instance to a new one, as
// Result.Snapshot promises to be enough, and lets both go on.
func TestSnapshot(t *testing.T) {
	for name, wasm := range map[string][]byte{"Go": needGoGuest(t), "C": cGuest(t)} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, wasm, &irq{grant: 100_000})
			first := p.after
			if _, err := first.call("sort", 1000); err != nil {
				t.Fatal(err)
			}
			ctx, rt := newRuntime(t, wazero.NewRuntimeConfig().WithCompilationCache(compiled))
			wasi_snapshot_preview1.MustInstantiate(ctx, rt)
			clone := instantiateRewritten(t, ctx, rt, &Result{Wasm: p.res.Wasm}, &irq{grant: 100_000}, nil)
			from, to := first.mod.Memory(), clone.mod.Memory()
			to.Grow((from.Size() - to.Size()) >> 16)
			image, _ := from.Read(0, from.Size())
			if !to.Write(0, image) {
				t.Fatal("the memories differ in size")
			}
			for _, g := range p.res.Globals {
				clone.mod.ExportedGlobal(g).(api.MutableGlobal).Set(first.mod.ExportedGlobal(g).Get())
			}
			for _, work := range []string{"sort", "loop", "fib"} {
				want, err := first.call(work, 20)
				if err != nil {
					t.Fatal(err)
				}
				got, err := clone.call(work, 20)
				if err != nil {
					t.Fatalf("%s in the clone: %v", work, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-first +clone):\n%s", work, diff)
				}
			}
		})
	}
}

// TestGoGuestSpins interrupts for {} in a Go guest, and collects the host's
// garbage meanwhile.
func TestGoGuestSpins(t *testing.T) {
	stop := make(chan struct{})
	q := &irq{grant: 100_000}
	p := newPair(t, needGoGuest(t), q)
	q.during = func() {
		select {
		case <-stop:
			panic(errStop)
		default:
		}
	}
	done := make(chan error)
	go func() {
		_, err := p.after.call("spin")
		done <- err
	}()
	for range 10 {
		runtime.GC()
	}
	close(stop)
	if err := <-done; !errors.Is(err, errStop) {
		t.Errorf("got error %v, want %v", err, errStop)
	}
}
