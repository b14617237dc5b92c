package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/berth-run/berth/host/engine"
)

// maxLine is how many bytes of a guest's text go into one log record. Escaped,
// it may be twice as long; the rest of a line of nothing but escapes is cut.
const maxLine = 8 << 10

// Levels of what a guest writes to its standard descriptors.
const (
	levelStdout = slog.LevelInfo
	levelStderr = slog.LevelWarn
)

// suppressedEvery is how long lines are counted before they are reported as suppressed.
const suppressedEvery = time.Second

// guestLog is a component's way into the host's log: rate limited, printable
// text, secrets taken out. It is safe for concurrent use.
type guestLog struct {
	logger    *slog.Logger
	component slog.Attr
	redact    func(string) string
	limit     limiter

	lines      atomic.Uint64
	suppressed atomic.Uint64
	pending    atomic.Uint64 // suppressed and not yet reported

	mu     sync.Mutex // guards timer and closed
	timer  *time.Timer
	closed bool
}

func newGuestLog(c Config) *guestLog {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.LogRate <= 0 {
		c.LogRate = DefaultLogRate
	}
	return &guestLog{
		logger:    c.Logger,
		component: slog.String("component", c.Component),
		redact:    c.Redact,
		limit:     newLimiter(c.LogRate),
	}
}

// emit logs one message of instance i, unless its level is off or the rate is used up.
func (l *guestLog) emit(ctx context.Context, i *Instance, level slog.Level, stream string, text []byte) {
	if !l.logger.Enabled(ctx, level) {
		return
	}
	if !l.limit.allow() {
		l.suppressed.Add(1)
		if l.pending.Add(1) == 1 {
			l.reportLater()
		}
		return
	}
	l.lines.Add(1)
	attrs := []slog.Attr{l.component, slog.Uint64("instance", i.id)}
	if stream != "" {
		attrs = append(attrs, slog.String("stream", stream))
	}
	l.logger.LogAttrs(ctx, level, l.line(text), attrs...)
}

// reportLater has the suppressed lines reported soon, so that a flood that
// stops is reported as well as one that goes on.
func (l *guestLog) reportLater() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.timer = time.AfterFunc(suppressedEvery, l.report)
	}
}

func (l *guestLog) report() {
	if n := l.pending.Swap(0); n > 0 {
		l.logger.LogAttrs(context.Background(), slog.LevelWarn,
			fmt.Sprintf("%d lines suppressed: the component logs more than %d lines a second", n, l.limit.rate), l.component)
	}
}

func (l *guestLog) close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.report()
}

// line makes one log message of a guest's text: cut at maxLine, no secrets,
// nothing that a terminal or a log reader takes for more than text.
func (l *guestLog) line(text []byte) string {
	if len(text) > maxLine {
		n := runeCut(text, maxLine)
		return l.line(text[:n]) + fmt.Sprintf("... (%d bytes more)", len(text)-n)
	}
	return printable(l.clean(text), false)
}

// text is line for several lines.
func (l *guestLog) text(text []byte) string { return printable(l.clean(text), true) }

func (l *guestLog) clean(text []byte) string {
	s := strings.ToValidUTF8(string(text), "\uFFFD")
	if l.redact != nil {
		s = l.redact(s)
	}
	return s
}

// printable escapes what does not show: control characters (a forged line
// break, a terminal's escape sequence) and Unicode's format characters, such
// as those that turn the writing direction. Tabs stay, and line breaks if lines is set.
func printable(s string, lines bool) string {
	shows := func(r rune) bool { return unicode.IsGraphic(r) || r == '\t' || lines && r == '\n' }
	if strings.IndexFunc(s, func(r rune) bool { return !shows(r) }) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		if b.Len() >= 2*maxLine {
			return b.String() + "..."
		}
		if shows(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// runeCut returns a length of at most limit at which p can be cut without
// splitting a character.
func runeCut(p []byte, limit int) int {
	if len(p) <= limit {
		return len(p)
	}
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(p[n]) {
			return n
		}
	}
	return limit // not UTF-8: anywhere will do
}

// limiter lets rate events a second pass, and as many at once after a pause.
// It is the generic cell rate algorithm: next is the time at which the bucket
// would be empty again, so that one atomic number is all the state.
type limiter struct {
	start time.Time
	rate  int
	step  int64 // nanoseconds an event takes
	burst int64 // nanoseconds that may be ahead
	next  atomic.Int64
}

func newLimiter(rate int) limiter {
	step := max(int64(time.Second)/int64(rate), 1)
	return limiter{start: time.Now(), rate: rate, step: step, burst: step * int64(rate)}
}

func (l *limiter) allow() bool {
	now := int64(time.Since(l.start))
	for {
		old := l.next.Load()
		next := max(old, now) + l.step
		if next-now > l.burst {
			return false
		}
		if l.next.CompareAndSwap(old, next) {
			return true
		}
	}
}

// lineBuffer makes lines of what a guest writes in pieces. It holds at most maxLine bytes.
type lineBuffer struct {
	stream string
	level  slog.Level
	buf    []byte
}

// write takes p in and logs the lines it completes. A line over maxLine is split.
func (b *lineBuffer) write(c *engine.Call, i *Instance, p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part, rest := p, []byte(nil)
		if end >= 0 {
			part, rest = p[:end], p[end+1:]
		}
		for len(b.buf)+len(part) > maxLine {
			n := min(maxLine-len(b.buf), len(part))
			b.buf = append(b.buf, part[:n]...)
			part = part[n:]
			cut := runeCut(b.buf, maxLine-utf8.UTFMax)
			b.log(c.Context, i, b.buf[:cut])
			b.buf = append(b.buf[:0], b.buf[cut:]...)
		}
		if end >= 0 && len(b.buf) == 0 {
			b.log(c.Context, i, part) // the common case, not copied
		} else {
			b.buf = append(b.buf, part...)
			if end >= 0 {
				b.flush(c.Context, i)
			}
		}
		p = rest
	}
}

// flush logs what is left without a line break.
func (b *lineBuffer) flush(ctx context.Context, i *Instance) {
	if len(b.buf) > 0 {
		b.log(ctx, i, b.buf)
		b.buf = b.buf[:0]
	}
}

// log logs one line; empty ones, as Go's crash reports have, are left out.
func (b *lineBuffer) log(ctx context.Context, i *Instance, line []byte) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) == 0 {
		return
	}
	if b.level == levelStderr && isCause(line) {
		i.cause = append(i.cause[:0], line[:min(len(line), maxCause)]...)
	}
	i.s.log.emit(ctx, i, b.level, b.stream, line)
}

// maxCause bounds the line that is kept as the cause of a crash.
const maxCause = 512

// isCause reports whether a line of standard error says why a program ends, as
// the runtimes of Go, Rust and C put it. Many lines of stack may follow.
func isCause(line []byte) bool {
	for _, start := range []string{"panic: ", "fatal error: ", "thread '", "Assertion failed"} {
		if bytes.HasPrefix(line, []byte(start)) {
			return true
		}
	}
	return false
}

// tail keeps the last tailSize bytes written to it, and up to as many before.
type tail struct{ buf []byte }

const tailSize = 4 << 10

func (t *tail) write(p []byte) {
	if len(p) > tailSize {
		p = p[len(p)-tailSize:]
	}
	if len(t.buf)+len(p) > 2*tailSize {
		t.buf = t.buf[:copy(t.buf, t.buf[len(t.buf)-tailSize:])]
	}
	t.buf = append(t.buf, p...)
}

func (t *tail) bytes() []byte { return t.buf[max(0, len(t.buf)-tailSize):] }
