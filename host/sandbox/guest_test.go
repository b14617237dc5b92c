package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
)

// memory is an engine.Instance of which only the memory is used: the functions
// under test see a guest's memory and nothing else of it.
type memory []byte

func (m memory) Memory() []byte          { return m }
func (m memory) Func(string) engine.Func { return nil }
func (m memory) Close() error            { return nil }

// guest calls the functions of a sandbox as an engine does.
type guest struct {
	sb   *Sandbox
	inst *Instance
	mem  memory
	fns  map[string]engine.HostFunc
	call engine.Call
}

const pageSize = 64 << 10

func newGuest(t testing.TB, c Config) *guest {
	t.Helper()
	sb := New(c)
	t.Cleanup(sb.Close)
	g := &guest{sb: sb, inst: sb.NewInstance(), mem: make(memory, pageSize), fns: map[string]engine.HostFunc{}}
	for _, f := range sb.Functions() {
		g.fns[f.Module+"."+f.Name] = f
	}
	g.begin(t.Context(), 0)
	return g
}

// grace is what the guests of these tests get after their caller went away.
const grace = 5 * time.Millisecond

// begin starts a new call with a deadline after d, or none.
func (g *guest) begin(ctx context.Context, d time.Duration) {
	g.call = engine.Call{Context: ctx, Grace: grace, Host: g.inst, Instance: g.mem}
	if d != 0 {
		g.call.Deadline = time.Now().Add(d).UnixNano()
	}
}

// invoke calls a function, with garbage in the upper half of each i32, and
// returns its result, or the error with which it ended the guest.
func (g *guest) invoke(name string, args ...uint64) (result uint64, err error) {
	f, ok := g.fns[name]
	if !ok || len(args) != len(f.Params) {
		return 0, fmt.Errorf("test: no function %s of %d parameters", name, len(args))
	}
	stack := make([]uint64, max(len(f.Params), len(f.Results)))
	copy(stack, args)
	for n, p := range f.Params {
		if p == engine.I32 {
			stack[n] = stack[n]&0xffff_ffff | 0xdead_beef<<32
		}
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			var exit *engine.ExitError
			var stop *engine.InterruptError
			if !ok || !errors.As(e, &exit) && !errors.As(e, &stop) {
				panic(r)
			}
			err = e
		}
	}()
	f.Fn(&g.call, stack)
	if len(f.Results) == 0 {
		return 0, nil
	}
	return stack[0], nil
}

// wasi calls a function of preview 1 that is expected to return.
func (g *guest) wasi(t testing.TB, name string, args ...uint64) errno {
	t.Helper()
	r, err := g.invoke(abi.ImportWASI+"."+name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return errno(r)
}

// core calls a function of berth1_core that is expected to return an i32.
func (g *guest) core(t testing.TB, name string, args ...uint64) int32 {
	t.Helper()
	r, err := g.invoke(abi.ImportCore+"."+name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return int32(r)
}

// line is one record of the log.
type line struct {
	Level slog.Level
	Text  string
}

// logLines keeps what was logged.
type logLines struct {
	level slog.Level
	mu    sync.Mutex
	lines []line
	attrs []string
}

func (l *logLines) Enabled(_ context.Context, lv slog.Level) bool { return lv >= l.level }
func (l *logLines) WithAttrs([]slog.Attr) slog.Handler            { return l }
func (l *logLines) WithGroup(string) slog.Handler                 { return l }
func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line{r.Level, r.Message})
	r.Attrs(func(a slog.Attr) bool { l.attrs = append(l.attrs, a.String()); return true })
	return nil
}

func (l *logLines) take() []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.lines
	l.lines = nil
	return out
}
