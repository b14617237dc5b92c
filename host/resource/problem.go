package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a problem stops the sidecar.
type Severity uint8

const (
	Warning Severity = iota
	Error
)

func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// MarshalText writes "error" or "warning".
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one thing that is wrong with a resource.
type Problem struct {
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`     // from 1; 0 = the whole file
	Column   int      `json:"column,omitempty"`   // from 1
	Resource string   `json:"resource,omitempty"` // kind/name: Component/statestore
	Field    string   `json:"field,omitempty"`    // spec.metadata[redisHost]
	Severity Severity `json:"severity"`
	Code     Code     `json:"code"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
	// Ignorable is set when the component says ignoreErrors: the sidecar starts without it.
	Ignorable bool `json:"ignorable,omitempty"`
}

// Problems is the table of problems. Its methods do not change it.
type Problems []Problem

// Errors returns the problems that are errors.
func (p Problems) Errors() Problems {
	return p.filter(func(q Problem) bool { return q.Severity == Error })
}

// Fatal returns the errors that keep the sidecar from starting: all but those of
// components with ignoreErrors.
func (p Problems) Fatal() Problems {
	return p.filter(func(q Problem) bool { return q.Severity == Error && !q.Ignorable })
}

func (p Problems) filter(keep func(Problem) bool) Problems {
	var out Problems
	for _, q := range p {
		if keep(q) {
			out = append(out, q)
		}
	}
	return out
}

// Strict returns the problems with the severities of strict mode. Those with the
// codes of other packages stay as they are.
func (p Problems) Strict() Problems {
	out := slices.Clone(p)
	for i := range out {
		if out[i].Code.known() {
			out[i].Severity = out[i].Code.severity(true)
		}
	}
	return out
}

// Sort returns the problems by file, line, column, field, code and message, each once.
func (p Problems) Sort() Problems {
	out := slices.Clone(p)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(out)
}

// Err is nil when there is no error; else its text is the table of the errors.
func (p Problems) Err() error {
	if e := p.Errors(); len(e) > 0 {
		return &tableError{e}
	}
	return nil
}

type tableError struct{ problems Problems }

func (e *tableError) Error() string {
	var b strings.Builder
	_ = e.problems.WriteText(&b) // a strings.Builder does not fail
	return strings.TrimRight(b.String(), "\n")
}

// quote writes text from a file for use in a message: on one line, without
// control characters, cut when it is long.
func quote(s string) string {
	const max = 60
	if r := []rune(s); len(r) > max {
		s = string(r[:max]) + "..."
	}
	return fmt.Sprintf("%q", s)
}
