package runcmd

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is how much of a line without an end is kept back.
const maxLine = 64 << 10

// screen is where both processes' lines come together.
type screen struct {
	mu  sync.Mutex // one line at a time
	out io.Writer
}

// lines is a writer that passes whole lines on to a screen, each with a prefix.
// It is written to by one goroutine.
type lines struct {
	to     *screen
	prefix string
	rest   []byte // of a line whose end has not come
	buf    []byte
}

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	l.buf = l.buf[:0]
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 && len(l.rest)+len(p) <= maxLine {
			l.rest = append(l.rest, p...)
			break
		}
		end := i + 1
		if i < 0 {
			end = len(p)
		}
		l.buf = append(l.buf, l.prefix...)
		l.buf = append(l.buf, l.rest...)
		l.buf = append(l.buf, p[:end]...)
		if i < 0 {
			l.buf = append(l.buf, '\n')
		}
		l.rest = l.rest[:0]
		if p = p[end:]; len(p) == 0 {
			break
		}
	}
	return n, l.flush()
}

func (l *lines) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	_, err := l.to.out.Write(l.buf)
	return err
}

// end passes on a last line that has no end.
func (l *lines) end() {
	if len(l.rest) > 0 {
		_, _ = l.Write([]byte("\n"))
	}
}
