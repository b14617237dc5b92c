package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/berth-run/berth/host"
)

// version is what --version prints. Under the name daprd it is the release of
// Dapr that the sidecar stands in for: the dapr command decides by it which
// flags it may pass.
func version(program string) string {
	if strings.TrimSuffix(program, ".exe") == "daprd" {
		return host.DaprVersion
	}
	return host.Version
}

func buildInfo() string {
	revision, modified := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = " (modified)"
			}
		}
	}
	return fmt.Sprintf("Version: %s\nGit Commit: %s%s\nDapr API: %s\nGo: %s %s/%s\n",
		host.Version, revision, modified, host.DaprVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
