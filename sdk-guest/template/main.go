// Command store is the component state.acme: README.md says what it does.
package main

import (
	"context"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// store keeps its items in a map: plugin.yaml says "serial", so there is one
// instance, which serves one call at a time.
type store struct {
	prefix string
	items  map[string][]byte
}

func (s *store) Init(_ context.Context, in *berth.Init) error {
	s.prefix, s.items = in.Properties["itemPrefix"], map[string][]byte{}
	return nil
}

func (s *store) Get(_ context.Context, req *state.GetRequest) (*state.GetResponse, error) {
	return &state.GetResponse{Data: s.items[s.prefix+req.Key]}, nil
}

func (s *store) Set(_ context.Context, req *state.SetRequest) error {
	s.items[s.prefix+req.Key] = req.Value
	return nil
}

func (s *store) Delete(_ context.Context, req *state.DeleteRequest) error {
	delete(s.items, s.prefix+req.Key)
	return nil
}

func init() { state.Register(&store{}) }

func main() {} // never runs: the host calls the module's exports
