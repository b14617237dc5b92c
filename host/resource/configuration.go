package resource

import (
	"slices"
	"strings"
	"time"
)

// Configuration is a document of kind Configuration, or several laid over each
// other.
type Configuration struct {
	Name      string            `json:"name,omitempty"` // of the last document that has one
	Namespace string            `json:"namespace,omitempty"`
	Spec      ConfigurationSpec `json:"spec"`
}

// configurationDoc is a Configuration as it is written.
type configurationDoc struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   objectMeta        `json:"metadata"`
	Spec       ConfigurationSpec `json:"spec"`
}

// ConfigurationSpec is everything a Configuration sets.
type ConfigurationSpec struct {
	Tracing         Tracing        `json:"tracing,omitzero"`
	Metric          Metrics        `json:"metric,omitzero"`  // what counts
	Metrics         Metrics        `json:"metrics,omitzero"` // the newer name of Metric: LoadConfiguration moves it there
	HTTPPipeline    Pipeline       `json:"httpPipeline,omitzero"`
	AppHTTPPipeline Pipeline       `json:"appHttpPipeline,omitzero"`
	AccessControl   AccessControl  `json:"accessControl,omitzero"`
	Secrets         SecretScopes   `json:"secrets,omitzero"`
	Components      ComponentRules `json:"components,omitzero"`
	API             APIRules       `json:"api,omitzero"`
	NameResolution  NameResolution `json:"nameResolution,omitzero"`
	MTLS            MTLS           `json:"mtls,omitzero"`
	Features        []Feature      `json:"features,omitempty"`
	Logging         Logging        `json:"logging,omitzero"`
	Wasm            WasmPolicy     `json:"wasm,omitzero"`
	Workflow        Workflow       `json:"workflow,omitzero"`
}

// Tracing says which requests are traced and where traces go.
type Tracing struct {
	SamplingRate string `json:"samplingRate,omitempty"` // 0 to 1; "" = the default rate
	Stdout       bool   `json:"stdout,omitempty"`
	Zipkin       Zipkin `json:"zipkin,omitzero"`
	Otel         Otel   `json:"otel,omitzero"`
}

// Zipkin is an exporter of traces.
type Zipkin struct {
	EndpointAddress string `json:"endpointAddress,omitempty"`
}

// Otel is an exporter of traces.
type Otel struct {
	EndpointAddress string      `json:"endpointAddress,omitempty"`
	Protocol        string      `json:"protocol,omitempty"` // grpc or http
	IsSecure        *bool       `json:"isSecure,omitempty"` // default true
	Headers         OtelHeaders `json:"headers,omitempty"`  // sensitive
	Timeout         OtelTimeout `json:"timeout,omitempty"`
}

// OtelHeaders are headers as key=value. The file has a list, or one string with commas.
type OtelHeaders []string

// OtelTimeout is a duration; a bare number in the file means milliseconds.
type OtelTimeout time.Duration

// Metrics says which metrics there are.
type Metrics struct {
	Enabled                    *bool           `json:"enabled,omitempty"`          // default true
	RecordErrorCodes           *bool           `json:"recordErrorCodes,omitempty"` // default false
	HTTP                       *HTTPMetrics    `json:"http,omitempty"`
	LatencyDistributionBuckets []int           `json:"latencyDistributionBuckets,omitempty"` // milliseconds
	Workflow                   WorkflowMetrics `json:"workflow,omitzero"`
	Rules                      []MetricRule    `json:"rules,omitempty"`
}

// HTTPMetrics sets the labels of the HTTP metrics.
type HTTPMetrics struct {
	IncreasedCardinality *bool    `json:"increasedCardinality,omitempty"` // default true
	PathMatching         []string `json:"pathMatching,omitempty"`
	ExcludeVerbs         *bool    `json:"excludeVerbs,omitempty"` // default false
}

// WorkflowMetrics sets the buckets of the workflow metrics.
type WorkflowMetrics struct {
	LatencyDistributionBuckets []int  `json:"latencyDistributionBuckets,omitempty"`
	Units                      string `json:"units,omitempty"`
}

// MetricRule rewrites labels of one metric.
type MetricRule struct {
	Name   string        `json:"name,omitempty"`
	Labels []MetricLabel `json:"labels,omitempty"`
}

// MetricLabel gives a label values by regular expression.
type MetricLabel struct {
	Name  string            `json:"name,omitempty"`
	Regex map[string]string `json:"regex,omitempty"`
}

// Pipeline lists middleware components in the order they run.
type Pipeline struct {
	Handlers []Handler `json:"handlers,omitempty"`
}

// Handler is one middleware component of a pipeline.
type Handler struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Version  string   `json:"version,omitempty"`
	Selector Selector `json:"selector,omitzero"`
}

// Selector is read and has no effect, as in Dapr.
type Selector struct {
	Fields []SelectorField `json:"fields,omitempty"`
}

// SelectorField is one condition of a Selector.
type SelectorField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// AccessControl says which apps may invoke this one. Without a default action,
// all may when there are no policies, and none that has no policy when there are.
type AccessControl struct {
	DefaultAction string      `json:"defaultAction,omitempty"` // allow or deny
	TrustDomain   string      `json:"trustDomain,omitempty"`   // default public
	Policies      []AppPolicy `json:"policies,omitempty"`
}

// AppPolicy is what one calling app may do.
type AppPolicy struct {
	AppID         string         `json:"appId"`
	DefaultAction string         `json:"defaultAction,omitempty"`
	TrustDomain   string         `json:"trustDomain,omitempty"`
	Namespace     string         `json:"namespace,omitempty"`
	Operations    []AppOperation `json:"operations,omitempty"`
}

// AppOperation is one path of this app.
type AppOperation struct {
	Name     string   `json:"name"`
	HTTPVerb []string `json:"httpVerb,omitempty"`
	Action   string   `json:"action,omitempty"`
}

// SecretScopes limits which secrets the app can read.
type SecretScopes struct {
	Scopes []SecretScope `json:"scopes,omitempty"`
}

// SecretScope limits one secret store. LoadConfiguration sorts the lists.
type SecretScope struct {
	StoreName      string   `json:"storeName"`
	DefaultAccess  string   `json:"defaultAccess,omitempty"` // allow or deny; "" = allow
	AllowedSecrets []string `json:"allowedSecrets,omitempty"`
	DeniedSecrets  []string `json:"deniedSecrets,omitempty"`
}

// ComponentRules forbids types of components.
type ComponentRules struct {
	Deny []string `json:"deny,omitempty"` // type, or type/version
}

// APIRules opens and closes APIs. With an allowed list, nothing else is open.
type APIRules struct {
	Allowed []APIRule `json:"allowed,omitempty"`
	Denied  []APIRule `json:"denied,omitempty"`
}

// APIRule is one group of APIs of one version and protocol.
type APIRule struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Protocol string `json:"protocol,omitempty"` // http or grpc
}

// NameResolution says how app ids become addresses.
type NameResolution struct {
	Component     string `json:"component,omitempty"`
	Version       string `json:"version,omitempty"`
	Configuration any    `json:"configuration,omitempty"`
}

// MTLS says how sidecars prove who they are to each other.
type MTLS struct {
	Enabled                 bool             `json:"enabled,omitempty"`
	WorkloadCertTTL         string           `json:"workloadCertTTL,omitempty"`
	AllowedClockSkew        string           `json:"allowedClockSkew,omitempty"`
	SentryAddress           string           `json:"sentryAddress,omitempty"`
	ControlPlaneTrustDomain string           `json:"controlPlaneTrustDomain,omitempty"`
	TokenValidators         []TokenValidator `json:"tokenValidators,omitempty"`
}

// TokenValidator is one more way to prove an identity.
type TokenValidator struct {
	Name    string `json:"name"`
	Options any    `json:"options,omitempty"`
}

// Feature switches a feature on or off.
type Feature struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// Logging says what is logged.
type Logging struct {
	APILogging APILogging `json:"apiLogging,omitzero"`
}

// APILogging says which API calls are logged; the flag --enable-api-logging wins.
type APILogging struct {
	Enabled          bool `json:"enabled,omitempty"`
	ObfuscateURLs    bool `json:"obfuscateURLs,omitempty"`
	OmitHealthChecks bool `json:"omitHealthChecks,omitempty"`
}

// WasmPolicy holds for every Wasm component.
type WasmPolicy struct {
	StrictSandbox bool `json:"strictSandbox,omitempty"` // a false clock and no randomness
}

// Workflow limits workflows; 0 means no limit.
type Workflow struct {
	MaxConcurrentWorkflowInvocations       int32              `json:"maxConcurrentWorkflowInvocations,omitempty"`
	MaxConcurrentActivityInvocations       int32              `json:"maxConcurrentActivityInvocations,omitempty"`
	GlobalMaxConcurrentWorkflowInvocations int32              `json:"globalMaxConcurrentWorkflowInvocations,omitempty"`
	GlobalMaxConcurrentActivityInvocations int32              `json:"globalMaxConcurrentActivityInvocations,omitempty"`
	WorkflowConcurrencyLimits              []ConcurrencyLimit `json:"workflowConcurrencyLimits,omitempty"`
	ActivityConcurrencyLimits              []ConcurrencyLimit `json:"activityConcurrencyLimits,omitempty"`
	StateRetentionPolicy                   StateRetention     `json:"stateRetentionPolicy,omitzero"`
}

// ConcurrencyLimit limits one workflow or activity.
type ConcurrencyLimit struct {
	Name          string `json:"name"`
	MaxConcurrent int32  `json:"maxConcurrent"`
}

// StateRetention says how long finished workflows are kept; nil means for ever.
type StateRetention struct {
	AnyTerminal *time.Duration `json:"anyTerminal,omitempty"`
	Completed   *time.Duration `json:"completed,omitempty"`
	Failed      *time.Duration `json:"failed,omitempty"`
	Terminated  *time.Duration `json:"terminated,omitempty"`
}

// Secure reports whether the connection to the collector is encrypted.
func (o Otel) Secure() bool { return o.IsSecure == nil || *o.IsSecure }

// On reports whether there are metrics at all.
func (m Metrics) On() bool { return m.Enabled == nil || *m.Enabled }

// ErrorCodes reports whether error codes are counted.
func (m Metrics) ErrorCodes() bool { return m.RecordErrorCodes != nil && *m.RecordErrorCodes }

// Cardinality reports whether the HTTP metrics have a label for the path.
func (m Metrics) Cardinality() bool {
	return m.HTTP == nil || m.HTTP.IncreasedCardinality == nil || *m.HTTP.IncreasedCardinality
}

// Verbs reports whether the HTTP metrics have a label for the method.
func (m Metrics) Verbs() bool {
	return m.HTTP == nil || m.HTTP.ExcludeVerbs == nil || !*m.HTTP.ExcludeVerbs
}

// FeatureEnabled reports whether a feature is on; standard is what holds when the
// configuration does not mention it.
func (c *Configuration) FeatureEnabled(name string, standard bool) bool {
	for _, f := range c.Spec.Features {
		if f.Name == name {
			standard = f.Enabled
		}
	}
	return standard
}

// Denies reports whether components of this type and version are forbidden. A rule
// for the initial version counts for every spelling of it.
func (r ComponentRules) Denies(typ, version string) bool {
	return slices.ContainsFunc(r.Deny, func(rule string) bool {
		t, v, hasVersion := strings.Cut(rule, "/")
		if !strings.EqualFold(t, typ) {
			return false
		}
		return !hasVersion || strings.EqualFold(v, version) || IsInitialVersion(v) && IsInitialVersion(version)
	})
}

// Allows reports whether the app may read the secret. A list of allowed secrets
// leaves nothing else; the denied ones count only without it.
func (s SecretScope) Allows(secret string) bool {
	if len(s.AllowedSecrets) > 0 {
		return slices.Contains(s.AllowedSecrets, secret)
	}
	return !slices.Contains(s.DeniedSecrets, secret) && !strings.EqualFold(s.DefaultAccess, "deny")
}
