package observability

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// DefaultScope is the scope of lines that name none.
const DefaultScope = "dapr.runtime"

// LogOptions configure a Handler.
type LogOptions struct {
	Writer io.Writer    // gets each line in one Write, never two at a time
	Level  slog.Leveler // nil = slog.LevelInfo
	JSON   bool

	AppID    string // app_id; left out when empty
	Instance string // instance, as a rule the host name
	Version  string // ver
}

// Handler prints one line for each record: time, level and msg, then the
// other fields in the order of their names. Fields that every line has are
// app_id, instance, scope, type and ver; the attributes "scope" and "type"
// replace theirs. Of several attributes with one name the last counts.
//
// It is safe for concurrent use.
type Handler struct {
	out    *output
	fields []field
	group  string // prefix of attribute names, with its dot
}

// output is what a handler and those made of it share.
type output struct {
	level slog.Leveler
	json  bool

	mu sync.Mutex // guards w
	w  io.Writer
}

type field struct {
	key   string
	value slog.Value
}

// NewHandler returns a handler.
func NewHandler(o LogOptions) *Handler {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	h := &Handler{out: &output{level: o.Level, json: o.JSON, w: o.Writer}}
	if o.AppID != "" {
		h.fields = append(h.fields, field{"app_id", slog.StringValue(o.AppID)})
	}
	h.fields = append(h.fields,
		field{"instance", slog.StringValue(o.Instance)},
		field{"scope", slog.StringValue(DefaultScope)},
		field{"type", slog.StringValue("log")},
		field{"ver", slog.StringValue(o.Version)},
	)
	return h
}

// Enabled reports whether lines of the level are printed.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.out.level.Level() }

// WithAttrs returns a handler whose lines have the attributes too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.fields = slices.Clone(h.fields)
	for _, a := range attrs {
		next.fields = add(next.fields, h.group, a)
	}
	return &next
}

// WithGroup returns a handler that puts name and a dot before the names of attributes.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.group = h.group + name + "."
	return &next
}

// line is what one call of Handle works with.
type line struct {
	fields []field
	buf    []byte
}

var lines = sync.Pool{New: func() any { return new(line) }}

// maxKept bounds what a line gives back to the pool: one huge message must not stay for ever.
const maxKept = 16 << 10

// Handle prints a record.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	l := lines.Get().(*line)
	defer func() {
		clear(l.fields) // values may hold large objects
		if cap(l.buf) <= maxKept {
			lines.Put(l)
		}
	}()
	l.fields = append(l.fields[:0], h.fields...)
	r.Attrs(func(a slog.Attr) bool {
		l.fields = add(l.fields, h.group, a)
		return true
	})
	slices.SortFunc(l.fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
	if h.out.json {
		l.buf = appendJSONLine(l.buf[:0], r, l.fields)
	} else {
		l.buf = appendTextLine(l.buf[:0], r, l.fields)
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(l.buf)
	return err
}

// add puts an attribute among the fields, in place of one with its name.
func add(fields []field, group string, a slog.Attr) []field {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			fields = add(fields, group, inner)
		}
		return fields
	}
	if a.Key == "" {
		return fields
	}
	key := a.Key
	if group != "" {
		key = group + key
	}
	switch key {
	case "time", "level", "msg": // taken by the line itself
		key = "fields." + key
	}
	for i := range fields {
		if fields[i].key == key {
			fields[i].value = v
			return fields
		}
	}
	return append(fields, field{key, v})
}
