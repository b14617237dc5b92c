package state_test

import (
	"context"
	"fmt"
	"strconv"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
	"github.com/berth-run/berth/sdk-guest/go/state/statetest"
)

// counter is a whole state store: it keeps values with the number of their
// writes as ETag.
type counter struct {
	values map[string][]byte
	writes map[string]int
}

func (c *counter) Init(context.Context, *berth.Init) error {
	c.values, c.writes = map[string][]byte{}, map[string]int{}
	return nil
}

func (c *counter) etag(key string) string { return strconv.Itoa(c.writes[key]) }

func (c *counter) Get(_ context.Context, req *state.GetRequest) (*state.GetResponse, error) {
	v, ok := c.values[req.Key]
	if !ok {
		return nil, nil // a missing item is no error
	}
	return &state.GetResponse{Data: v, Etag: &state.Etag{Value: c.etag(req.Key)}}, nil
}

func (c *counter) Set(_ context.Context, req *state.SetRequest) error {
	if req.Etag != nil && req.Etag.Value != c.etag(req.Key) {
		return berth.NewError(berth.ETagMismatch, "the item is at "+c.etag(req.Key))
	}
	c.values[req.Key] = req.Value
	c.writes[req.Key]++
	return nil
}

func (c *counter) Delete(_ context.Context, req *state.DeleteRequest) error {
	delete(c.values, req.Key)
	return nil
}

// In the module itself, an init function has: state.Register(&counter{})

func Example() {
	s, err := statetest.Open(&counter{}, nil) // in a test: statetest.New
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, etag := range []string{"0", "0", "1"} {
		err := s.Set(&state.SetRequest{Key: "k", Value: []byte("v"), Etag: &state.Etag{Value: etag}})
		fmt.Println("etag", etag, "gives", err)
	}
	// Output:
	// etag 0 gives <nil>
	// etag 0 gives the item is at 1
	// etag 1 gives <nil>
}
