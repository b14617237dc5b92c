package api

// Metadata describes the running sidecar. Its JSON is the answer of GET
// /v1.0/metadata, whose names are Dapr's; the gRPC server makes a
// GetMetadataResponse of it.
type Metadata struct {
	ID              string            `json:"id,omitempty"`
	RuntimeVersion  string            `json:"runtimeVersion,omitempty"`
	EnabledFeatures []string          `json:"enabledFeatures,omitempty"`
	Actors          []ActiveActors    `json:"actors,omitempty"`
	Components      []Component       `json:"components,omitempty"`
	Extended        map[string]string `json:"extended,omitempty"`
	Subscriptions   []Subscription    `json:"subscriptions,omitempty"`
	HTTPEndpoints   []HTTPEndpoint    `json:"httpEndpoints,omitempty"`
	AppConnection   AppConnection     `json:"appConnectionProperties"`
	ActorRuntime    ActorRuntime      `json:"actorRuntime"`
	Scheduler       *Scheduler        `json:"scheduler,omitempty"`
	Workflows       *Workflows        `json:"workflows,omitempty"`
	// Plugins is Berth's own: what runs behind the components. Dapr's clients ignore it.
	Plugins []Plugin `json:"plugins,omitempty"`
}

// Component is a loaded component.
type Component struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Version      string   `json:"version"`
	Capabilities []string `json:"capabilities,omitempty"`
}

// Plugin is the artifact and the instances behind one component. Counters
// start at zero when the component is loaded.
type Plugin struct {
	Component string `json:"component"`
	Type      string `json:"type"`
	Version   string `json:"version"`           // the component's, such as "v1"
	Release   string `json:"release,omitempty"` // the artifact's own version
	Digest    string `json:"digest,omitempty"`  // "sha256:" and 64 hex digits
	State     string `json:"state"`             // a word of the plugin life cycle: "ready", "draining"
	LastError string `json:"lastError,omitempty"`
	Instances int    `json:"instances"`
	Memory    uint64 `json:"memoryBytes"` // linear memory of all instances
	Calls     uint64 `json:"calls"`
	Errors    uint64 `json:"errors"` // calls that the component answered with an error
	Traps     uint64 `json:"traps"`
	Restarts  uint64 `json:"restarts"`
	// Load is what loading took; nil while it has not been done.
	Load *PluginLoad `json:"load,omitempty"`
}

// PluginLoad is what it took to load a plugin.
type PluginLoad struct {
	Cached  bool    `json:"cached"`         // the compiled code came from the disk
	Compile float64 `json:"compileSeconds"` // reading it, or compiling
	Start   float64 `json:"startSeconds"`   // the first instance, to the end of its Init
}

// ActiveActors counts the active actors of one type.
type ActiveActors struct {
	Type  string `json:"type,omitempty"`
	Count int32  `json:"count,omitempty"`
}

// Subscription is a subscription of the application.
type Subscription struct {
	PubsubName      string             `json:"pubsubname"`
	Topic           string             `json:"topic"`
	Metadata        map[string]string  `json:"metadata,omitempty"`
	Rules           []SubscriptionRule `json:"rules,omitempty"`
	DeadLetterTopic string             `json:"deadLetterTopic"`
	Type            string             `json:"type"` // "DECLARATIVE", "PROGRAMMATIC" or "STREAMING"
}

// SubscriptionRule sends the events that match to a path.
type SubscriptionRule struct {
	Match string `json:"match,omitempty"`
	Path  string `json:"path,omitempty"`
}

// HTTPEndpoint is a named endpoint that may be invoked.
type HTTPEndpoint struct {
	Name string `json:"name,omitempty"`
}

// AppConnection says how the sidecar reaches the application.
type AppConnection struct {
	Port           int32      `json:"port,omitempty"`
	Protocol       string     `json:"protocol,omitempty"`
	ChannelAddress string     `json:"channelAddress,omitempty"`
	MaxConcurrency int32      `json:"maxConcurrency,omitempty"`
	Health         *AppHealth `json:"health,omitempty"`
}

// AppHealth says how the application's health is probed. The durations are
// those of time.Duration.String.
type AppHealth struct {
	Path      string `json:"healthCheckPath,omitempty"`
	Interval  string `json:"healthProbeInterval,omitempty"`
	Timeout   string `json:"healthProbeTimeout,omitempty"`
	Threshold int32  `json:"healthThreshold,omitempty"`
}

// ActorRuntime is the state of actor hosting.
type ActorRuntime struct {
	Status       string         `json:"runtimeStatus"` // "INITIALIZING", "DISABLED" or "RUNNING"
	ActiveActors []ActiveActors `json:"activeActors,omitempty"`
	HostReady    bool           `json:"hostReady"`
	Placement    string         `json:"placement,omitempty"`
}

// Scheduler lists the schedulers that the sidecar is connected to.
type Scheduler struct {
	ConnectedAddresses []string `json:"connected_addresses,omitempty"`
}

// Workflows counts the connected workflow workers.
type Workflows struct {
	ConnectedWorkers int32 `json:"connectedWorkers,omitempty"`
}
