package observability

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)

func record(l slog.Level, msg string, args ...any) slog.Record {
	r := slog.NewRecord(noon, l, msg, 0)
	r.Add(args...)
	return r
}

// The expected lines are in the form that Dapr's sidecar prints.
func TestLines(t *testing.T) {
	const fixed = `app_id=orders instance=box scope=dapr.runtime type=log ver=1.2.3`
	tests := []struct {
		name string
		with func(slog.Handler) slog.Handler
		rec  slog.Record
		text string
		json string
	}{
		{
			name: "plain",
			rec:  record(slog.LevelInfo, "dapr initialized. Status: Running. Init Elapsed 41ms"),
			text: `level=info msg="dapr initialized. Status: Running. Init Elapsed 41ms" ` + fixed,
			json: `{"app_id":"orders","instance":"box","level":"info","msg":"dapr initialized. Status: Running. Init Elapsed 41ms","scope":"dapr.runtime","time":"2026-03-04T12:00:00.123456789Z","type":"log","ver":"1.2.3"}`,
		},
		{
			name: "one word needs no quotes",
			rec:  record(slog.LevelWarn, "careful"),
			text: `level=warning msg=careful ` + fixed,
			json: `{"app_id":"orders","instance":"box","level":"warning","msg":"careful","scope":"dapr.runtime","time":"2026-03-04T12:00:00.123456789Z","type":"log","ver":"1.2.3"}`,
		},
		{
			name: "scope and type are replaced",
			with: func(h slog.Handler) slog.Handler {
				return h.WithAttrs([]slog.Attr{slog.String("scope", "dapr.runtime.http")})
			},
			rec:  record(LevelFatal, "over", "type", "request"),
			text: `level=fatal msg=over app_id=orders instance=box scope=dapr.runtime.http type=request ver=1.2.3`,
			json: `{"app_id":"orders","instance":"box","level":"fatal","msg":"over","scope":"dapr.runtime.http","time":"2026-03-04T12:00:00.123456789Z","type":"request","ver":"1.2.3"}`,
		},
		{
			name: "fields are sorted",
			rec:  record(slog.LevelDebug, "m", "zeta", 1, "component", "statestore", "alpha", true, "size", uint64(7)),
			text: `level=debug msg=m alpha=true app_id=orders component=statestore instance=box scope=dapr.runtime size=7 type=log ver=1.2.3 zeta=1`,
			json: `{"alpha":true,"app_id":"orders","component":"statestore","instance":"box","level":"debug","msg":"m","scope":"dapr.runtime","size":7,"time":"2026-03-04T12:00:00.123456789Z","type":"log","ver":"1.2.3","zeta":1}`,
		},
		{
			name: "values",
			rec: record(slog.LevelError, "m", "error", errors.New(`it "broke"`), "took", 1500*time.Millisecond,
				"at", noon, "ratio", 0.5, "list", []int{1, 2}),
			text: `level=error msg=m app_id=orders at="2026-03-04T12:00:00.123456789Z" error="it \"broke\"" instance=box list="[1 2]" ratio=0.5 scope=dapr.runtime took=1.5s type=log ver=1.2.3`,
			json: `{"app_id":"orders","at":"2026-03-04T12:00:00.123456789Z","error":"it \"broke\"","instance":"box","level":"error","list":[1,2],"msg":"m","ratio":0.5,"scope":"dapr.runtime","time":"2026-03-04T12:00:00.123456789Z","took":"1.5s","type":"log","ver":"1.2.3"}`,
		},
		{
			name: "groups, and names that are taken",
			with: func(h slog.Handler) slog.Handler { return h.WithGroup("http") },
			rec:  record(slog.LevelInfo, "m", "code", 204, slog.Group("peer", "ip", "::1")),
			text: `level=info msg=m app_id=orders http.code=204 http.peer.ip="::1" instance=box scope=dapr.runtime type=log ver=1.2.3`,
			json: `{"app_id":"orders","http.code":204,"http.peer.ip":"::1","instance":"box","level":"info","msg":"m","scope":"dapr.runtime","time":"2026-03-04T12:00:00.123456789Z","type":"log","ver":"1.2.3"}`,
		},
		{
			name: "own names are kept apart, the last of several counts",
			rec:  record(slog.LevelInfo, "m", "level", 3, "time", "now", "a", 1, "a", 2),
			text: `level=info msg=m a=2 app_id=orders fields.level=3 fields.time=now instance=box scope=dapr.runtime type=log ver=1.2.3`,
			json: `{"a":2,"app_id":"orders","fields.level":3,"fields.time":"now","instance":"box","level":"info","msg":"m","scope":"dapr.runtime","time":"2026-03-04T12:00:00.123456789Z","type":"log","ver":"1.2.3"}`,
		},
		{
			name: "a line stays a line",
			rec:  record(slog.LevelInfo, "two\nlines\x1b[31m", "k\n", "v\n", "inf", math.Inf(1)),
			text: `level=info msg="two\nlines\x1b[31m" app_id=orders inf=+Inf instance=box "k\n"="v\n" scope=dapr.runtime type=log ver=1.2.3`,
			json: `{"app_id":"orders","inf":"+Inf","instance":"box","k\n":"v\n","level":"info","msg":"two\nlines\u001b[31m","scope":"dapr.runtime","time":"2026-03-04T12:00:00.123456789Z","type":"log","ver":"1.2.3"}`,
		},
	}
	for _, tt := range tests {
		for _, asJSON := range []bool{false, true} {
			name, want := tt.name+"/text", `time="2026-03-04T12:00:00.123456789Z" `+tt.text+"\n"
			if asJSON {
				name, want = tt.name+"/json", tt.json+"\n"
			}
			t.Run(name, func(t *testing.T) {
				var out bytes.Buffer
				var h slog.Handler = NewHandler(LogOptions{
					Writer: &out, Level: slog.LevelDebug, JSON: asJSON, AppID: "orders", Instance: "box", Version: "1.2.3"})
				if tt.with != nil {
					h = tt.with(h)
				}
				if err := h.Handle(context.Background(), tt.rec); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, out.String()); d != "" {
					t.Errorf("line (-want +got):\n%s", d)
				}
			})
		}
	}
}

func TestNoAppID(t *testing.T) {
	var out bytes.Buffer
	slog.New(NewHandler(LogOptions{Writer: &out})).Info("m")
	if strings.Contains(out.String(), "app_id") {
		t.Errorf("got %q, want no app_id", out.String())
	}
}

// badValue panics as a nil pointer with value methods does.
type badValue struct{ s *string }

func (b badValue) String() string { return *b.s }

func TestPanickingValue(t *testing.T) {
	var out bytes.Buffer
	slog.New(NewHandler(LogOptions{Writer: &out})).Info("m", "bad", badValue{})
	if !strings.Contains(out.String(), "bad=\"!PANIC: ") {
		t.Errorf("got %q, want the panic in place of the value", out.String())
	}
}

// slogtest checks the rules that every handler keeps: empty attributes and
// groups, LogValuer, a record without time.
func TestHandlerRules(t *testing.T) {
	var out bytes.Buffer
	h := NewHandler(LogOptions{Writer: &out, JSON: true})
	err := slogtest.TestHandler(h, func() []map[string]any {
		var all []map[string]any
		for _, line := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
			flat := map[string]any{}
			if err := json.Unmarshal(line, &flat); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, nested(flat))
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
}

// nested turns dotted names back into groups.
func nested(flat map[string]any) map[string]any {
	m := map[string]any{}
	for k, v := range flat {
		at := m
		parts := strings.Split(k, ".")
		for _, p := range parts[:len(parts)-1] {
			inner, ok := at[p].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[p] = inner
			}
			at = inner
		}
		at[parts[len(parts)-1]] = v
	}
	return m
}

// Whatever a guest or a client puts into a log, a JSON line is one line of valid JSON.
func TestJSONIsAlwaysValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOf(rapid.Byte()).Draw(t, "msg")
		msg := string(raw)
		var out bytes.Buffer
		slog.New(NewHandler(LogOptions{Writer: &out, JSON: true})).Info(msg, "key", msg)
		if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
			t.Fatalf("got %d line ends, want 1: %q", n, out.String())
		}
		var m map[string]any
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		if want := strings.ToValidUTF8(msg, "\x00"); !strings.Contains(want, "\x00") && m["key"] != msg {
			t.Fatalf("got %q, want %q", m["key"], msg)
		}
	})
}

// lineWriter fails the test when a Write is not exactly one line.
type lineWriter struct {
	t *testing.T
	n int
}

func (w *lineWriter) Write(b []byte) (int, error) {
	if bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' {
		w.t.Errorf("got %q in one write, want one line", b)
	}
	w.n++ // the race detector sees two writers at once
	return len(b), nil
}

func TestConcurrentLines(t *testing.T) {
	w := &lineWriter{t: t}
	log := slog.New(NewHandler(LogOptions{Writer: w}))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			mine := log.With("worker", i)
			for j := range 200 {
				mine.Info("a message", "turn", j)
			}
		})
	}
	wg.Wait()
	if w.n != 1600 {
		t.Errorf("got %d lines, want 1600", w.n)
	}
}

func TestParseLevel(t *testing.T) {
	for in, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
		"warning": slog.LevelWarn, "ERROR": slog.LevelError, "fatal": LevelFatal,
	} {
		if got, err := ParseLevel(in); err != nil || got != want {
			t.Errorf("ParseLevel(%q): got %v, %v, want %v", in, got, err, want)
		}
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error("ParseLevel(loud): got no error")
	}
}

func TestLevelDecides(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewHandler(LogOptions{Writer: &out, Level: slog.LevelWarn}))
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Errorf("got %q, want the warning only", got)
	}
}

func BenchmarkText(b *testing.B) { benchmark(b, false) }
func BenchmarkJSON(b *testing.B) { benchmark(b, true) }

func benchmark(b *testing.B, asJSON bool) {
	log := slog.New(NewHandler(LogOptions{Writer: discard{}, JSON: asJSON, AppID: "orders", Instance: "box", Version: "1.2.3"}))
	b.ReportAllocs()
	for b.Loop() {
		log.Info("HTTP API Called", "method", "GET /v1.0/state/{name}/{key}", "code", 200)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
