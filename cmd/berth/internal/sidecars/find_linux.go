package sidecars

import (
	"os"
	"strconv"
	"strings"
)

// Find lists the sidecars of this machine whose command line may be read.
func Find() ([]Sidecar, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []Sidecar
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil || len(line) == 0 {
			continue // it has ended, or is not ours to see
		}
		if s, ok := fromArgs(strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")); ok {
			s.PID = pid
			out = append(out, s)
		}
	}
	return out, nil
}
