package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// benchmarks runs Go benchmarks of a package, for what can only be measured
// inside of it, and hands over each figure by the sub-benchmark's name.
func benchmarks(pkg, name, times string, figure func(name, unit string, v float64)) error {
	cmd := exec.Command("go", "test", pkg, "-run", "^$", "-bench", name, "-benchtime", times)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	procs := regexp.MustCompile(`-\d+$`)
	s := bufio.NewScanner(bytes.NewReader(out))
	for s.Scan() {
		f := strings.Fields(s.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		_, sub, _ := strings.Cut(procs.ReplaceAllString(f[0], ""), "/")
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Text(), err)
			}
			figure(sub, f[i+1], v)
		}
	}
	return s.Err()
}

// benchMetering runs the benchmarks of the rewriter, which execute the same
// guests with and without metering.
func benchMetering(t *table) error {
	t.title = "Metering: CPU of guests that compute, as a ratio to the same guest without it"
	t.head = []string{"guest", "ratio"}
	err := benchmarks("./host/engine/wazero/rewrite", "Metering", "1x", func(name, unit string, v float64) {
		if unit == "x" {
			t.row(name, fmt.Sprintf("%.2f", v))
		}
	})
	t.notes = append(t.notes, "Goal: at most 1.10, and 1.30 in pure recursion.")
	return err
}
