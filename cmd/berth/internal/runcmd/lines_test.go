package runcmd

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// However the bytes come in pieces, each line comes out once and whole, with
// its prefix.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.StringMatching(`[ab\n]{0,9}`)).Draw(t, "pieces")
		var out bytes.Buffer
		l := &lines{to: &screen{out: &out}, prefix: "> "}
		for _, p := range pieces {
			if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatalf("got %d, %v, want %d", n, err, len(p))
			}
		}
		l.end()
		var want strings.Builder
		for line := range strings.Lines(strings.Join(pieces, "")) {
			want.WriteString("> " + strings.TrimSuffix(line, "\n") + "\n")
		}
		if out.String() != want.String() {
			t.Fatalf("got %q, want %q", out.String(), want.String())
		}
	})
}

// A line that never ends does not fill the memory.
func TestEndlessLine(t *testing.T) {
	var out bytes.Buffer
	l := &lines{to: &screen{out: &out}, prefix: "> "}
	chunk := bytes.Repeat([]byte("x"), 1000)
	for range 1000 {
		if _, err := l.Write(chunk); err != nil {
			t.Fatal(err)
		}
		if len(l.rest) > maxLine {
			t.Fatalf("got %d bytes kept back, want at most %d", len(l.rest), maxLine)
		}
	}
	l.end()
	if got := strings.Count(out.String(), "x"); got != 1_000_000 {
		t.Errorf("got %d bytes, want all of them", got)
	}
}

func TestIDOf(t *testing.T) {
	for in, want := range map[string]string{"orders": "orders", "My Shop_2": "my-shop-2", "__": "", "/": "", "größe": "gr--e", "-a-": "a"} {
		if got := idOf(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
