package hostile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
	"github.com/berth-run/berth/plugins/verify"
)

const (
	// generous bounds what takes milliseconds, on a machine that has other work.
	generous = 30 * time.Second
	// patience is what an endless guest gets.
	patience = 150 * time.Millisecond
	// memory and instances of a hostile component.
	memory    = 32 << 20
	instances = 2
	// maxGrowth is how much memory the process may take on the whole set,
	// beyond what it has at the start. Hostile guests alone may have
	// 64 MiB at a time; compiling takes more, and the race detector twice as much.
	maxGrowth = 1 << 30
)

// Run loads every module of the set and has it do its worst, while another
// component is busy. newEngine is as for enginetest.Run.
func Run(t *testing.T, newEngine func(t *testing.T, cacheDir string) engine.Engine) {
	eng := newEngine(t, guesttest.CacheDir(t))
	t.Cleanup(func() {
		if err := eng.Close(); err != nil {
			t.Errorf("closing engine: %v", err)
		}
	})
	set := NewSet(t)
	stop := busy(t, eng, set)
	before, peak := resident(t), int64(0)
	logs := &checkedLog{}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			start := time.Now()
			c.run(t, set, eng, slog.New(logs))
			if took := time.Since(start); took > generous {
				t.Errorf("took %v", took)
			}
			logs.check(t)
		})
		peak = max(peak, resident(t))
	}
	stop()
	grew := peak - before
	t.Logf("the process grew from %d MiB by %d MiB", before>>20, grew>>20)
	if grew > maxGrowth {
		t.Errorf("the process grew by %d MiB, want at most %d", grew>>20, maxGrowth>>20)
	}
}

func (c Case) run(t *testing.T, set *Set, eng engine.Engine, log *slog.Logger) {
	wasm := c.Wasm(set)
	m, err := manifest.Read(wasm)
	if err != nil {
		c.refused(t, err)
		return
	}
	cfg := guest.Config{
		Name: "hostile", Type: "state.hostile", Engine: eng, Logger: log,
		Limits: guest.Limits{Memory: memory, MaxInstances: instances, CallTimeout: generous, InitTimeout: generous},
	}
	if c.Endless {
		cfg.Limits.CallTimeout, cfg.Limits.InitTimeout = patience, patience
		if c.Stage == Call {
			cfg.Limits.InitTimeout = generous
		}
	}
	g, err := guest.Load(t.Context(), guest.Plugin{Manifest: m, Wasm: wasm, Digest: verify.Digest(wasm)}, cfg)
	switch {
	case err != nil && c.Stage == Load:
		c.refused(t, err)
	case err != nil && c.Stage == Start:
		c.failed(t, err)
	case err != nil:
		t.Errorf("loading: %v", err)
	default:
		c.called(t, g)
		ctx, cancel := context.WithTimeout(context.Background(), generous)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
}

// refused judges the error of a module that got no further than Load.
func (c Case) refused(t *testing.T, err error) {
	t.Helper()
	if c.Stage != Load {
		t.Errorf("refused before it ran: %v", err)
		return
	}
	var g *guest.Error
	if errors.As(err, &g) {
		t.Errorf("some of its code ran: %v", err)
	}
	if c.Code != "" && !plugins.Has(err, c.Code) {
		t.Errorf("got %v, want the code %s", err, c.Code)
	}
	c.text(t, err.Error())
}

// failed judges the error of an operation, Init included.
func (c Case) failed(t *testing.T, err error) {
	t.Helper()
	var g *guest.Error
	if !errors.As(err, &g) {
		t.Errorf("got %T %v, want a *guest.Error", err, err)
		return
	}
	if g.Status != c.Status || g.Poisoned != c.Poisoned {
		t.Errorf("got status %v, poisoned %v (%v); want %v, %v", g.Status, g.Poisoned, err, c.Status, c.Poisoned)
	}
	if g.Component != "hostile" || !strings.Contains(err.Error(), "hostile") {
		t.Errorf("the error does not name the component: %v", err)
	}
	if len(g.Message) > abi.MaxErrorMessage+1024 || !utf8.ValidString(g.Message) {
		t.Errorf("got a message of %d bytes, valid %v", len(g.Message), utf8.ValidString(g.Message))
	}
	c.text(t, err.Error())
}

func (c Case) text(t *testing.T, s string) {
	t.Helper()
	if !strings.Contains(s, c.Error) {
		t.Errorf("got %.500q, want %q in it", s, c.Error)
	}
}

// called reads the keys, judges what comes of the last one, and has the
// component answer once more: on another instance when that one was poisoned.
func (c Case) called(t *testing.T, g *guest.Component) {
	t.Helper()
	if c.Stage != Call {
		t.Errorf("the module was loaded")
		return
	}
	for _, key := range c.Keys[:len(c.Keys)-1] {
		if _, err := read(t.Context(), g, key); err != nil {
			t.Fatalf("get %q: %v", key, err)
		}
	}
	last := c.Keys[len(c.Keys)-1]
	traps := g.Stats().Traps
	data, err := read(t.Context(), g, last)
	switch {
	case c.Error == "" && c.Status == abi.OK && err != nil:
		t.Errorf("get %q: %v", last, err)
	case c.Error == "" && c.Status == abi.OK:
		// The modules that do no more than load answer with nothing.
		if data != "ok" && data != "" {
			t.Errorf("get %q: got %q", last, data)
		}
	case err == nil:
		t.Errorf("get %q: got %q, want an error", last, data)
	default:
		c.failed(t, err)
	}
	s := g.Stats()
	if poisoned := s.Traps - traps; poisoned != map[bool]uint64{true: 1}[c.Poisoned] {
		t.Errorf("got %d instances poisoned, want it to be %v", poisoned, c.Poisoned)
	}
	if s.MemoryBytes > instances*memory {
		t.Errorf("idle instances have %d MiB, want at most %d", s.MemoryBytes>>20, instances*memory>>20)
	}
	if c.Poisoned {
		if _, err := read(t.Context(), g, "again"); err != nil {
			t.Errorf("the component does not answer afterwards: %v", err)
		}
		if s := g.Stats(); s.Restarts == 0 && s.Instances == 0 {
			t.Errorf("no instance took the poisoned one's place: %+v", s)
		}
	}
}

func read(ctx context.Context, g *guest.Component, key string) (string, error) {
	st, ok := g.State()
	if !ok {
		return "", errors.New("test: not a state store")
	}
	resp, err := st.Get(ctx, &proto.GetRequest{Key: key})
	if err != nil {
		return "", err
	}
	return string(resp.Data), nil
}

// busy loads the in-memory component and keeps it busy, until the returned
// function is called, which reports every request that failed.
func busy(t *testing.T, eng engine.Engine, set *Set) (stop func()) {
	t.Helper()
	dir := filepath.Join(guesttest.Root(t), "components", "state", "in-memory")
	source, err := os.ReadFile(filepath.Join(dir, "plugin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("plugin.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := manifest.Embed(guesttest.Build(t, dir), m)
	if err != nil {
		t.Fatal(err)
	}
	g, err := guest.Load(t.Context(), guest.Plugin{Manifest: m, Wasm: wasm, Digest: verify.Digest(wasm)},
		guest.Config{Name: "bystander", Type: "state.in-memory", Engine: eng})
	if err != nil {
		t.Fatal(err)
	}
	st, _ := g.State()
	var wg sync.WaitGroup
	var requests, failures atomic.Int64
	var slowest atomic.Int64
	done := make(chan struct{})
	for n := range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				start := time.Now()
				if err := setAndGet(st, fmt.Sprintf("key-%d-%d", n, i%100), strconv.Itoa(i)); err != nil {
					if failures.Add(1) <= 5 {
						t.Errorf("the other component: %v", err)
					}
				}
				requests.Add(1)
				for took := int64(time.Since(start)); ; {
					old := slowest.Load()
					if took <= old || slowest.CompareAndSwap(old, took) {
						break
					}
				}
				time.Sleep(time.Millisecond) // busy, and not the only one on the machine
			}
		})
	}
	return func() {
		close(done)
		wg.Wait()
		t.Logf("the other component: %d requests, %d failed, the slowest took %v", requests.Load(), failures.Load(), time.Duration(slowest.Load()))
		if failures.Load() > 0 || requests.Load() < int64(len(Cases())) {
			t.Errorf("the other component: %d of %d requests failed", failures.Load(), requests.Load())
		}
		if s := g.Stats(); s.Traps != 0 {
			t.Errorf("the other component lost %d instances", s.Traps)
		}
		ctx, cancel := context.WithTimeout(context.Background(), generous)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Errorf("closing the other component: %v", err)
		}
	}
}

func setAndGet(st guest.State, key, value string) error {
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	if err := st.Set(ctx, &proto.SetRequest{Key: key, Value: []byte(value)}); err != nil {
		return err
	}
	resp, err := st.Get(ctx, &proto.GetRequest{Key: key})
	if err == nil && string(resp.Data) != value {
		err = fmt.Errorf("got %q, want %q", resp.Data, value)
	}
	return err
}

// resident is how many bytes of memory the process has, 0 where that cannot be told.
func resident(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// checkedLog is a log that checks what reaches it from guests.
type checkedLog struct {
	mu    sync.Mutex
	since time.Time
	lines int
	bad   string
}

func (l *checkedLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *checkedLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *checkedLog) WithGroup(string) slog.Handler            { return l }
func (l *checkedLog) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines++; l.lines == 1 {
		l.since = time.Now()
	}
	if len(r.Message) > 17<<10 || strings.ContainsFunc(r.Message, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		l.bad = r.Message
	}
	return nil
}

// check starts over and reports lines too many, or that hold more than text.
func (l *checkedLog) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	// 200 a second, 200 at once, and what the host says itself.
	if limit := 500 + int(time.Since(l.since).Seconds()*250); l.lines > limit {
		t.Errorf("%d lines were logged, want at most %d", l.lines, limit)
	}
	if l.bad != "" {
		t.Errorf("logged %.200q", l.bad)
	}
	l.lines, l.bad = 0, ""
}
