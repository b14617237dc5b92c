// Command bench measures Berth and prints ratios against a peer in the same
// run: machines differ and drift, ratios much less. `make bench` runs it.
//
// The peers are processes of their own (this program, started again): a state
// store behind gRPC on a Unix socket, which is what Dapr's pluggable components
// are, and bare HTTP and gRPC servers over a Go map. Times are medians; CPU is
// that of all processes that take part.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if role := os.Getenv(roleEnv); role != "" {
		if err := serve(role, os.Getenv(addrEnv)); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	only := flag.String("only", "", "comma-separated parts: call,sidecar,start,interrupt,metering")
	secs := flag.Float64("seconds", 2, "how long one round of load is")
	flag.Parse()
	round = time.Duration(*secs * float64(time.Second))
	parts := []struct {
		name string
		run  func(*table) error
	}{{"call", benchCall}, {"start", benchStart}, {"interrupt", benchInterrupt}, {"metering", benchMetering}, {"sidecar", benchSidecar}}
	failed := false
	for _, p := range parts {
		if *only != "" && !strings.Contains(","+*only+",", ","+p.name+",") {
			continue
		}
		t := &table{}
		if err := p.run(t); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", p.name, err)
			failed = true
		}
		t.print(os.Stdout)
	}
	if failed {
		os.Exit(1)
	}
}

// round is how long one round of load lasts.
var round time.Duration

// table collects rows; a goal is what the project holds itself to.
type table struct {
	title string
	head  []string
	rows  [][]string
	notes []string
}

func (t *table) row(cells ...any) {
	r := make([]string, len(cells))
	for i, c := range cells {
		r[i] = fmt.Sprint(c)
	}
	t.rows = append(t.rows, r)
}

func (t *table) print(f *os.File) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(f, "\n%s\n", t.title)
	w := tabwriter.NewWriter(f, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(t.head, "\t"))
	for _, r := range t.rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
	for _, n := range t.notes {
		fmt.Fprintln(f, n)
	}
}

func micros(d time.Duration) string { return fmt.Sprintf("%.2f us", float64(d.Nanoseconds())/1e3) }
func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Nanoseconds())/1e6) }
func times(r float64) string        { return fmt.Sprintf("%.2fx", r) }
