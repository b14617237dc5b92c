package resource

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parseConfig(t *testing.T, spec string) *Configuration {
	t.Helper()
	c, problems := ParseConfiguration("x.yaml", []byte("spec: "+spec), ConfigOptions{Strict: true})
	if len(problems) > 0 {
		t.Fatal(problems.Err())
	}
	return c
}

func TestConfigurationDefaults(t *testing.T) {
	c, problems := LoadConfiguration(ConfigOptions{})
	if len(problems) > 0 {
		t.Fatal(problems.Err())
	}
	s := c.Spec
	got := map[string]bool{
		"metrics": s.Metric.On(), "cardinality": s.Metric.Cardinality(), "verbs": s.Metric.Verbs(),
		"error codes": s.Metric.ErrorCodes(), "secure": s.Tracing.Otel.Secure(),
		"hot reload": c.FeatureEnabled("HotReload", true), "other feature": c.FeatureEnabled("Other", false),
	}
	want := map[string]bool{
		"metrics": true, "cardinality": true, "verbs": true, "error codes": false, "secure": true, "hot reload": true, "other feature": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s.AccessControl.TrustDomain != "public" || s.AccessControl.DefaultAction != "" {
		t.Errorf("got access control %+v", s.AccessControl)
	}
}

func TestConfigurationSwitches(t *testing.T) {
	c := parseConfig(t, `
  metrics: {enabled: off, recordErrorCodes: true, http: {increasedCardinality: false, excludeVerbs: yes}}
  tracing: {otel: {isSecure: false, timeout: 250}}
  features: [{name: HotReload, enabled: false}, {name: HotReload, enabled: true}, {name: ActorStateTTL, enabled: "no"}]`)
	s := c.Spec
	if s.Metric.On() || !s.Metric.ErrorCodes() || s.Metric.Cardinality() || s.Metric.Verbs() || s.Tracing.Otel.Secure() {
		t.Errorf("got %+v %+v", s.Metric, s.Tracing)
	}
	if got := time.Duration(s.Tracing.Otel.Timeout); got != 250*time.Millisecond {
		t.Errorf("got timeout %v, want 250ms", got)
	}
	if !c.FeatureEnabled("HotReload", true) || c.FeatureEnabled("ActorStateTTL", true) {
		t.Errorf("got features %+v", s.Features)
	}
}

func TestSecretScopeAllows(t *testing.T) {
	scopes := parseConfig(t, `
  secrets:
    scopes:
    - {storeName: all}
    - {storeName: none, defaultAccess: Deny}
    - {storeName: some, defaultAccess: deny, allowedSecrets: [z, a], deniedSecrets: [a]}
    - {storeName: butOne, deniedSecrets: [a]}`).Spec.Secrets.Scopes
	want := map[string][2]bool{"all": {true, true}, "none": {false, false}, "some": {true, false}, "butOne": {false, true}}
	got := map[string][2]bool{}
	for _, s := range scopes {
		got[s.StoreName] = [2]bool{s.Allows("a"), s.Allows("b")}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestComponentRulesDenies(t *testing.T) {
	rules := parseConfig(t, "{components: {deny: [bindings.smtp, state.redis/v1, state.x/v2]}}").Spec.Components
	for _, tt := range []struct {
		typ, version string
		want         bool
	}{
		{"bindings.smtp", "", true}, {"bindings.smtp", "v7", true}, {"Bindings.SMTP", "v1", true},
		{"state.redis", "", true}, {"state.redis", "v0", true}, {"state.redis", "V1", true}, {"state.redis", "v2", false},
		{"state.x", "v2", true}, {"state.x", "", false}, {"state.y", "v1", false},
	} {
		t.Run(tt.typ+"/"+tt.version, func(t *testing.T) {
			if got := rules.Denies(tt.typ, tt.version); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestComponentKind(t *testing.T) {
	for typ, want := range map[string]string{
		"state.redis": "state", "middleware.http.bearer": "middleware", "secretstores.local.file": "secretstores",
		"crypto.dapr.jwks": "crypto", "redis": "", "state.": "", "State.redis": "", ".redis": "", "nameresolution.mdns": "",
	} {
		if got := (&Component{Type: typ}).Kind(); got != want {
			t.Errorf("%s: got %q, want %q", typ, got, want)
		}
	}
}

func TestRuntimeFields(t *testing.T) {
	for _, kind := range componentKinds {
		for _, f := range RuntimeFields(kind) {
			if f.Name == "" || f.Description == "" {
				t.Errorf("%s: incomplete field %+v", kind, f)
			}
		}
	}
	if len(RuntimeFields("state")) == 0 || len(RuntimeFields("nothing")) != 0 {
		t.Error("the table is keyed by kind")
	}
}
