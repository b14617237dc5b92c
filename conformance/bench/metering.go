package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// benchMetering runs the benchmarks of the rewriter, which execute the same
// guests with and without metering, and shows their table.
func benchMetering(t *table) error {
	cmd := exec.Command("go", "test", "./host/engine/wazero/rewrite", "-run", "^$", "-bench", "Metering", "-benchtime", "1x")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	t.title = "Metering: CPU of guests that compute, as a ratio to the same guest without it"
	t.head = []string{"guest", "ratio"}
	s := bufio.NewScanner(bytes.NewReader(out))
	for s.Scan() {
		f := strings.Fields(s.Text())
		for i := 1; i < len(f); i++ {
			if f[i] == "ratio" {
				name := strings.TrimSuffix(strings.TrimPrefix(f[0], "BenchmarkMetering/"), "-2")
				t.row(name, f[i-1])
			}
		}
	}
	t.notes = append(t.notes, "Goal: at most 1.10, and 1.30 in pure recursion.")
	return nil
}
