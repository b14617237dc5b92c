package guest

import "strings"

// lastWords finds in a guest's standard error the line that says why it died:
// that of a Go runtime, a Rust panic or a C assertion, else the last one.
func lastWords(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		for _, p := range []string{"fatal error: ", "panic: ", "runtime error: ", "thread '", "Assertion failed"} {
			if strings.HasPrefix(line, p) {
				return line
			}
		}
		if line != "" {
			last = line
		}
	}
	return last
}
