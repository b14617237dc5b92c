package runtime

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/resource"
	"github.com/berth-run/berth/host/state"
	"github.com/berth-run/berth/plugins/catalog"
)

// kinds are the building blocks of this version.
var kinds = []string{"state"}

// denies reports whether an entry of spec.components.deny names the component.
func denies(entry string, c *resource.Component) bool {
	typ, version, pinned := strings.Cut(entry, "/")
	if !strings.EqualFold(typ, c.Type) {
		return false
	}
	return !pinned || strings.EqualFold(version, c.Version) ||
		resource.IsInitialVersion(version) && resource.IsInitialVersion(c.Version)
}

// prepare finds a component's plugin and checks the metadata against its
// manifest. Nothing is run or compiled.
func (g *Graph) prepare(n *node) resource.Problems {
	c := n.component
	g.enter(n, Reading)
	problems := g.find(n)
	if len(problems) == 0 {
		g.enter(n, Verifying)
		problems = c.Check(schema(n.plugin.Manifest))
		if g.cfg.Strict {
			problems = problems.Strict()
		}
	}
	g.enter(n, Waiting)
	g.fail(n, problems)
	return problems
}

func (g *Graph) find(n *node) resource.Problems {
	c := n.component
	supported := false
	for _, k := range kinds {
		supported = supported || k == c.Kind()
	}
	if !supported {
		return resource.Problems{problem(c, CodeKind, "spec.type",
			"components of kind "+c.Kind()+" are not supported by this version", "remove the component, or set spec.ignoreErrors: true to start without it")}
	}
	if _, err := g.cfg.Engine(c.Sandbox.Engine); err != nil {
		return resource.Problems{problem(c, CodeEngine, "spec.metadata[wasm.engine]", err.Error(), "")}
	}
	box := c.Sandbox
	plugin, err := g.cfg.Catalog.Find(catalog.Query{
		Type: c.Type, Version: c.Version, URL: box.URL, Digest: box.Digest, Dir: filepath.Dir(c.File),
	})
	if err != nil {
		return refusals(c, err)
	}
	g.mu.Lock()
	n.plugin = plugin
	g.mu.Unlock()
	for _, key := range inert(box) {
		g.log.Warn(key+" has no effect in this version", "component", c.Name, "file", c.File)
	}
	return nil
}

// inert lists the wasm. keys that are set and have no effect yet.
func inert(s resource.Sandbox) (keys []string) {
	for _, k := range []struct {
		name string
		set  bool
	}{
		{"wasm.allow.net", len(s.AllowNet) > 0}, {"wasm.allow.http", len(s.AllowHTTP) > 0}, {"wasm.allow.fs", len(s.AllowFS) > 0},
		{"wasm.allow.env", len(s.AllowEnv) > 0}, {"wasm.allow.secrets", len(s.AllowSecrets) > 0},
	} {
		if k.set {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// schema is what a manifest says of the metadata.
func schema(m *proto.Manifest) resource.Schema {
	s := resource.Schema{Fields: make([]resource.Field, 0, len(m.Metadata))}
	for i := range m.Metadata {
		f := &m.Metadata[i]
		field := resource.Field{
			Name: f.Name, Type: f.Type, Required: f.Required, Sensitive: f.Sensitive, Default: f.Default,
			Description: f.Description, Example: f.Example, AllowedValues: f.AllowedValues, Aliases: f.Aliases,
		}
		if f.Deprecated {
			field.Deprecated = cmp.Or(f.Description, "it has no effect")
		}
		s.Fields = append(s.Fields, field)
	}
	return s
}

// start resolves a component's metadata, loads its plugin and puts it into
// use. The problems have been noted at the node.
func (g *Graph) start(ctx context.Context, n *node) (problems resource.Problems) {
	c := n.component
	defer func() { g.fail(n, problems) }()
	for _, needed := range n.needs {
		if g.phase(needed) != Ready {
			return resource.Problems{problem(c, CodeNeeds, "auth.secretStore",
				"the secret store "+needed.component.Name+" did not start", "")}
		}
	}
	s := schema(n.plugin.Manifest)
	properties, problems := c.Properties(ctx, resource.Resolution{
		AppID: g.cfg.AppID, Namespace: g.cfg.Namespace, PodName: g.cfg.PodName, LookupEnv: g.cfg.LookupEnv, Schema: &s,
	})
	problems = append(problems, c.CheckResolved(s, properties)...)
	if g.cfg.Strict {
		problems = problems.Strict()
	}
	if len(problems.Errors()) > 0 {
		return problems
	}
	g.enter(n, Compiling)
	began := time.Now()
	loaded, err := g.load(ctx, n, properties)
	if err != nil {
		return append(problems, failures(c, err)...)
	}
	if err := g.use(n, loaded, properties); err != nil {
		if cerr := loaded.Close(ctx); cerr != nil {
			g.log.Warn("closing a component that is not used", "component", c.Name, "error", cerr)
		}
		return append(problems, failures(c, err)...)
	}
	info, times := loaded.ModuleInfo(), loaded.Times()
	g.log.Debug("component is ready", "component", c.Name, "plugin", n.plugin.Source, "digest", loaded.Digest(),
		"cached", info.Cached, "compile", times.Compile, "start", times.Start, "took", time.Since(began))
	g.log.Info("Component loaded: " + c.String())
	return problems
}

func (g *Graph) load(ctx context.Context, n *node, properties map[string]string) (*guest.Component, error) {
	c, box := n.component, n.component.Sandbox
	eng, err := g.cfg.Engine(box.Engine)
	if err != nil {
		return nil, err
	}
	wasm, err := n.plugin.Wasm()
	if err != nil {
		return nil, err
	}
	digest, err := n.plugin.Digest() // of the bytes just read
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	n.digest = digest
	g.mu.Unlock()
	maxMessage := g.cfg.MaxMessage
	if box.MaxMessage > 0 {
		maxMessage = int(box.MaxMessage)
	}
	return guest.Load(ctx, guest.Plugin{Manifest: n.plugin.Manifest, Wasm: wasm, Digest: digest}, guest.Config{
		Name: c.Name, Type: c.Type, AppID: g.cfg.AppID, Namespace: g.cfg.Namespace,
		Properties: properties, Secrets: secrets(c, properties), Engine: eng,
		Logger: g.cfg.Log.With("scope", "dapr.components"),
		Limits: guest.Limits{
			Memory: uint64(box.Memory), MaxMessage: maxMessage, MinInstances: box.MinInstances, MaxInstances: box.MaxInstances, MaxQueue: box.MaxQueue,
			MaxCalls: uint64(box.MaxCalls), CallTimeout: box.CallTimeout, InitTimeout: c.InitTimeout, LogRate: box.LogRate,
		},
	})
}

// secrets are the values that must not be shown.
func secrets(c *resource.Component, properties map[string]string) []string {
	var out []string
	for _, m := range c.Metadata {
		if m.SecretKeyRef != nil {
			for name, v := range properties {
				if strings.EqualFold(name, m.Name) {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// use makes a building block of a loaded component.
func (g *Graph) use(n *node, loaded *guest.Component, properties map[string]string) error {
	c := n.component
	client, ok := loaded.State()
	if !ok {
		return fmt.Errorf("the plugin %s is a %s, not a state store", n.plugin.Manifest.Name, loaded.Kind())
	}
	refs := map[string]string{}
	for _, m := range c.Metadata {
		if m.SecretKeyRef != nil {
			refs[m.Name] = m.SecretKeyRef.Name
		}
	}
	store, err := state.New(client, state.Config{
		Name: c.Name, AppID: g.cfg.AppID, Namespace: g.cfg.Namespace, Metadata: properties, Secrets: refs,
	})
	if err != nil {
		return err
	}
	g.mu.Lock()
	n.loaded, n.phase = loaded, Ready
	g.mu.Unlock()
	g.states.Put(store)
	return nil
}
