package resource

import (
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ConfigOptions says which Configuration files to read.
type ConfigOptions struct {
	Paths     []string // each is laid over the ones before
	Strict    bool
	LookupEnv LookupEnv // for $NAME and ${NAME} in the files
}

// LoadConfiguration reads the files of --config. Without a path it returns the
// defaults. When a problem is an error, the Configuration is good for display only.
func LoadConfiguration(o ConfigOptions) (*Configuration, Problems) {
	c := defaultConfiguration()
	var problems Problems
	for _, path := range o.Paths {
		data, err := os.ReadFile(path)
		if err != nil {
			l := loading{}
			l.readError(path, err)
			problems = append(problems, l.problems...)
			continue
		}
		problems = append(problems, c.overlay(path, data, o.LookupEnv.orSystem())...)
	}
	return c.finish(problems, o.Strict)
}

// ParseConfiguration reads one file that is already in memory.
func ParseConfiguration(path string, data []byte, o ConfigOptions) (*Configuration, Problems) {
	c := defaultConfiguration()
	return c.finish(c.overlay(path, data, o.LookupEnv.orSystem()), o.Strict)
}

func defaultConfiguration() *Configuration {
	c := &Configuration{}
	c.Spec.AccessControl.TrustDomain = "public"
	return c
}

// overlay lays one file over c.
func (c *Configuration) overlay(path string, data []byte, lookup LookupEnv) Problems {
	env := expand(string(data), lookup)
	docs := split([]byte(env.text))
	var r reader
	r.secrets = env.values
	var root *node
	var err error
	// Dapr reads the first document, which may follow a comment and a "---".
	for len(docs) > 0 && root == nil && err == nil {
		root, err = r.read(docs[0])
		docs = docs[1:]
	}
	if err != nil {
		return Problems{syntaxProblem(path, err)}
	}
	d := &decoder{file: path, resource: "Configuration", yamlText: true}
	for _, u := range env.unset {
		d.reportAt(place{u.line, 0}, CodeEnvUnset, "",
			"the variable "+quote(u.name)+" is not set; the text "+quote("$"+u.name)+" becomes empty", "")
	}
	if root == nil {
		return d.problems
	}
	if len(docs) > 0 {
		d.reportAt(place{docs[0].line, 1}, CodeIgnoredText, "", "only the first document of a configuration file is read",
			"give the other one in a file of its own, with another --config")
	}
	d.configuration(root, c)
	for _, e := range r.repeated { // yaml.v3 refuses the file
		d.reportAt(place{e.line, e.column}, CodeSyntax, "", e.shown()+" appears twice in one mapping", "")
	}
	r.repeated = nil
	r.report(d)
	return d.problems
}

func (d *decoder) configuration(root *node, c *Configuration) {
	if root.shape == mapShape {
		if meta := root.find("metadata", false); meta != nil && meta.shape == mapShape {
			if name := meta.find("name", false); name != nil && name.shape == scalarShape && !name.hidden {
				d.resource += "/" + printable(name.text)
			}
		}
		d.configurationKind(root)
	}
	doc := configurationDoc{Spec: c.Spec}
	d.run(root, &doc)
	c.Spec = doc.Spec
	if doc.Metadata.Name != "" {
		c.Name, c.Namespace = doc.Metadata.Name, doc.Metadata.Namespace
	}
	d.checkTracing(c.Spec.Tracing)
	d.checkAccess(c.Spec.AccessControl)
	d.checkSecretScopes(c.Spec.Secrets)
	d.checkPipeline("spec.httpPipeline", c.Spec.HTTPPipeline)
	d.checkPipeline("spec.appHttpPipeline", c.Spec.AppHTTPPipeline)
	d.checkAPI("spec.api.allowed", c.Spec.API.Allowed)
	d.checkAPI("spec.api.denied", c.Spec.API.Denied)
	d.checkFeatures(c.Spec.Features)
	d.checkDurations(c.Spec.MTLS)
}

// configurationKind warns when the file is something else. Dapr does not look.
func (d *decoder) configurationKind(root *node) {
	for _, want := range []struct{ key, value string }{{"kind", "Configuration"}, {"apiVersion", group + "/v1alpha1"}} {
		n := root.find(want.key, false)
		if n == nil || n.shape == scalarShape && n.text == want.value {
			continue
		}
		d.reportAt(place{n.line, n.column}, CodeUnknownKind, want.key, "want "+want.value+" in a configuration file", "")
	}
}

// written reports whether the document at hand sets a field: what an earlier file
// set has been checked.
func (d *decoder) written(path string) bool {
	_, ok := d.places[path]
	return ok
}

func (d *decoder) checkTracing(t Tracing) {
	if p := "spec.tracing.samplingRate"; d.written(p) && t.SamplingRate != "" {
		if f, err := strconv.ParseFloat(t.SamplingRate, 64); err != nil {
			d.report(CodeIgnoredValue, p, "not a number; the default rate is used", "write a number from 0 to 1")
		} else if !(f >= 0 && f <= 1) {
			d.report(CodeIgnoredValue, p, "not from 0 to 1", "1 traces every request, 0 none")
		}
	}
	if p := "spec.tracing.otel.protocol"; d.written(p) && t.Otel.Protocol != "" && t.Otel.Protocol != "http" && t.Otel.Protocol != "grpc" {
		d.report(CodeBadValue, p, "want http or grpc", "")
	}
}

func (d *decoder) checkAction(path, action string) {
	if d.written(path) && action != "" && !strings.EqualFold(action, "allow") && !strings.EqualFold(action, "deny") {
		d.report(CodeBadValue, path, "want allow or deny", "")
	}
}

func (d *decoder) checkAccess(a AccessControl) {
	const path = "spec.accessControl"
	d.checkAction(path+".defaultAction", a.DefaultAction)
	if !d.written(path + ".policies") {
		return
	}
	for i, policy := range a.Policies {
		p := path + ".policies[" + strconv.Itoa(i) + "]"
		d.checkAction(p+".defaultAction", policy.DefaultAction)
		// Dapr refuses a policy without these three.
		for _, f := range []struct{ key, value string }{
			{"appId", policy.AppID}, {"trustDomain", policy.TrustDomain}, {"namespace", policy.Namespace}} {
			if f.value == "" {
				d.missing(p + "." + f.key)
			}
		}
		for j, op := range policy.Operations {
			o := p + ".operations[" + strconv.Itoa(j) + "]"
			d.checkAction(o+".action", op.Action)
			if op.Name == "" {
				d.missing(o + ".name")
			}
		}
	}
}

func (d *decoder) checkSecretScopes(s SecretScopes) {
	if !d.written("spec.secrets.scopes") {
		return
	}
	seen := map[string]bool{}
	for i, scope := range s.Scopes {
		p := "spec.secrets.scopes[" + strconv.Itoa(i) + "]"
		d.checkAction(p+".defaultAccess", scope.DefaultAccess)
		switch {
		case scope.StoreName == "":
			d.missing(p + ".storeName")
		case seen[scope.StoreName]:
			d.report(CodeBadValue, p+".storeName", "the store has a scope already", "")
		}
		seen[scope.StoreName] = true
	}
}

func (d *decoder) checkPipeline(path string, pipeline Pipeline) {
	if !d.written(path + ".handlers") {
		return
	}
	for i, h := range pipeline.Handlers {
		p := path + ".handlers[" + strconv.Itoa(i) + "]"
		if h.Name == "" {
			d.missing(p + ".name")
		}
		if h.Type == "" {
			d.missing(p + ".type")
		}
	}
}

func (d *decoder) checkAPI(path string, rules []APIRule) {
	if !d.written(path) {
		return
	}
	for i, r := range rules {
		p := path + "[" + strconv.Itoa(i) + "]"
		if r.Name == "" {
			d.missing(p + ".name")
		}
		if r.Version == "" {
			d.missing(p + ".version")
		}
		if !strings.EqualFold(r.Protocol, "http") && !strings.EqualFold(r.Protocol, "grpc") {
			d.report(CodeIgnoredValue, p+".protocol", "the rule has no effect: want http or grpc", "")
		}
	}
}

// knownFeatures are the features of Dapr's runtime that a configuration may name.
var knownFeatures = []string{
	"ActorStateTTL", "HotReload", "SchedulerReminders", "WorkflowsClusteredDeployment",
	"WorkflowsRemoteActivityReminder", "WorkflowHistorySigning", "WorkflowsFastPath",
}

func (d *decoder) checkFeatures(features []Feature) {
	if !d.written("spec.features") {
		return
	}
	for i, f := range features {
		p := "spec.features[" + strconv.Itoa(i) + "].name"
		if f.Name == "" {
			d.missing(p)
		} else if n := nearest(f.Name, knownFeatures); n != "" && !slices.Contains(knownFeatures, f.Name) {
			// Features come and go with versions: only what looks misspelt is worth a word.
			d.report(CodeIgnoredValue, p, "there is no such feature", "did you mean "+n+"?")
		}
	}
}

func (d *decoder) checkDurations(m MTLS) {
	for _, f := range []struct{ key, value string }{
		{"workloadCertTTL", m.WorkloadCertTTL}, {"allowedClockSkew", m.AllowedClockSkew}} {
		p := "spec.mtls." + f.key
		if _, err := time.ParseDuration(f.value); err != nil && f.value != "" && d.written(p) {
			d.report(CodeBadValue, p, "not a duration", "write it with a unit: 24h, 15m")
		}
	}
}

func (c *Configuration) finish(problems Problems, strict bool) (*Configuration, Problems) {
	c.mergeMetrics()
	for i := range c.Spec.Secrets.Scopes {
		slices.Sort(c.Spec.Secrets.Scopes[i].AllowedSecrets)
		slices.Sort(c.Spec.Secrets.Scopes[i].DeniedSecrets)
	}
	if strict {
		problems = problems.Strict()
	}
	return c, problems.Sort()
}

// mergeMetrics lets spec.metrics win over spec.metric, field by field.
func (c *Configuration) mergeMetrics() {
	from, to := c.Spec.Metrics, &c.Spec.Metric
	if from.Enabled != nil {
		to.Enabled = from.Enabled
	}
	if from.RecordErrorCodes != nil {
		to.RecordErrorCodes = from.RecordErrorCodes
	}
	if from.HTTP != nil {
		to.HTTP = from.HTTP
	}
	if from.LatencyDistributionBuckets != nil {
		to.LatencyDistributionBuckets = from.LatencyDistributionBuckets
	}
	if from.Workflow.LatencyDistributionBuckets != nil {
		to.Workflow.LatencyDistributionBuckets = from.Workflow.LatencyDistributionBuckets
	}
	if from.Workflow.Units != "" {
		to.Workflow.Units = from.Workflow.Units
	}
	if len(from.Rules) > 0 {
		to.Rules = from.Rules
	}
	c.Spec.Metrics = Metrics{}
}

func (h *OtelHeaders) decodeNode(d *decoder, n *node, path string) {
	var out OtelHeaders
	add := func(n *node, s string) {
		if k, _, ok := strings.Cut(s, "="); !ok || strings.TrimSpace(k) == "" {
			d.reportAt(place{n.line, n.column}, CodeBadValue, path, "a header is written name=value", "")
			return
		}
		out = append(out, strings.TrimSpace(s))
	}
	switch {
	case n.shape == listShape:
		for _, item := range n.items {
			if item.shape != scalarShape {
				d.wrongType(item, path, "a string name=value")
				continue
			}
			add(item, item.text)
		}
	case n.shape == scalarShape && n.scalar == nil:
		return
	case n.shape == scalarShape:
		for part := range strings.SplitSeq(n.text, ",") {
			if strings.TrimSpace(part) != "" {
				add(n, part)
			}
		}
	default:
		d.wrongType(n, path, "a list of strings name=value")
		return
	}
	*h = out
}

func (t *OtelTimeout) decodeNode(d *decoder, n *node, path string) {
	if i, ok := n.scalar.(int64); ok && n.shape == scalarShape {
		const limit = int64(24 * time.Hour / time.Millisecond)
		if i < 0 || i > limit {
			d.reportAt(place{n.line, n.column}, CodeBadValue, path, "want 0 to 86400000 milliseconds", "")
			return
		}
		*t = OtelTimeout(time.Duration(i) * time.Millisecond)
		return
	}
	var v time.Duration
	d.decode(n, reflect.ValueOf(&v).Elem(), path)
	if v != 0 {
		*t = OtelTimeout(v)
	}
}
