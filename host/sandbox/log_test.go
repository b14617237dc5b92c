package sandbox

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func (l *logLines) logger() *slog.Logger { return slog.New(l) }

// print writes text to a descriptor with one fd_write.
func (g *guest) print(t testing.TB, fd uint64, text string) {
	t.Helper()
	const list, data = 0, 64
	for len(text) > 0 {
		n := copy(g.mem[data:], text)
		binary.LittleEndian.PutUint32(g.mem[list:], data)
		binary.LittleEndian.PutUint32(g.mem[list+4:], uint32(n))
		if e := g.wasi(t, "fd_write", fd, list, 1, 8); e != errSuccess {
			t.Fatalf("fd_write: errno %d", e)
		}
		text = text[binary.LittleEndian.Uint32(g.mem[8:]):]
	}
}

func texts(lines []line) (out []string) {
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func TestStandardOutputIsLoggedByLine(t *testing.T) {
	long := strings.Repeat("ä", maxLine) // 16 KiB
	tests := []struct {
		name   string
		writes []string
		want   []string
	}{
		{"one line", []string{"hello\n"}, []string{"hello"}},
		{"in pieces", []string{"he", "llo", "\nwor", "ld\n"}, []string{"hello", "world"}},
		{"several, and an unfinished one", []string{"a\nb\nc"}, []string{"a", "b", "c"}},
		{"empty lines are left out", []string{"a\n\n\r\n\nb\n"}, []string{"a", "b"}},
		{"carriage return", []string{"a\r\n"}, []string{"a"}},
		{"forged line and escape sequence", []string{"a\rINFO all is well\x1b[2J\n"}, []string{`a\rINFO all is well\x1b[2J`}},
		{"right-to-left override", []string{"a\u202eb\n"}, []string{`a\u202eb`}},
		{"not UTF-8", []string{"a\xffb\n"}, []string{"a\uFFFDb"}},
		{"just a full line", []string{strings.Repeat("x", maxLine) + "\n"}, []string{strings.Repeat("x", maxLine)}},
		{"too long a line is split between characters", []string{long + "\n"},
			[]string{long[:maxLine-4], long[maxLine-4 : 2*maxLine-8], long[2*maxLine-8:]}},
		{"nothing but escapes", []string{strings.Repeat("\x00", maxLine) + "\n"}, []string{strings.Repeat(`\x00`, maxLine/2) + "..."}},
		{"secret", []string{"password=hunter2\n"}, []string{"password=***"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := &logLines{}
			g := newGuest(t, Config{Logger: lines.logger(), Redact: strings.NewReplacer("hunter2", "***").Replace})
			for _, w := range tt.writes {
				g.print(t, fdStdout, w)
			}
			g.inst.Close()
			if d := cmp.Diff(tt.want, texts(lines.take())); d != "" {
				t.Errorf("lines (-want +got):\n%s", d)
			}
		})
	}
}

// Whatever is written in whatever pieces, no byte of printable text is lost or
// moved, and no line is over the limit.
func TestLinesKeepTheText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines := &logLines{}
		g := newGuest(t, Config{Logger: lines.logger(), LogRate: 1e9})
		var want strings.Builder
		for range rapid.IntRange(0, 8).Draw(rt, "writes") {
			s := rapid.StringMatching(`([a-zé€😀 ]|\n){0,40}`).Draw(rt, "text")
			s = strings.Repeat(s, rapid.SampledFrom([]int{1, 7, 700}).Draw(rt, "times"))
			want.WriteString(s)
			g.print(t, fdStderr, s)
		}
		g.inst.Close()
		var got strings.Builder
		for _, l := range lines.take() {
			if len(l.Text) > maxLine || l.Text == "" || l.Level != levelStderr || !utf8.ValidString(l.Text) || strings.Contains(l.Text, "\uFFFD") {
				rt.Fatalf("got a line of %d bytes, level %v", len(l.Text), l.Level)
			}
			got.WriteString(l.Text)
		}
		if want := strings.ReplaceAll(want.String(), "\n", ""); got.String() != want {
			rt.Fatalf("got %q, want %q", got.String(), want)
		}
		if s := g.inst.Output(); !strings.HasSuffix(want.String(), strings.TrimLeft(s, "\uFFFD")) {
			rt.Fatalf("Output is not the end of what was written: %q", s)
		}
	})
}

func TestLogRecordsNameTheirOrigin(t *testing.T) {
	lines := &logLines{level: slog.LevelDebug}
	g := newGuest(t, Config{Component: "statestore", Logger: lines.logger()})
	copy(g.mem, "message")
	for n, want := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if r := g.core(t, "log", uint64(n-1), 0, 7); r != 0 {
			t.Fatalf("log: got %d", r)
		}
		if d := cmp.Diff([]line{{want, "message"}}, lines.take()); d != "" {
			t.Errorf("level %d (-want +got):\n%s", n-1, d)
		}
	}
	lines.attrs = nil
	g.inst = g.sb.NewInstance()
	g.begin(t.Context(), 0)
	g.print(t, fdStderr, "x\n")
	if d := cmp.Diff([]string{"component=statestore", "instance=2", "stream=stderr"}, lines.attrs); d != "" {
		t.Errorf("attributes (-want +got):\n%s", d)
	}
}

func TestLogRefuses(t *testing.T) {
	lines := &logLines{}
	g := newGuest(t, Config{Logger: lines.logger()})
	for _, tt := range []struct {
		name            string
		level, ptr, len uint64
		want            int32
	}{
		{"level too high", 3, 0, 1, -1},
		{"level too low", 0xffff_fffe, 0, 1, -1},
		{"outside", 0, pageSize - 1, 2, -1},
		{"4 GiB", 0, 0, 0xffff_ffff, -1},
		{"level that is off", 0xffff_ffff, 0, 1, 0},
	} {
		if got := g.core(t, "log", tt.level, tt.ptr, tt.len); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	if got := lines.take(); len(got) != 0 {
		t.Errorf("got %v logged, want nothing", got)
	}
	for lv, want := range map[uint64]int32{0xffff_ffff: 0, 0: 1, 2: 1, 3: -1} {
		if got := g.core(t, "log_enabled", lv); got != want {
			t.Errorf("log_enabled(%d): got %d, want %d", int32(lv), got, want)
		}
	}
}

func TestLongMessageIsCut(t *testing.T) {
	lines := &logLines{}
	g := newGuest(t, Config{Logger: lines.logger()})
	copy(g.mem, strings.Repeat("a\n", maxLine))
	g.core(t, "log", 0, 0, 2*maxLine)
	want := strings.Repeat(`a\n`, maxLine/2) + fmt.Sprintf("... (%d bytes more)", maxLine)
	if d := cmp.Diff([]string{want}, texts(lines.take())); d != "" {
		t.Errorf("message (-want +got):\n%s", d)
	}
}

func TestLogFloodIsSuppressedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := &logLines{}
		g := newGuest(t, Config{Logger: lines.logger(), LogRate: 50})
		flood := func(n int) {
			for range n {
				g.print(t, fdStdout, "flood\n")
			}
		}
		flood(1000)
		if got := lines.take(); len(got) != 50 {
			t.Errorf("got %d lines at once, want the burst of 50", len(got))
		}
		time.Sleep(suppressedEvery + time.Millisecond)
		want := []line{{slog.LevelWarn, "950 lines suppressed: the component logs more than 50 lines a second"}}
		if d := cmp.Diff(want, lines.take()); d != "" {
			t.Errorf("after a second (-want +got):\n%s", d)
		}
		time.Sleep(10 * time.Second) // no more than the burst is saved up
		flood(60)
		g.sb.Close()
		got := lines.take()
		if len(got) != 51 || got[50].Text != "10 lines suppressed: the component logs more than 50 lines a second" {
			t.Errorf("got %d lines, the last %+v; want 50 and the report of 10", len(got), got[len(got)-1])
		}
		if d := cmp.Diff(Stats{LogLines: 100, LogsSuppressed: 960}, g.sb.Stats()); d != "" {
			t.Errorf("stats (-want +got):\n%s", d)
		}
	})
}

func TestOutputIsBounded(t *testing.T) {
	g := newGuest(t, Config{Redact: strings.NewReplacer("hunter2", "***").Replace})
	if got := g.inst.Output(); got != "" {
		t.Errorf("got %q from a silent guest", got)
	}
	g.print(t, fdStdout, "not this\n")
	for range 20_000 {
		g.print(t, fdStderr, "0123456789")
	}
	if got := len(g.inst.Output()); got != tailSize {
		t.Errorf("got %d bytes, want %d", got, tailSize)
	}
	if got := len(g.inst.tail.buf); got > 2*tailSize {
		t.Errorf("got %d bytes kept, want at most %d", got, 2*tailSize)
	}
	g.print(t, fdStderr, "\npanic: hunter2\x1b[0m\n\ngoroutine 1\n")
	if got, want := g.inst.Output(), "\npanic: ***\\x1b[0m\n\ngoroutine 1\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want it to end in %q", got[len(got)-60:], want)
	}
}

// The cause of a crash is in the report, however long the stack below it is.
func TestOutputBeginsWithTheCause(t *testing.T) {
	g := newGuest(t, Config{})
	g.print(t, fdStderr, "panic: an older one\nruntime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n\n")
	if got, want := g.inst.Output(), "panic: an older one\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want all of it, from %q", got, want)
	}
	for n := range 1000 {
		g.print(t, fdStderr, fmt.Sprintf("main.recurse(%d)\n", n))
	}
	got := g.inst.Output()
	if want := "fatal error: stack overflow\n...\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q..., want %q first", got[:60], want)
	}
	if want := "main.recurse(999)\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got ...%q, want %q last", got[len(got)-60:], want)
	}
}
