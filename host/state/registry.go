package state

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Registry holds the state stores of a sidecar by name. Lookups never wait,
// also while a store is being put or removed; a call that has found a store
// keeps it, so that the owner drains a store after it has replaced it.
type Registry struct {
	mu     sync.Mutex // serialises writers
	stores atomic.Pointer[map[string]*Store]
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	r := new(Registry)
	r.stores.Store(&map[string]*Store{})
	return r
}

// Get finds a store.
func (r *Registry) Get(name string) (*Store, bool) {
	s, ok := (*r.stores.Load())[name]
	return s, ok
}

// Len is how many stores there are.
func (r *Registry) Len() int { return len(*r.stores.Load()) }

// Names lists the stores in order.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(*r.stores.Load())) }

// Put adds a store under its name and returns the one that it takes the place of, or nil.
func (r *Registry) Put(s *Store) (old *Store) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(*r.stores.Load())
	old = next[s.name]
	next[s.name] = s
	r.stores.Store(&next)
	return old
}

// Remove takes a store out and returns it, or nil when there was none.
func (r *Registry) Remove(name string) (old *Store) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(*r.stores.Load())
	old = next[name]
	delete(next, name)
	r.stores.Store(&next)
	return old
}
