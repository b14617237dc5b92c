package resource

import (
	"os"
	"slices"
	"strings"
)

// LookupEnv reads an environment variable, as os.LookupEnv does.
type LookupEnv func(name string) (value string, ok bool)

func (l LookupEnv) orSystem() LookupEnv {
	if l == nil {
		return os.LookupEnv
	}
	return l
}

func (l LookupEnv) get(name string) string {
	v, _ := l(name)
	return v
}

// envKeys is the variable that lists, with spaces between, the only variables that
// components may read. Dapr's injector sets it.
const envKeys = "DAPR_ENV_KEYS"

// EnvAllowed reports whether a component may read the variable: never the
// sidecar's own (DAPR_*, APP_API_TOKEN), and only those of DAPR_ENV_KEYS when that
// is set. The rule, which ignores case, is Dapr's.
func EnvAllowed(name string, lookup LookupEnv) bool {
	up := strings.ToUpper(name)
	if up == "" || up == "APP_API_TOKEN" || strings.HasPrefix(up, "DAPR_") || strings.Contains(up, " ") {
		return false
	}
	allowed := lookup.orSystem().get(envKeys)
	return allowed == "" || slices.Contains(strings.Fields(allowed), up)
}
