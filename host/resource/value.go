package resource

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The readers of metadata values follow the decoder that nearly all of Dapr's
// components use.

// ParseBool reads a boolean: y, yes, true, t, on and 1 are true in any case, and
// everything else is false. ok reports whether s is a usual spelling of either.
func ParseBool(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "y", "yes", "true", "t", "on", "1":
		return true, true
	case "n", "no", "false", "f", "off", "0", "":
		return false, true
	}
	return false, false
}

// ParseDuration reads a Go duration, or a number of seconds; "" is 0.
func ParseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return d, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("want a duration: a number with a unit (30s, 5m, 1h30m) or a number of seconds")
	}
	if n > math.MaxInt64/int64(time.Second) || n < math.MinInt64/int64(time.Second) {
		return 0, errors.New("the duration is too long")
	}
	return time.Duration(n) * time.Second, nil
}

var quantity = regexp.MustCompile(`^([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$`)

// ParseBytes reads a size as a Kubernetes quantity: 4096, 64Ki, 10Mi, 1.5Gi, 1k.
// A part of a byte counts as a byte.
func ParseBytes(s string) (int64, error) {
	m := quantity.FindStringSubmatch(s)
	if m == nil || len(m[2]) > 40 {
		return 0, errors.New("want a size: a number of bytes, or a number with Ki, Mi, Gi, k, M or G")
	}
	v, ok := new(big.Rat).SetString(strings.TrimSuffix(m[2], "."))
	if !ok {
		return 0, errors.New("want a size")
	}
	v.Mul(v, unit(m[3]))
	whole, rest := new(big.Int).QuoRem(v.Num(), v.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		whole.Add(whole, big.NewInt(1))
	}
	if m[1] == "-" {
		whole.Neg(whole)
	}
	if !whole.IsInt64() {
		return 0, errors.New("the size is too large")
	}
	return whole.Int64(), nil
}

// unit is what a suffix of a quantity multiplies by.
func unit(suffix string) *big.Rat {
	power := func(base, exponent int64) *big.Rat {
		p := new(big.Int).Exp(big.NewInt(base), big.NewInt(max(exponent, -exponent)), nil)
		if exponent < 0 {
			return new(big.Rat).SetFrac(big.NewInt(1), p)
		}
		return new(big.Rat).SetInt(p)
	}
	switch {
	case suffix == "":
		return power(10, 0)
	case strings.HasSuffix(suffix, "i"):
		return power(1024, int64(strings.IndexByte("KMGTPE", suffix[0]))+1)
	case len(suffix) == 1:
		return power(10, map[string]int64{"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}[suffix])
	}
	e, _ := strconv.ParseInt(suffix[1:], 10, 64) // at most three digits, by the pattern
	return power(10, e)
}

// valueError says why a value does not fit a type, without the value.
type valueError struct {
	code    Code
	message string
}

// checkValue reports what is wrong with a value of the given type, or nil. What
// Dapr's decoder takes in silence for something else is CodeIgnoredValue.
func checkValue(typ, s string) *valueError {
	wrong := func(format string, args ...any) *valueError {
		return &valueError{CodeWrongType, fmt.Sprintf(format, args...)}
	}
	switch typ {
	case "bool":
		if _, ok := ParseBool(s); !ok {
			return &valueError{CodeIgnoredValue, "want true or false; it is read as false"}
		}
	case "number", "integer":
		if s == "" {
			return &valueError{CodeIgnoredValue, "want a number; the empty value is read as 0"}
		}
		_, intErr := strconv.ParseInt(s, 0, 64)
		_, uintErr := strconv.ParseUint(s, 0, 64)
		if intErr == nil || uintErr == nil {
			return nil
		}
		if typ == "integer" {
			return wrong("want an integer")
		}
		if f, err := strconv.ParseFloat(s, 64); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return wrong("want a number")
		}
	case "duration":
		if _, err := ParseDuration(s); err != nil {
			return wrong("%v", err)
		}
	case "bytesize":
		n, err := ParseBytes(s)
		if err != nil {
			return wrong("%v", err)
		}
		if n < 0 {
			return wrong("a size cannot be negative")
		}
	}
	return nil
}
