package guest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/engine/pool"
	"github.com/berth-run/berth/host/sandbox"
	"github.com/berth-run/berth/plugins/verify"
)

// Plugin is the artifact to load.
type Plugin struct {
	Manifest *proto.Manifest
	Wasm     []byte
	Digest   string // "sha256:" and hex
}

// Config is one configured component.
type Config struct {
	Name      string // what the operator called it
	Type      string // spec.type, such as "state.redis"
	AppID     string
	Namespace string
	// Properties is the metadata, resolved, without the keys that are the host's.
	Properties map[string]string
	// Secrets are values that must not show in logs and errors, beside those
	// of the fields that the manifest calls sensitive.
	Secrets []string
	Engine  engine.Engine
	Logger  *slog.Logger // nil discards
	Limits  Limits
}

// Limits bound a component. A zero takes the default that package pool,
// package engine or package sandbox names.
type Limits struct {
	Memory       uint64 // bytes of linear memory for an instance
	MaxMessage   int    // bytes of a request or response
	MinInstances int    // that stay when there is nothing to do
	MaxInstances int
	MaxQueue     int
	MaxCalls     uint64
	CallTimeout  time.Duration
	InitTimeout  time.Duration
	LogRate      int // lines a second
}

// Component is a loaded component. It is safe for concurrent use.
type Component struct {
	cfg      Config
	kind     string
	features []string
	manifest *proto.Manifest
	digest   string
	module   engine.Module
	sandbox  *sandbox.Sandbox
	pool     *pool.Pool
	redact   func(string) string
	loaded   LoadTimes
}

// LoadTimes is what the steps of a load took.
type LoadTimes struct{ Compile, Start time.Duration }

// Load verifies and compiles a plugin, starts its first instance and calls its
// Init. The error is a *Error when the component refused, a *engine.CompileError
// when the module is at fault, or one of package plugins.
func Load(ctx context.Context, p Plugin, cfg Config) (_ *Component, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	kind := kindOf(p.Manifest, cfg.Type)
	if kind == nil {
		return nil, fmt.Errorf("component %s: the plugin %s does not implement %s", cfg.Name, p.Manifest.Name, cfg.Type)
	}
	if err := verify.Check(p.Wasm, p.Manifest, verify.Current()); err != nil {
		return nil, fmt.Errorf("component %s: %w", cfg.Name, err)
	}
	if cfg.Limits.Memory == 0 {
		cfg.Limits.Memory = engine.DefaultMaxMemory
		if l := p.Manifest.Limits; l != nil {
			cfg.Limits.Memory = max(cfg.Limits.Memory, l.MinMemoryBytes, min(l.SuggestedMemoryBytes, 1<<30))
		}
	}
	c := &Component{cfg: cfg, kind: kind.Kind, features: kind.Features, manifest: p.Manifest, digest: p.Digest}
	c.redact = redactor(p.Manifest, cfg)
	c.sandbox = sandbox.New(sandbox.Config{
		Component: cfg.Name, Logger: cfg.Logger, LogRate: cfg.Limits.LogRate, Redact: c.redact,
		// Go guests keep their heap under this; others ignore it. The rest is for
		// what the collector does not count: pages that it released, which linear
		// memory cannot give back.
		Env: []string{"GOMEMLIMIT=" + strconv.FormatUint(cfg.Limits.Memory/100*80, 10)},
	})
	defer func() {
		if err != nil {
			if c.module != nil {
				err = errors.Join(err, c.module.Close())
			}
			c.sandbox.Close()
		}
	}()
	start := time.Now()
	c.module, err = cfg.Engine.Compile(ctx, engine.Config{
		Name: cfg.Name, Wasm: p.Wasm, Digest: p.Digest, Functions: c.sandbox.Functions(), MaxMemory: cfg.Limits.Memory,
	})
	if err != nil {
		return nil, err
	}
	compiled := time.Now()
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	c.loaded = LoadTimes{Compile: compiled.Sub(start), Start: time.Since(compiled)}
	return c, nil
}

func (c *Component) start(ctx context.Context) error {
	l, m := c.cfg.Limits, c.manifest.Concurrency
	if m == nil {
		m = &proto.ConcurrencyModel{}
	}
	if m.Mode == proto.ModeServe {
		return fmt.Errorf("component %s: the plugin %s wants mode serve, which this host version does not offer; build it for pool or serial", c.cfg.Name, c.manifest.Name)
	}
	if m.MaxInstances > 0 && (l.MaxInstances == 0 || l.MaxInstances > int(m.MaxInstances)) {
		l.MaxInstances = int(m.MaxInstances)
	}
	var err error
	c.pool, err = pool.New(ctx, pool.Config{
		Name: c.cfg.Name, Module: c.module, Host: host{c.sandbox}, Logger: c.cfg.Logger.With("component", c.cfg.Name),
		Serial:      m.Mode == proto.ModeSerial,
		Discarded:   c.discarded,
		InitTimeout: l.InitTimeout, CallTimeout: l.CallTimeout,
		MinInstances: l.MinInstances, MaxInstances: l.MaxInstances, MaxQueue: l.MaxQueue, MaxMessage: l.MaxMessage, MaxCalls: l.MaxCalls,
		MaxMemory: l.Memory / 4 * 3,
		Init: &proto.InitRequest{
			Metadata:      &proto.MetadataRequest{Properties: c.cfg.Properties},
			ComponentName: c.cfg.Name, ComponentType: c.cfg.Type,
			AppID: c.cfg.AppID, Namespace: c.cfg.Namespace, ABI: abi.Version,
		},
	})
	if err != nil {
		return c.wrap(abi.OpInit, err)
	}
	if f := c.pool.Features(); len(f) > 0 {
		c.features = f
	}
	return nil
}

// host hands the pool the sandbox's state for an instance.
type host struct{ s *sandbox.Sandbox }

func (h host) NewInstance() pool.State { return h.s.NewInstance() }

func kindOf(m *proto.Manifest, typ string) *proto.Kind {
	for i := range m.Kinds {
		k := &m.Kinds[i]
		if strings.EqualFold(k.Type, typ) {
			return k
		}
		for _, a := range k.Aliases {
			if strings.EqualFold(a, typ) {
				return k
			}
		}
	}
	return nil
}

// redactor hides secret values in what the guest says. Values of one or two
// characters would hide half of every text, and are not hidden.
func redactor(m *proto.Manifest, cfg Config) func(string) string {
	var pairs []string
	hide := func(v string) {
		if len(v) > 2 {
			pairs = append(pairs, v, "***")
		}
	}
	for _, v := range cfg.Secrets {
		hide(v)
	}
	for i := range m.Metadata {
		if f := &m.Metadata[i]; f.Sensitive {
			for k, v := range cfg.Properties {
				if strings.EqualFold(k, f.Name) {
					hide(v)
				}
			}
		}
	}
	if pairs == nil {
		return nil
	}
	return strings.NewReplacer(pairs...).Replace
}
