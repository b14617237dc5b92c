package manifest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/berth-run/berth/abi"
)

// Bounds on what a manifest holds. They are far above what any component of
// today's has (the largest has about 90 metadata fields), and low enough that a
// hostile manifest costs little.
const (
	MaxSection = 256 << 10 // bytes of the custom section
	MaxSource  = 1 << 20   // bytes of plugin.yaml

	maxKinds         = 16
	maxVersions      = 16
	maxFeatures      = 64
	maxOperations    = 128
	maxAliases       = 16
	maxMetadata      = 512
	maxAllowedValues = 256
	maxCapabilities  = 32
	maxHints         = 32
	maxAuthProfiles  = 32

	maxName  = 128  // bytes of a name, type, version, title
	maxLine  = 512  // of a text on one line: vendor, reason, hint, URL
	maxText  = 8192 // of a text with lines: description
	maxValue = 2048 // of a default, an example, an allowed value

	maxInflight  = 1 << 16
	maxInstances = 1 << 12
	maxMemory    = 4 << 30 // bytes: what 32-bit addresses reach
)

// kindInfo is what the ABI knows of a kind.
type kindInfo struct {
	name     string   // in the manifest
	prefix   string   // of its types in Component YAML
	features []string // that the host asks for
	binding  bool
}

// kinds lists them all. Two have the same prefix: a bindings type may be an
// input, an output, or both.
var kinds = []kindInfo{
	{name: "state", prefix: "state.", features: []string{"ETAG", "TRANSACTIONAL", "QUERY_API", "TTL", "DELETE_WITH_PREFIX", "PARTITION_KEY", "KEYS_LIKE"}},
	{name: "pubsub", prefix: "pubsub.", features: []string{"MESSAGE_TTL", "SUBSCRIBE_WILDCARDS", "BULK_PUBSUB", "BULK_SUBSCRIBE_IMMEDIATE"}},
	{name: "bindings.input", prefix: "bindings.", binding: true},
	{name: "bindings.output", prefix: "bindings.", binding: true},
	{name: "secretstores", prefix: "secretstores.", features: []string{"MULTIPLE_KEY_VALUES_PER_SECRET"}},
	{name: "configuration", prefix: "configuration."},
	{name: "lock", prefix: "lock."},
	{name: "middleware.http", prefix: "middleware.http."},
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

func kindByName(name string) (kindInfo, bool) {
	i := slices.IndexFunc(kinds, func(k kindInfo) bool { return k.name == name })
	if i < 0 {
		return kindInfo{}, false
	}
	return kinds[i], true
}

// kindOfType returns the only kind that a type's prefix leaves, or "".
func kindOfType(typ string) string {
	found := ""
	for _, k := range kinds {
		if strings.HasPrefix(strings.ToLower(typ), k.prefix) {
			if found != "" {
				return ""
			}
			found = k.name
		}
	}
	return found
}

var (
	fieldTypes  = []string{"string", "number", "integer", "bool", "duration", "bytesize"}
	stabilities = []string{"alpha", "beta", "stable"}
	directions  = []string{"input", "output"}
	modes       = []string{"pool", "serial", "serve"} // by the number of proto.Mode

	capabilities = []string{abi.CapNetDial, abi.CapHTTPFetch, abi.CapFS, abi.CapEnv, abi.CapSecrets, abi.CapClockFine}
)

// reservedPrefix is that of the metadata keys which are the operator's word to
// the host and never reach a guest.
const reservedPrefix = "wasm."

// The syntax of names. schema.json carries the same patterns.
var (
	abiPattern        = regexp.MustCompile(`^[1-9][0-9]{0,2}\.(0|[1-9][0-9]{0,3})$`)
	namePattern       = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	semverPattern     = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)
	typePattern       = regexp.MustCompile(`^(state|pubsub|bindings|secretstores|configuration|lock|middleware\.http)(\.[a-z0-9]+([_-][a-z0-9]+)*)+$`)
	versionPattern    = regexp.MustCompile(`^v[0-9]{1,4}((alpha|beta)[0-9]{1,4})?$`)
	featurePattern    = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	operationPattern  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)
	fieldPattern      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]*$`)
	capabilityPattern = regexp.MustCompile(`^[a-z][a-z0-9]*([._-][a-z0-9]+)*$`)
	homepagePattern   = regexp.MustCompile(`^https?://[^\s/?#]+([/?#]\S*)?$`)
	referencePattern  = regexp.MustCompile(`\{([^{}]*)\}`)
)
