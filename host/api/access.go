package api

// Access lists the APIs that are switched on and off, as spec.api of a
// Configuration does. With an empty Allowed every API is on; Denied wins.
type Access struct {
	Allowed, Denied []AccessRule
}

// AccessRule names a group of APIs.
type AccessRule struct {
	Name     string // the group: "state", "metadata", "invoke", "shutdown"
	Version  string // "v1", "v1alpha1", "v1beta1", "v1alpha2"; Dapr's older "v1.0" and "v1.0-alpha1" mean the same
	Protocol string // "http" or "grpc", in any case
}

// CallLog says what is logged of each call.
type CallLog struct {
	Enabled bool
	// ObfuscateURLs logs the name of the API, such as "GetState", in place of the path.
	ObfuscateURLs bool
	// OmitHealthChecks leaves calls of healthz out.
	OmitHealthChecks bool
}
