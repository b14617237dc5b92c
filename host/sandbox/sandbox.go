package sandbox

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds that hold where Config leaves a field zero.
const (
	DefaultLogRate = 200 // lines a second
	// DefaultClockResolution is what browsers give documents that are not
	// isolated: too coarse to time another tenant's cache misses.
	DefaultClockResolution = 100 * time.Microsecond
)

// Config is what one component's sandboxes are given.
type Config struct {
	Component string       // the component's name, in every log line
	Logger    *slog.Logger // where guests' lines go; nil discards them
	LogRate   int          // lines a second, also the burst; 0 = DefaultLogRate
	// Redact replaces secrets in a guest's text before it is logged or
	// reported; nil leaves text alone. It is called by many goroutines.
	Redact func(string) string
	// Args and Env are what args_get and environ_get return: "name=value" for
	// Env, as the operator granted. A NUL byte ends an entry.
	Args, Env []string
	// ClockResolution is the step of the guest's clocks; 0 = DefaultClockResolution.
	ClockResolution time.Duration
}

// Sandbox is what all instances of one component share. It is safe for
// concurrent use.
type Sandbox struct {
	clock     clock
	log       *guestLog
	args, env cstrings
	instances atomic.Uint64
}

// New makes the sandbox of one component. Close it after its last instance.
func New(c Config) *Sandbox {
	if c.ClockResolution <= 0 {
		c.ClockResolution = DefaultClockResolution
	}
	return &Sandbox{
		clock: newClock(c.ClockResolution),
		log:   newGuestLog(c),
		args:  newCstrings(c.Args),
		env:   newCstrings(c.Env),
	}
}

// Stats counts what the guests of one component wrote to the log.
type Stats struct {
	LogLines       uint64 // lines handed to the logger
	LogsSuppressed uint64 // lines dropped by the rate limit
}

// Stats returns the counts since New.
func (s *Sandbox) Stats() Stats {
	return Stats{LogLines: s.log.lines.Load(), LogsSuppressed: s.log.suppressed.Load()}
}

// Close reports lines that were suppressed last and stops the timer behind
// that report. Instances may still be closed afterwards.
func (s *Sandbox) Close() { s.log.close() }

// cstrings is a list of strings as C programs take it: each ended by a NUL.
type cstrings struct {
	offsets []uint32 // of each string in data
	data    []byte
}

func newCstrings(list []string) cstrings {
	var z cstrings
	for _, s := range list {
		s, _, _ = strings.Cut(s, "\x00")
		z.offsets = append(z.offsets, uint32(len(z.data)))
		z.data = append(append(z.data, s...), 0)
	}
	return z
}
