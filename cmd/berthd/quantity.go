package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// quantity is a number of bytes, written as Kubernetes writes quantities:
// 4Mi, 500k, 1048576.
type quantity int64

var units = []struct {
	suffix string
	size   float64
}{
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
	{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12},
}

func (q *quantity) Set(s string) error {
	number, size := s, 1.0
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			number, size = n, u.size
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f*size) > math.MaxInt32*1024 {
		return fmt.Errorf("want a size such as 4Mi")
	}
	*q = quantity(math.Ceil(f * size))
	return nil
}

func (q *quantity) String() string {
	n := int64(*q)
	switch {
	case n != 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "Mi"
	case n != 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "Ki"
	}
	return strconv.FormatInt(n, 10)
}
