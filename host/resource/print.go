package resource

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteText writes the problems as an aligned table, hints on a line of their
// own below, and the count at the end. It writes nothing when there is none.
func (p Problems) WriteText(w io.Writer) error {
	if len(p) == 0 {
		return nil
	}
	rows := [][]string{{"SEVERITY", "WHERE", "RESOURCE", "FIELD", "CODE", "MESSAGE"}}
	hints := []string{""}
	for _, q := range p {
		rows = append(rows, []string{
			q.Severity.String(), cell(q.where()), cell(q.Resource), cell(q.Field), string(q.Code), printable(q.Message)})
		hints = append(hints, printable(q.Hint))
	}
	last := len(rows[0]) - 1
	width := make([]int, last)
	for _, r := range rows {
		for i := range width {
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
	}
	var b strings.Builder
	for n, r := range rows {
		for i := range width {
			b.WriteString(r[i])
			b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(r[i])+2))
		}
		b.WriteString(r[last])
		b.WriteByte('\n')
		if hints[n] != "" {
			fmt.Fprintf(&b, "%shint: %s\n", strings.Repeat(" ", width[0]+2), hints[n])
		}
	}
	b.WriteString(p.count())
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes the problems as a JSON array.
func (p Problems) WriteJSON(w io.Writer) error {
	if p == nil {
		p = Problems{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(p)
}

func (p Problems) count() string {
	e := len(p.Errors())
	return plural(e, "error") + ", " + plural(len(p)-e, "warning")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

func (q Problem) where() string {
	switch {
	case q.File == "" && q.Line == 0:
		return ""
	case q.Line == 0:
		return q.File
	case q.Column == 0:
		return q.File + ":" + strconv.Itoa(q.Line)
	}
	return q.File + ":" + strconv.Itoa(q.Line) + ":" + strconv.Itoa(q.Column)
}

func cell(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// printable keeps text from a file from moving the terminal's cursor.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			q := strconv.Quote(s)
			return q[1 : len(q)-1]
		}
	}
	return s
}
