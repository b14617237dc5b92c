package resource

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	yamlDate  = regexp.MustCompile(`^[0-9]{4}-`)
)

// plainScalar gives an unquoted YAML scalar its value: nil, a bool, an int64, a
// uint64, a *big.Int, a float64 or a string. The rules are those of YAML 1.1 as
// sigs.k8s.io/yaml, with which Dapr reads its resources, applies them: yes, no,
// on, off, y and n are booleans, 010 is eight, 1_000 is a thousand; a date stays
// a string.
func plainScalar(s string) any {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	case ".nan", ".NaN", ".NAN":
		return math.NaN()
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1)
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1)
	}
	switch c := s[0]; {
	case c == '.':
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case c == '+', c == '-', '0' <= c && c <= '9':
		if v := number(s); v != nil {
			return v
		}
	}
	return s
}

func number(s string) any {
	if isDate(s) {
		return nil
	}
	s = strings.ReplaceAll(s, "_", "")
	i, err := strconv.ParseInt(s, 0, 64)
	if err == nil {
		return i
	}
	if u, err := strconv.ParseUint(s, 0, 64); err == nil {
		return u
	}
	if yamlFloat.MatchString(s) {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	}
	const maxDigits = 1000
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange && len(s) <= maxDigits {
		if b, ok := new(big.Int).SetString(s, 0); ok {
			return b
		}
	}
	return nil
}

// isDate reports whether YAML 1.1 reads s as a timestamp.
func isDate(s string) bool {
	if !yamlDate.MatchString(s) {
		return false
	}
	for _, layout := range []string{
		"2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// taggedScalar gives a scalar with an explicit tag its value; ok is false when
// the text does not fit the tag.
func taggedScalar(tag, s string) (v any, ok bool) {
	switch tag {
	case "!!int", "!!float", "!!bool", "!!null":
		v = plainScalar(s)
		switch x := v.(type) {
		case nil:
			return v, tag == "!!null"
		case bool:
			return v, tag == "!!bool"
		case float64:
			return v, tag == "!!float"
		case int64:
			if tag == "!!float" {
				return float64(x), true
			}
			return v, tag == "!!int"
		case uint64, *big.Int:
			return v, tag == "!!int"
		}
		return nil, false
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
		return strings.ToValidUTF8(string(b), "\ufffd"), err == nil
	}
	return s, true // !!str, !!timestamp, and tags of applications
}

// scalarString writes a scalar where a string is wanted, as Dapr does.
func scalarString(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	case *big.Int:
		return x.String()
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return ""
}

// jsonString writes v, which holds only what JSON can, as compact JSON.
func jsonString(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "" // (*node).value refuses what cannot be marshalled
	}
	return string(b)
}
