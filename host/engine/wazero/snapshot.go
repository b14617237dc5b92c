package wazero

import (
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/berth-run/berth/host/engine"
)

// snapshot is an instance's memory and mutable globals. Tables are as the
// module declares them: a module that changes them is not snapshot.
type snapshot struct {
	module  *module
	image   image
	globals []uint64 // in the order of rewrite.Result.Globals
}

// Snapshot takes the state of an idle instance of m.
func (m *module) Snapshot(i engine.Instance) (engine.Snapshot, error) {
	in, ok := i.(*instance)
	if !ok || in.module != m {
		return nil, fmt.Errorf("component %s: snapshot of another module's instance", m.name)
	}
	if reason := m.rewritten.Snapshot; reason != nil {
		return nil, fmt.Errorf("component %s: %w: %w", m.name, errors.ErrUnsupported, reason)
	}
	s := &snapshot{module: m, globals: make([]uint64, len(m.rewritten.Globals))}
	for j, name := range m.rewritten.Globals {
		s.globals[j] = in.mod.ExportedGlobal(name).Get()
	}
	var err error
	if s.image, err = m.memories.snapshot(in.Memory()); err != nil {
		return nil, fmt.Errorf("component %s: %w", m.name, err)
	}
	return s, nil
}

func (s *snapshot) Size() int { return s.image.size() }

func (s *snapshot) CopyOnWrite() bool { return s.image.copyOnWrite() }

func (s *snapshot) Close() error { return s.image.Close() }

// Clone makes an instance whose data segments are not written again: the image holds what became of them.
func (s *snapshot) Clone() (engine.Instance, error) {
	m := s.module
	in, err := m.instantiate(s.image.memory)
	if err != nil {
		return nil, fmt.Errorf("component %s: cloning: %w", m.name, err)
	}
	if missing := uint64(s.image.size()) - uint64(in.memory.Size()); missing > 0 {
		if _, ok := in.memory.Grow(uint32(missing / pageSize)); !ok {
			return nil, errors.Join(fmt.Errorf("component %s: cloning: memory of %d bytes is over the limit", m.name, s.image.size()), in.Close())
		}
	}
	for j, name := range m.rewritten.Globals {
		g, ok := in.mod.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return nil, errors.Join(fmt.Errorf("component %s: cloning: global %s is not mutable", m.name, name), in.Close())
		}
		g.Set(s.globals[j])
	}
	return in, nil
}
