package observability

import (
	"fmt"
	"log/slog"
	"strings"
)

// LevelFatal is the level of the last line before the process ends.
const LevelFatal = slog.Level(12)

// ParseLevel reads the value of --log-level: debug, info, warn (or warning),
// error or fatal, in any case.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(s) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	case "fatal":
		return LevelFatal, nil
	}
	return 0, fmt.Errorf("%q is not a log level: use debug, info, warn, error or fatal", s)
}

// levelName is how Dapr's sidecar writes a level.
func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warning"
	case l < LevelFatal:
		return "error"
	}
	return "fatal"
}
