package manifest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// CheckValue says whether value can be what a metadata field of that type
// holds. It is as lenient as Dapr's own decoding of metadata is:
//
//	bool      true, false, yes, no, y, n, t, f, on, off, 1, 0, in any case
//	number    a decimal number
//	integer   a whole decimal number
//	duration  "1m30s", or a whole number (its unit is the component's matter)
//	bytesize  "64Mi", "1k", "4096": a number and a unit of Kubernetes quantities
//	string    anything
func CheckValue(typ, value string) error {
	v := strings.TrimSpace(value)
	switch typ {
	case "string":
		return nil
	case "bool":
		switch strings.ToLower(v) {
		case "true", "false", "yes", "no", "y", "n", "t", "f", "on", "off", "1", "0":
			return nil
		}
		return fmt.Errorf("%q is not a bool: write true or false", clip(value))
	case "number":
		if f, err := strconv.ParseFloat(v, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && !strings.ContainsAny(v, "xX_") {
			return nil
		}
		return fmt.Errorf("%q is not a number", clip(value))
	case "integer":
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return nil
		}
		return fmt.Errorf("%q is not a whole number", clip(value))
	case "duration":
		if _, err := time.ParseDuration(v); err == nil {
			return nil
		}
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return nil
		}
		return fmt.Errorf("%q is not a duration: write one such as 30s, 5m or 1h30m", clip(value))
	case "bytesize":
		if quantity.MatchString(v) {
			return nil
		}
		return fmt.Errorf("%q is not a size: write one such as 4096, 64Ki or 10Mi", clip(value))
	}
	return fmt.Errorf("unknown type %q", clip(typ))
}

// quantity is the syntax of sizes, as in
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
var quantity = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,2})?$`)

// units of the memory sizes in plugin.yaml.
var units = []struct {
	suffix string
	bytes  uint64
}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}}

// parseMemory reads "65536", "64Ki", "16Mi" or "1Gi".
func parseMemory(s string) (uint64, error) {
	number, unit := s, uint64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			number, unit = n, u.bytes
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || strings.HasPrefix(number, "+") || n > math.MaxUint64/unit {
		return 0, fmt.Errorf("%q is not a memory size: write one such as 16Mi", clip(s))
	}
	return n * unit, nil
}

// formatMemory writes n in the largest unit that keeps it whole.
func formatMemory(n uint64) string {
	for i := len(units) - 1; i >= 0; i-- {
		if u := units[i]; n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatUint(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatUint(n, 10)
}
