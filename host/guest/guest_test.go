package guest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine/testengine"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/guesttest"
	"github.com/berth-run/berth/plugins/manifest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inMemory loads the first-party in-memory store.
func inMemory(tb testing.TB, change func(*guest.Config)) guest.State {
	tb.Helper()
	wasm, m := guesttest.Pack(tb, filepath.Join(guesttest.Root(tb), "components/state/in-memory"))
	return state(tb, guest.Plugin{Manifest: m, Wasm: wasm}, "state.in-memory", change)
}

func state(tb testing.TB, p guest.Plugin, typ string, change func(*guest.Config)) guest.State {
	tb.Helper()
	cfg := guest.Config{Name: "store", Type: typ, AppID: "app", Engine: testengine.Open(tb)}
	if change != nil {
		change(&cfg)
	}
	c, err := guest.Load(context.Background(), p, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	s, ok := c.State()
	if !ok {
		tb.Fatalf("%s is no state store", typ)
	}
	return s
}

// acting is the plugin whose keys act, see host/engine/pool/testdata/guest.
func acting(tb testing.TB, change func(*proto.Manifest)) guest.Plugin {
	tb.Helper()
	m := &proto.Manifest{
		ABI: "1.0", Name: "acting", Version: "1.0.0",
		Kinds:    []proto.Kind{{Kind: "state", Type: "state.acting", Versions: []string{"v1"}, Features: []string{"TTL"}}},
		Metadata: []proto.MetadataField{{Name: "password", Type: "string", Sensitive: true}, {Name: "init", Type: "string"}},
	}
	if change != nil {
		change(m)
	}
	wasm, err := manifest.Embed(guesttest.Build(tb, "../engine/pool/testdata/guest"), m)
	if err != nil {
		tb.Fatal(err)
	}
	return guest.Plugin{Manifest: m, Wasm: wasm}
}

func TestInMemory(t *testing.T) {
	s := inMemory(t, nil)
	ctx := context.Background()
	if err := s.Set(ctx, &proto.SetRequest{Key: "a", Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(ctx, &proto.GetRequest{Key: "a"})
	if err != nil || string(got.Data) != "1" || got.Etag == nil || got.Etag.Value == "" {
		t.Fatalf("got %+v, %v; want 1 with an etag", got, err)
	}
	err = s.Set(ctx, &proto.SetRequest{Key: "a", Value: []byte("2"), Etag: &proto.Etag{Value: "bad"}})
	if guest.StatusOf(err) != abi.ETagMismatch {
		t.Errorf("got %v, want ETAG_MISMATCH", err)
	}
	err = s.BulkSet(ctx, &proto.BulkSetRequest{Items: []proto.SetRequest{
		{Key: "b", Value: []byte("1")}, {Key: "a", Value: []byte("3"), Etag: &proto.Etag{Value: "bad"}}, {Key: "c", Value: []byte("1")},
	}})
	var bulk *guest.BulkError
	if !errors.As(err, &bulk) || len(bulk.Items) != 1 || bulk.Items[0].Key != "a" || bulk.Items[0].Err.Status != abi.ETagMismatch {
		t.Errorf("got %v, want one item error for a", err)
	}
	for _, k := range []string{"b", "c"} {
		if got, err := s.Get(ctx, &proto.GetRequest{Key: k}); err != nil || string(got.Data) != "1" {
			t.Errorf("%s: got %+v, %v; the other items are to be written", k, got, err)
		}
	}
}

func TestErrorsNameTheComponent(t *testing.T) {
	var log bytes.Buffer
	s := state(t, acting(t, nil), "state.acting", func(c *guest.Config) {
		c.Properties = map[string]string{"password": "hunter2"}
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	tests := []struct {
		key      string
		status   abi.Status
		want     string
		poisoned bool
	}{
		{"error:backend said hunter2 is wrong", abi.Unavailable, "component store: state.Get: backend said *** is wrong", false},
		{"panic:hunter2", abi.Internal, "component store: state.Get: panic: asked to: ***", true},
		{"exit", abi.Internal, "component store: state.Get: guest exited with code 3", true},
		{"block", abi.Internal, "all goroutines are asleep", true},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			_, err := s.Get(context.Background(), &proto.GetRequest{Key: tt.key})
			var e *guest.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %T, want *guest.Error", err)
			}
			if e.Status != tt.status || e.Poisoned != tt.poisoned || !strings.Contains(e.Error(), tt.want) {
				t.Errorf("got %v (poisoned %v): %v\nwant %v (poisoned %v): %q", e.Status, e.Poisoned, e, tt.status, tt.poisoned, tt.want)
			}
			if strings.Contains(err.Error()+e.Stack, "hunter2") {
				t.Errorf("the password is in the error: %v\n%s", err, e.Stack)
			}
		})
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the password is in the log:\n%s", log.String())
	}
}

func TestFeaturesOfInitWin(t *testing.T) {
	s := state(t, acting(t, nil), "state.acting", nil)
	if s.Has("TTL") || !s.Has("ETAG") {
		t.Errorf("got %v, want those that the component said at Init: [ETAG]", s.Features())
	}
}

func TestMemoryLimitReachesTheRuntime(t *testing.T) {
	s := state(t, acting(t, nil), "state.acting", func(c *guest.Config) { c.Limits.Memory = 32 << 20 })
	got, err := s.Get(context.Background(), &proto.GetRequest{Key: "env:GOMEMLIMIT"})
	if err != nil || string(got.Data) != "26843520" {
		t.Errorf("got GOMEMLIMIT=%s, %v; want 26843520, 80 %% of 32 MiB", got.Data, err)
	}
}

func TestRefusals(t *testing.T) {
	good := acting(t, nil)
	tests := []struct {
		name   string
		plugin guest.Plugin
		change func(*guest.Config)
		want   string
	}{
		{"other type", good, func(c *guest.Config) { c.Type = "state.other" }, "component store: the plugin acting does not implement state.other"},
		{"not wasm", guest.Plugin{Manifest: good.Manifest, Wasm: []byte("hello")}, nil, "component store: "},
		{"serve", acting(t, func(m *proto.Manifest) { m.Concurrency = &proto.ConcurrencyModel{Mode: proto.ModeServe} }), nil, "serve"},
		{"init refuses", good, func(c *guest.Config) { c.Properties = map[string]string{"init": "refuse"} }, "component store: Init: must not be refuse"},
		{"init traps", good, func(c *guest.Config) { c.Properties = map[string]string{"init": "trap"} }, "component store: Init: guest trapped"},
		{"init loops", good, func(c *guest.Config) {
			c.Properties = map[string]string{"init": "loop"}
			c.Limits.InitTimeout = 200 * time.Millisecond
		}, "deadline"},
		{"little memory", good, func(c *guest.Config) { c.Limits.Memory = 1 << 20 }, "wasm.memory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := guest.Config{Name: "store", Type: "state.acting", Engine: testengine.Open(t)}
			if tt.change != nil {
				tt.change(&cfg)
			}
			c, err := guest.Load(context.Background(), tt.plugin, cfg)
			if err == nil {
				c.Close(context.Background())
				t.Fatal("got no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
		})
	}
}

// TestOneBadComponentIsAlone: a component whose instances die all the time does
// not cost another one request.
func TestOneBadComponentIsAlone(t *testing.T) {
	bad := state(t, acting(t, nil), "state.acting", nil)
	good := inMemory(t, nil)
	stop := make(chan struct{})
	done := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				done <- n
				return
			default:
				_, err := bad.Get(context.Background(), &proto.GetRequest{Key: []string{"exit", "panic:", "trap"}[n%3]})
				if err == nil {
					t.Error("a deadly call went well")
				}
				n++
			}
		}
	}()
	for range 3000 {
		if err := good.Set(context.Background(), &proto.SetRequest{Key: "k", Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if n := <-done; n == 0 {
		t.Error("the bad component was never called")
	}
}

func BenchmarkInMemory(b *testing.B) {
	s := inMemory(b, nil)
	ctx := context.Background()
	for _, size := range []int{128, 4096} {
		v := bytes.Repeat([]byte("x"), size)
		b.Run("set-"+itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Set(ctx, &proto.SetRequest{Key: "app||key-0000", Value: v}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("get-"+itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Get(ctx, &proto.GetRequest{Key: "app||key-0000"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func itoa(n int) string {
	if n == 128 {
		return "128B"
	}
	return "4KiB"
}
