package resource

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// sandboxPrefix starts the metadata keys that are for the sandbox and never reach
// the guest. It is matched in any case, so that no spelling slips through.
const sandboxPrefix = "wasm."

// Sandbox is where a component's plugin comes from, what it may use and what it
// is granted. A zero field means the host's default; nothing is granted by default.
type Sandbox struct {
	URL          string        `json:"url,omitempty"`
	Digest       string        `json:"digest,omitempty"` // sha256: and 64 hex digits
	Engine       string        `json:"engine,omitempty"` // wazero or wasmtime
	Memory       int64         `json:"memory,omitempty"` // bytes of linear memory an instance may have
	MinInstances int           `json:"minInstances,omitempty"`
	MaxInstances int           `json:"maxInstances,omitempty"`
	MaxMessage   int64         `json:"maxMessage,omitempty"` // bytes of one request or response
	CallTimeout  time.Duration `json:"callTimeout,omitempty"`
	MaxQueue     int           `json:"maxQueue,omitempty"` // calls that wait for an instance
	LogRate      int           `json:"logRate,omitempty"`  // lines a second
	MaxCalls     int           `json:"maxCalls,omitempty"` // of one instance before it is replaced

	AllowNet     []string `json:"allowNet,omitempty"`     // host:port, host:low-high
	AllowHTTP    []string `json:"allowHTTP,omitempty"`    // URLs, * at the end of the path
	AllowFS      []string `json:"allowFS,omitempty"`      // folder:ro, folder:rw
	AllowEnv     []string `json:"allowEnv,omitempty"`     // names, or prefixes that end in *; see EnvAllowed
	AllowSecrets []string `json:"allowSecrets,omitempty"` // names
}

// sandboxKey is one wasm. key: how it is read, and what its documentation says.
type sandboxKey struct {
	name, value, standard, doc, example string
	read                                func(s *Sandbox, v string) error
}

// sandboxKeys is the table of all wasm. keys; WriteSandboxDocs prints it.
var sandboxKeys = []sandboxKey{
	{"wasm.url", "`file://`, `oci://`, `https://` or `http://` URL", "the plugin that the catalogue has for the type",
		"Where the plugin comes from. `http` and `https` need `wasm.digest`; `oci` should have one.",
		"file:///opt/plugins/redis.wasm", readURL},
	{"wasm.digest", "`sha256:` and 64 hex digits", "not checked",
		"Digest of the module. A plugin with another digest is refused.",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", readDigest},
	{"wasm.engine", "`wazero` or `wasmtime`", "`wazero`",
		"The engine that runs the plugin. `wasmtime` takes a build with that engine.", "wazero", readEngine},
	{"wasm.memory", "size, 64Ki to 4Gi", "`64Mi`",
		"Linear memory that one instance may have.", "128Mi", readMemory},
	{"wasm.instances", "`N` or `MIN..MAX`", "from the plugin's manifest, at most `1..64`",
		"How many instances there may be. `MIN` of them stay when there is nothing to do.", "1..8", readInstances},
	{"wasm.maxMessageSize", "size, 4Ki to 1Gi", "`8Mi`",
		"Size of one request to the plugin, and of one response.", "16Mi",
		func(s *Sandbox, v string) (err error) { s.MaxMessage, err = size(v, 4<<10, 1<<30); return err }},
	{"wasm.callTimeout", "duration with a unit", "`30s`",
		"Time one call may take where nothing else sets a deadline.", "5s", readCallTimeout},
	{"wasm.maxQueue", "number of calls", "`1024`",
		"Calls that may wait for a free instance; more are refused.", "256", count(func(s *Sandbox) *int { return &s.MaxQueue })},
	{"wasm.logRate", "lines a second", "`200`",
		"Lines the plugin may log; more are counted and dropped.", "50", count(func(s *Sandbox) *int { return &s.LogRate })},
	{"wasm.maxCalls", "number of calls", "`1000000`, of a serial component none",
		"Calls after which an instance is replaced.", "100000", count(func(s *Sandbox) *int { return &s.MaxCalls })},
	{"wasm.allow.net", "list of `host:port` or `host:low-high`", "none",
		"Where the plugin may open connections to. The host is a name, `*.` and a domain, `*`, an address or a network such as `10.0.0.0/8`.",
		"redis:6379, *.cache.internal:6379-6390", grants(func(s *Sandbox) *[]string { return &s.AllowNet }, netGrant)},
	{"wasm.allow.http", "list of URLs", "none",
		"What the plugin may fetch. A `*` at the end of the path stands for all below; the host may begin with `*.`.",
		"https://api.example.com/v1/*", grants(func(s *Sandbox) *[]string { return &s.AllowHTTP }, httpGrant)},
	{"wasm.allow.fs", "list of `folder`, `folder:ro` or `folder:rw`", "none",
		"Folders the plugin sees, read only unless `rw` is given. Paths are absolute.",
		"/data:rw, /etc/app:ro", grants(func(s *Sandbox) *[]string { return &s.AllowFS }, folderGrant)},
	{"wasm.allow.env", "list of names, or of prefixes that end in `*`", "none",
		"Environment variables the plugin sees. `DAPR_*` and `APP_API_TOKEN` are never among them.",
		"AWS_REGION, LC_*", grants(func(s *Sandbox) *[]string { return &s.AllowEnv }, envGrant)},
	{"wasm.allow.secrets", "list of names", "none",
		"Secrets the plugin may read by name.", "ca-bundle", grants(func(s *Sandbox) *[]string { return &s.AllowSecrets }, secretGrant)},
}

func sandboxKeyNames() []string {
	out := make([]string, len(sandboxKeys))
	for i, k := range sandboxKeys {
		out[i] = k.name
	}
	return out
}

// WriteSandboxDocs writes the table of the wasm. keys in Markdown.
func WriteSandboxDocs(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| Key | Value | Default | Meaning | Example |\n|---|---|---|---|---|\n")
	for _, k := range sandboxKeys {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` |\n", k.name, k.value, k.standard, k.doc, k.example)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sandbox reads the wasm. keys of a component. Every mistake is an error: these
// keys are ours alone, and they decide what foreign code may do.
func (d *decoder) sandbox(items []Item) Sandbox {
	var s Sandbox
	seen := map[string]Item{}
	for _, m := range items {
		key := findSandboxKey(m.Name)
		first, again := seen[m.Name]
		seen[m.Name] = m
		switch {
		case key == nil:
			d.reportAt(m.at, CodeSandboxKey, m.path(), quote(m.Name)+" is not a key of the sandbox",
				didYouMean(m.Name, sandboxKeyNames()))
		case again:
			d.reportAt(m.at, CodeSandboxKey, m.path(), "the key is written in line "+strconv.Itoa(first.at.line)+" too", "")
		case m.SecretKeyRef != nil || m.EnvRef != "":
			d.reportAt(m.at, CodeSandboxKey, m.path(), "the value must be written out: no secretKeyRef and no envRef", "")
		case !m.HasValue || !m.plain:
			d.reportAt(m.at, CodeSandboxKey, m.path(), "want a plain value", `separate the parts of a list with commas: "a, b"`)
		case hasTemplate(m.Value):
			d.reportAt(m.at, CodeSandboxValue, m.path(), "placeholders are not filled in here", "")
		default:
			if err := key.read(&s, m.Value); err != nil {
				message := err.Error()
				if _, named := err.(partError); !named {
					message = shown(m.Value) + message
				}
				d.reportAt(m.at, CodeSandboxValue, m.path(), message, "for example: "+key.example)
			}
		}
	}
	d.pinned(s, seen)
	return s
}

func findSandboxKey(name string) *sandboxKey {
	for i := range sandboxKeys {
		if sandboxKeys[i].name == name {
			return &sandboxKeys[i]
		}
	}
	return nil
}

// pinned asks for a digest where somebody else can change what a URL gives.
func (d *decoder) pinned(s Sandbox, seen map[string]Item) {
	scheme, rest, _ := strings.Cut(s.URL, "://")
	if _, given := seen["wasm.digest"]; given {
		return
	}
	m := seen["wasm.url"]
	switch {
	case scheme == "http" || scheme == "https":
		d.reportAt(m.at, CodeSandboxValue, m.path(), "a plugin from "+scheme+" needs wasm.digest", "")
	case scheme == "oci" && !strings.Contains(rest, "@sha256:"):
		d.reportAt(m.at, CodeUnpinned, m.path(), "the registry may change what this name stands for", "add wasm.digest")
	}
}

var errRange = errors.New("out of range")

func size(v string, low, high int64) (int64, error) {
	n, err := ParseBytes(v)
	if err == nil && (n < low || n > high) {
		err = fmt.Errorf("%w: want %s to %s", errRange, sizeText(low), sizeText(high))
	}
	return n, err
}

func sizeText(n int64) string {
	for _, u := range []struct {
		bytes  int64
		suffix string
	}{{1 << 30, "Gi"}, {1 << 20, "Mi"}, {1 << 10, "Ki"}} {
		if n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

const (
	maxInstances   = 4096
	maxCallTimeout = 24 * time.Hour
)

func readMemory(s *Sandbox, v string) (err error) {
	s.Memory, err = size(v, 64<<10, 4<<30)
	return err
}

func readEngine(s *Sandbox, v string) error {
	if v != "wazero" && v != "wasmtime" {
		return errors.New("want wazero or wasmtime")
	}
	s.Engine = v
	return nil
}

func readInstances(s *Sandbox, v string) error {
	low, high, isRange := strings.Cut(v, "..")
	if !isRange {
		high = low
	}
	a, errA := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	b, errB := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	switch {
	case errA != nil || errB != nil:
		return errors.New("want a number, or two with .. between")
	case b == 0 || a > b || b > maxInstances:
		return fmt.Errorf("%w: want 0 <= MIN <= MAX, and MAX from 1 to %d", errRange, maxInstances)
	}
	s.MinInstances, s.MaxInstances = int(a), int(b)
	return nil
}

func readCallTimeout(s *Sandbox, v string) error {
	t, err := time.ParseDuration(v)
	switch {
	case err != nil:
		return errors.New("want a duration with a unit")
	case t <= 0 || t > maxCallTimeout:
		return fmt.Errorf("%w: want more than 0 and at most 24h", errRange)
	}
	s.CallTimeout = t
	return nil
}

func count(field func(*Sandbox) *int) func(*Sandbox, string) error {
	return func(s *Sandbox, v string) error {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 1 {
			return errors.New("want a whole number from 1")
		}
		*field(s) = int(n)
		return nil
	}
}
