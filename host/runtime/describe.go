package runtime

import (
	"slices"

	"github.com/berth-run/berth/host/api"
	"github.com/berth-run/berth/host/guest"
)

// Components lists the components that are ready, as Dapr's metadata does.
func (g *Graph) Components() []api.Component {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []api.Component
	for _, n := range g.nodes {
		if n.loaded == nil {
			continue
		}
		c := n.component
		out = append(out, api.Component{Name: c.Name, Type: c.Type, Version: c.Version, Capabilities: capabilities(n.loaded)})
	}
	return out
}

// capabilities are a component's features, and ACTOR for a state store that actors can use.
func capabilities(c *guest.Component) []string {
	out := slices.Clone(c.Features())
	if c.Kind() == "state" && slices.Contains(out, "TRANSACTIONAL") && slices.Contains(out, "ETAG") {
		out = append(out, "ACTOR")
	}
	return out
}

// Plugins describes what runs behind every component, also behind those that
// are not ready or failed.
func (g *Graph) Plugins() []api.Plugin {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]api.Plugin, 0, len(g.nodes))
	for _, n := range g.nodes {
		c := n.component
		p := api.Plugin{Component: c.Name, Type: c.Type, Version: c.Version, State: string(n.phase), LastError: n.err, Digest: n.digest}
		if n.plugin != nil {
			p.Release = n.plugin.Manifest.Version
		}
		if n.loaded != nil {
			s := n.loaded.Stats()
			p.Instances, p.Memory, p.Calls, p.Errors, p.Traps, p.Restarts = s.Instances, s.MemoryBytes, s.Calls, s.Errors, s.Traps, s.Restarts
			p.LastError = s.LastError
			times := n.loaded.Times()
			p.Load = &api.PluginLoad{
				Cached: n.loaded.ModuleInfo().Cached, Compile: times.Compile.Seconds(), Start: times.Start.Seconds(),
			}
			if n.phase == Ready && s.Instances == 0 {
				p.State = string(Poisoned)
			}
		}
		out = append(out, p)
	}
	return out
}
