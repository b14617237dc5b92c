package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"slices"
	"sync"
	"time"

	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/resource"
	"github.com/berth-run/berth/host/state"
	"github.com/berth-run/berth/plugins/catalog"
)

// Config of a Graph.
type Config struct {
	AppID, Namespace, PodName string
	// Paths are folders of resources.
	Paths     []string
	Strict    bool
	LookupEnv resource.LookupEnv // nil = os.LookupEnv
	// Deny lists types, and types with a version behind a slash, that are not started.
	Deny []string

	Catalog *catalog.Catalog
	// Engine returns the engine of that name; "" = the sidecar's own.
	Engine func(name string) (engine.Engine, error)
	// MaxMessage is how many bytes a request or response of a component may
	// have when the component does not say; 0 = as package pool does.
	MaxMessage int
	// Log gets the components' own logs too; nil = nowhere.
	Log *slog.Logger
}

// Graph holds the components of a sidecar. Load is called once, Close once
// after it; the rest may be called at any time.
type Graph struct {
	cfg    Config
	log    *slog.Logger
	states *state.Registry

	mu    sync.Mutex // guards nodes and what is in them
	nodes []*node    // in the order of start
}

// node is one component. What changes is guarded by the graph's mu.
type node struct {
	component *resource.Component
	needs     []*node
	neededBy  []*node

	plugin *catalog.Plugin // set before the node is started
	phase  Phase
	digest string // of the plugin, once it was read
	err    string // why it failed
	loaded *guest.Component
}

// New returns a graph without components.
func New(cfg Config) *Graph {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Graph{cfg: cfg, log: cfg.Log.With("scope", "dapr.runtime.processor"), states: state.NewRegistry()}
}

// States holds the state stores that are ready.
func (g *Graph) States() *state.Registry { return g.states }

// Pending names the components that are neither ready nor given up.
func (g *Graph) Pending() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for _, n := range g.nodes {
		switch n.phase {
		case Waiting, Reading, Verifying, Compiling:
			out = append(out, n.component.Name)
		}
	}
	return out
}

// Load reads the resources and starts the components. The error is a
// *StartError, or the context's when that ended first. After an error too,
// Close has to be called.
func (g *Graph) Load(ctx context.Context) error {
	set, problems := resource.Load(resource.Options{
		Paths: g.cfg.Paths, AppID: g.cfg.AppID, Strict: g.cfg.Strict, LookupEnv: g.cfg.LookupEnv,
	})
	for _, w := range g.cfg.Catalog.Warnings() {
		g.log.Warn("plugin is not used: "+w.What, "file", w.Where, "code", string(w.Code), "hint", w.Hint)
	}
	for _, n := range set.Notes {
		g.log.Debug("not read", "file", n.File, "line", n.Line, "reason", n.Message)
	}
	for _, r := range set.Others {
		g.log.Warn(r.Kind+" resources have no effect in this version", "name", r.Name, "file", r.File)
	}
	nodes := link(g.allowed(set.Components))
	g.mu.Lock()
	g.nodes = nodes
	g.mu.Unlock()

	for _, n := range nodes {
		problems = append(problems, g.prepare(n)...)
	}
	problems = problems.Sort()
	g.warn(problems)
	if fatal := problems.Fatal(); len(fatal) > 0 {
		return &StartError{Problems: fatal}
	}

	var mu sync.Mutex
	var failures resource.Problems
	before := func(n *node) []*node { return n.needs }
	each(nodes, goruntime.GOMAXPROCS(0), before, func(n *node) {
		if ctx.Err() != nil || g.phase(n) == Failed {
			return
		}
		found := g.start(ctx, n)
		g.warn(found)
		mu.Lock()
		failures = append(failures, found.Fatal()...)
		mu.Unlock()
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(failures) > 0 {
		return &StartError{Problems: failures.Sort()}
	}
	return nil
}

// allowed leaves out what the configuration denies, as Dapr does: with a
// warning, not an error.
func (g *Graph) allowed(components []*resource.Component) []*resource.Component {
	if len(g.cfg.Deny) == 0 {
		return components
	}
	return slices.DeleteFunc(slices.Clone(components), func(c *resource.Component) bool {
		denied := slices.ContainsFunc(g.cfg.Deny, func(d string) bool { return denies(d, c) })
		if denied {
			g.log.Warn("component is denied by the configuration and left out", "component", c.Name, "componentType", c.Type)
		}
		return denied
	})
}

// warn logs what does not stop the start.
func (g *Graph) warn(problems resource.Problems) {
	for _, p := range problems {
		if p.Severity == resource.Error && !p.Ignorable {
			continue
		}
		text := p.Message
		if p.Severity == resource.Error {
			text = "component is left out, as its ignoreErrors asks for: " + text
		}
		args := []any{"code", string(p.Code)}
		for _, a := range []struct{ key, value string }{
			{"resource", p.Resource}, {"field", p.Field}, {"file", p.File}, {"hint", p.Hint},
		} {
			if a.value != "" {
				args = append(args, a.key, a.value)
			}
		}
		if p.Line > 0 {
			args = append(args, "line", p.Line)
		}
		g.log.Warn(text, args...)
	}
}

func (g *Graph) phase(n *node) Phase {
	g.mu.Lock()
	defer g.mu.Unlock()
	return n.phase
}

func (g *Graph) enter(n *node, p Phase) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n.phase = p
}

func (g *Graph) fail(n *node, problems resource.Problems) {
	errs := problems.Errors()
	if len(errs) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n.phase, n.err = Failed, errs[0].Message
}

// Close takes the components out of use, what others need last, lets calls
// that run end until ctx is done, and closes them. A component whose calls
// do not end is reported and left to the end of the process.
func (g *Graph) Close(ctx context.Context) error {
	g.mu.Lock()
	nodes := g.nodes
	g.mu.Unlock()
	var mu sync.Mutex
	var errs []error
	before := func(n *node) []*node { return n.neededBy }
	each(nodes, len(nodes), before, func(n *node) {
		if n.loaded == nil { // no start is under way any more
			g.enter(n, Closed)
			return
		}
		g.enter(n, Draining)
		g.states.Remove(n.component.Name)
		start := time.Now()
		if err := n.loaded.Close(ctx); err != nil {
			mu.Lock()
			errs = append(errs, fmt.Errorf("component %s: closing: %w", n.component.Name, err))
			mu.Unlock()
		}
		g.enter(n, Closed)
		g.log.Debug("Component closed: "+n.component.String(), "took", time.Since(start))
	})
	return errors.Join(errs...)
}
