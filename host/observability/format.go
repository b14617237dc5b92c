package observability

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendTextLine writes key=value pairs as the logrus text formatter does
// without a terminal: a value is quoted unless it consists of letters, digits
// and a few marks.
func appendTextLine(b []byte, r slog.Record, fields []field) []byte {
	if !r.Time.IsZero() { // a rule of slog's
		b = append(b, `time="`...)
		b = r.Time.AppendFormat(b, time.RFC3339Nano)
		b = append(b, `" `...)
	}
	b = append(b, "level="...)
	b = append(b, levelName(r.Level)...)
	b = append(b, " msg="...)
	b = appendText(b, r.Message)
	for _, f := range fields {
		b = append(b, ' ')
		b = appendText(b, f.key) // a key with a blank in it would break the line
		b = append(b, '=')
		switch f.value.Kind() {
		case slog.KindInt64:
			b = strconv.AppendInt(b, f.value.Int64(), 10)
		case slog.KindUint64:
			b = strconv.AppendUint(b, f.value.Uint64(), 10)
		case slog.KindBool:
			b = strconv.AppendBool(b, f.value.Bool())
		default:
			b = appendText(b, text(f.value))
		}
	}
	return append(b, '\n')
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '/', c == '@', c == '^', c == '+':
		default:
			return strconv.AppendQuote(b, s)
		}
	}
	return append(b, s...)
}

// text is a value as a person reads it.
func text(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		return anyText(v.Any())
	}
	return v.String() // numbers, booleans, durations
}

func anyText(x any) (s string) {
	defer func() {
		if p := recover(); p != nil { // a nil pointer whose methods do not expect it
			s = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	switch x := x.(type) {
	case error:
		return x.Error()
	case fmt.Stringer:
		return x.String()
	case encoding.TextMarshaler:
		if t, err := x.MarshalText(); err == nil {
			return string(t)
		}
	case []byte:
		return string(x)
	}
	return fmt.Sprintf("%+v", x)
}

// appendJSONLine writes an object whose keys are in alphabetical order, as
// the logrus JSON formatter does: level, msg and time stand among the fields.
func appendJSONLine(b []byte, r slog.Record, fields []field) []byte {
	b = append(b, '{')
	own := []string{"level", "msg", "time"}
	if r.Time.IsZero() {
		own = own[:2]
	}
	n := 0
	next := func(before string) {
		for ; n < len(own) && (before == "" || own[n] < before); n++ {
			b = appendKey(b, own[n])
			switch own[n] {
			case "level":
				b = appendJSONString(b, levelName(r.Level))
			case "msg":
				b = appendJSONString(b, r.Message)
			case "time":
				b = append(b, '"')
				b = r.Time.AppendFormat(b, time.RFC3339Nano)
				b = append(b, '"')
			}
		}
	}
	for _, f := range fields {
		next(f.key)
		b = appendKey(b, f.key)
		b = appendJSONValue(b, f.value)
	}
	next("")
	return append(b, '}', '\n')
}

func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = appendJSONString(b, key)
	return append(b, ':')
}

func appendJSONValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindFloat64:
		if j, err := json.Marshal(v.Float64()); err == nil { // not for infinities
			return append(b, j...)
		}
	case slog.KindAny:
		switch v.Any().(type) {
		case error, fmt.Stringer:
		default:
			if j, err := json.Marshal(v.Any()); err == nil {
				return append(b, j...)
			}
		}
	}
	return appendJSONString(b, text(v))
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes s as a JSON string. Bytes that are not UTF-8 become
// the replacement character.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, `\n`...)
			case '\r':
				b = append(b, `\r`...)
			case '\t':
				b = append(b, `\t`...)
			default:
				b = append(b, `\u00`...)
				b = append(b, hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		// U+2028 and U+2029 are line ends to JavaScript.
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			b = append(b, s[start:i]...)
			if r == utf8.RuneError {
				b = append(b, "\ufffd"...)
			} else {
				b = append(b, `\u202`...)
				b = append(b, hexDigits[r&15])
			}
			i += size
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
