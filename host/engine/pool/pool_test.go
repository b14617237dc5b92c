package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/pool"
	"github.com/berth-run/berth/host/engine/testengine"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/host/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type host struct{ s *sandbox.Sandbox }

func (h host) NewInstance() pool.State { return h.s.NewInstance() }

// open starts a pool of the test guest.
func open(tb testing.TB, change func(*pool.Config)) *pool.Pool {
	tb.Helper()
	p, err := tryOpen(tb, change)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func tryOpen(tb testing.TB, change func(*pool.Config)) (*pool.Pool, error) {
	tb.Helper()
	eng := testengine.Open(tb)
	sb := sandbox.New(sandbox.Config{Component: "test"})
	tb.Cleanup(sb.Close)
	mod, err := eng.Compile(context.Background(), engine.Config{
		Name: "test", Wasm: guesttest.Build(tb, "testdata/guest"), Functions: sb.Functions(), MaxMemory: 32 << 20,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { mod.Close() })
	cfg := pool.Config{Name: "test", Module: mod, Host: host{sb}, Init: &proto.InitRequest{ComponentType: "state.test"}}
	if change != nil {
		change(&cfg)
	}
	p, err := pool.New(context.Background(), cfg)
	if err == nil {
		tb.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := p.Close(ctx); err != nil {
				tb.Error(err)
			}
		})
	}
	return p, err
}

func get(ctx context.Context, p *pool.Pool, key string) (string, error) {
	var resp proto.GetResponse
	err := p.Call(ctx, abi.OpStateGet, &proto.GetRequest{Key: key}, &resp)
	return string(resp.Data), err
}

func set(p *pool.Pool, key, value string) error {
	return p.Call(context.Background(), abi.OpStateSet, &proto.SetRequest{Key: key, Value: []byte(value)}, nil)
}

// TestDeaths: each way a guest can end costs that instance only, says why, and
// leaves the pool working.
func TestDeaths(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.CallTimeout = 300 * time.Millisecond; c.MaxInstances = 2 })
	tests := []struct {
		key    string
		want   string // in the error or in the guest's output
		isType any
	}{
		{"panic:now", "panic: asked to: now", new(*pool.StatusError)},
		{"trap", "", new(*engine.TrapError)},
		{"exit", "code 3", new(*engine.ExitError)},
		{"loop", "deadline", new(*engine.InterruptError)},
		{"block", "all goroutines are asleep", new(*engine.TrapError)},
		{"hoard", "out of memory", new(*engine.TrapError)},
		{"sleep:10s", "deadline", nil},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			before := p.Stats()
			start := time.Now()
			_, err := get(context.Background(), p, tt.key)
			if err == nil {
				t.Fatal("got no error")
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
			text := err.Error()
			var dead *pool.PoisonError
			if errors.As(err, &dead) {
				text += "\n" + dead.Output
			}
			if !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q in it", text, tt.want)
			}
			if tt.isType != nil {
				if dead == nil {
					t.Errorf("got %T, want the instance poisoned", err)
				}
				if !errors.As(err, tt.isType) {
					t.Errorf("got %T (%v), want %T in it", err, err, tt.isType)
				}
				if after := p.Stats(); after.Traps != before.Traps+1 {
					t.Errorf("got %d traps, want %d", after.Traps, before.Traps+1)
				}
			}
			if _, err := get(context.Background(), p, "gets"); err != nil {
				t.Errorf("the pool does not work afterwards: %v", err)
			}
		})
	}
}

func TestPanicCarriesStack(t *testing.T) {
	p := open(t, nil)
	_, err := get(context.Background(), p, "panic:x")
	var s *pool.StatusError
	if !errors.As(err, &s) || s.Status != abi.Panicked || !strings.Contains(s.Body.Stack, "main.(*store).Get") {
		t.Fatalf("got %+v, want the guest's stack with main.(*store).Get", err)
	}
}

func TestErrorsAreNotDeaths(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.Serial = true; c.MaxMessage = 1 << 20 })
	if err := set(p, "k", "v"); err != nil {
		t.Fatal(err)
	}
	var status *pool.StatusError
	if _, err := get(context.Background(), p, "error:no backend"); !errors.As(err, &status) || status.Status != abi.Unavailable || status.Body.Message != "no backend" {
		t.Errorf("got %v, want UNAVAILABLE: no backend", err)
	}
	var large *pool.TooLargeError
	if _, err := get(context.Background(), p, "large:1048577"); !errors.As(err, &large) || large.What != "response" {
		t.Errorf("got %v, want a response that is too large", err)
	}
	if err := set(p, "k2", strings.Repeat("x", 1<<20)); !errors.As(err, &large) || large.What != "request" {
		t.Errorf("got %v, want a request that is too large", err)
	}
	if err := p.Call(context.Background(), abi.OpStateTransact, nil, nil); !errors.As(err, &status) || status.Status != abi.Unimplemented {
		t.Errorf("got %v, want UNIMPLEMENTED", err)
	}
	if v, err := get(context.Background(), p, "k"); err != nil || v != "v" {
		t.Errorf("got %q, %v; want the value that was there before the errors", v, err)
	}
	if s := p.Stats(); s.Traps != 0 || s.Instances != 1 {
		t.Errorf("got %d traps and %d instances, want 0 and 1", s.Traps, s.Instances)
	}
}

// TestSerialSurvivesCallers: a serial component's memory is its data, so that a
// caller that goes away does not cost it.
func TestSerialSurvivesCallers(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.Serial = true })
	if err := set(p, "k", "v"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := get(ctx, p, "sleep:50ms")
		cancel()
		if err == nil {
			t.Fatal("got no error for a caller that went away")
		}
	}
	if v, err := get(context.Background(), p, "k"); err != nil || v != "v" {
		t.Errorf("got %q, %v; want v", v, err)
	}
	if s := p.Stats(); s.Traps != 0 {
		t.Errorf("got %d traps, want none", s.Traps)
	}
}

func TestPooledCallerDeadline(t *testing.T) {
	p := open(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := get(ctx, p, "loop")
	if !errors.Is(err, engine.ErrDeadline) {
		t.Errorf("got %v, want the deadline", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestInitFailures(t *testing.T) {
	for _, tt := range []struct {
		init, want string
	}{{"refuse", "must not be refuse"}, {"trap", "trapped"}, {"loop", "deadline"}} {
		t.Run(tt.init, func(t *testing.T) {
			_, err := tryOpen(t, func(c *pool.Config) {
				c.InitTimeout = 500 * time.Millisecond
				c.Init.Metadata = &proto.MetadataRequest{Properties: map[string]string{"init": tt.init}}
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q in it", err, tt.want)
			}
			var status *pool.StatusError
			if tt.init == "refuse" && (!errors.As(err, &status) || status.Status != abi.InvalidMetadata || status.Body.Field != "init") {
				t.Errorf("got %+v, want INVALID_METADATA of the field init", status)
			}
		})
	}
}

// TestClonesDiffer: clones start from one memory, and yet Rand differs.
func TestClonesDiffer(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.MaxInstances = 8 })
	seen := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := get(context.Background(), p, "sleep:100ms"); err != nil {
				t.Error(err)
			}
			v, err := get(context.Background(), p, "rand")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[v] {
				t.Errorf("two draws gave %s", v)
			}
			seen[v] = true
		})
	}
	wg.Wait()
	if s := p.Stats(); s.Instances < 2 {
		t.Errorf("got %d instances, want several at once", s.Instances)
	}
}

func TestQueueIsBounded(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.MaxInstances = 1; c.MaxQueue = 2 })
	var wg sync.WaitGroup
	var full, ok atomic.Int32
	for range 10 {
		wg.Go(func() {
			switch _, err := get(context.Background(), p, "sleep:200ms"); {
			case errors.Is(err, pool.ErrQueueFull):
				full.Add(1)
			case err == nil:
				ok.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if full.Load() == 0 || ok.Load() < 3 {
		t.Errorf("got %d refused and %d served, want some refused and at least 3 served", full.Load(), ok.Load())
	}
}

func TestShrinkAndRecycle(t *testing.T) {
	p := open(t, func(c *pool.Config) {
		c.MinInstances, c.MaxInstances = 2, 4
		c.IdleAfter = 50 * time.Millisecond
		c.MaxCalls = 5
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 6 {
				if _, err := get(context.Background(), p, "sleep:20ms"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.Recycled == 0 {
		t.Error("no instance was recycled after its calls")
	}
	deadline := time.Now().Add(20 * time.Second)
	for p.Stats().Instances > 2 {
		if time.Now().After(deadline) {
			t.Fatalf("got %d instances long after the load, want 2", p.Stats().Instances)
		}
		time.Sleep(5 * time.Millisecond) // polling the condition above
	}
}

// TestBackoff: a component that dies at every call is started more and more
// seldom, and recovers with the first call that goes well.
func TestBackoff(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.MaxInstances = 1 })
	var backoff *pool.BackoffError
	for i := 0; ; i++ {
		_, err := get(context.Background(), p, "trap")
		if errors.As(err, &backoff) {
			break
		}
		if i > 1000 {
			t.Fatal("no backoff after a thousand deaths")
		}
	}
	if backoff.Last == nil || !strings.Contains(backoff.Error(), "trapped") {
		t.Errorf("got %v, want the last death in it", backoff)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := get(context.Background(), p, "gets"); err == nil {
			break
		} else if !errors.As(err, &backoff) || time.Now().After(deadline) {
			t.Fatalf("got %v, want a recovery", err)
		}
		time.Sleep(time.Until(backoff.Until)) // the pool said when
	}
	if s := p.Stats(); s.Restarts == 0 {
		t.Error("no restart was counted")
	}
}

func TestClose(t *testing.T) {
	p := open(t, func(c *pool.Config) { c.MaxInstances = 2 })
	started := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		close(started)
		if _, err := get(context.Background(), p, "sleep:100ms"); err != nil && !errors.Is(err, pool.ErrClosed) {
			t.Errorf("a call that ran at Close: %v", err)
		}
	})
	<-started
	if err := p.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, err := get(context.Background(), p, "gets"); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if s := p.Stats(); s.Instances != 0 {
		t.Errorf("got %d instances, want none", s.Instances)
	}
}

// TestHammer: healthy calls never fail while others kill instances, hang up,
// and queue.
func TestHammer(t *testing.T) {
	p := open(t, func(c *pool.Config) {
		c.MaxInstances = 6
		c.CallTimeout = 20 * time.Second
		c.MaxCalls = 50
		c.IdleAfter = time.Millisecond
	})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for n := range 150 {
				key := fmt.Sprintf("k%d", n)
				switch {
				case w < 6: // healthy
					if err := set(p, key, key); err != nil {
						var b *pool.BackoffError
						if !errors.As(err, &b) {
							t.Errorf("set: %v", err)
						}
					}
				case w == 6: // deadly
					if _, err := get(context.Background(), p, []string{"trap", "panic:", "exit"}[r.IntN(3)]); err == nil {
						t.Error("a deadly call went well")
					}
				default: // gone before it is answered
					ctx, cancel := context.WithCancel(context.Background())
					time.AfterFunc(time.Duration(r.IntN(2000))*time.Microsecond, cancel)
					_, _ = get(ctx, p, "sleep:1ms")
					cancel()
				}
			}
		})
	}
	wg.Wait()
	s := p.Stats()
	if s.Busy != 0 || s.Waiting != 0 {
		t.Errorf("got %d busy and %d waiting after all came back, want 0 and 0", s.Busy, s.Waiting)
	}
	if s.Traps == 0 {
		t.Error("nothing died")
	}
}

func BenchmarkCall(b *testing.B) {
	p := open(b, func(c *pool.Config) { c.Serial = true })
	if err := set(p, "app||key-0000", strings.Repeat("x", 128)); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.Run("ping", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Call(ctx, abi.OpPing, nil, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r proto.GetResponse
			if err := p.Call(ctx, abi.OpStateGet, &proto.GetRequest{Key: "app||key-0000"}, &r); err != nil || len(r.Data) != 128 {
				b.Fatal(err)
			}
		}
	})
	b.Run("get-parallel", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				var r proto.GetResponse
				if err := p.Call(ctx, abi.OpStateGet, &proto.GetRequest{Key: "app||key-0000"}, &r); err != nil || len(r.Data) != 128 {
					b.Error(err)
				}
			}
		})
	})
}
