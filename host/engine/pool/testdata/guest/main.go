// A state store for the tests of the pool: some keys do not read, they act.
package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

type store struct {
	items map[string][]byte
	gets  int
	rand  berth.Rand
	hoard [][]byte
}

func init() { state.Register(&store{}) }

func main() {}

func (s *store) Init(_ context.Context, in *berth.Init) error {
	s.items = map[string][]byte{}
	switch in.Properties["init"] {
	case "refuse":
		return berth.NewMetadataError("init", "must not be refuse")
	case "trap":
		trap()
	case "loop":
		for {
		}
	}
	s.rand.Uint64()
	return nil
}

func (s *store) Features() []string { return []string{"ETAG"} }

func trap() { *(*int)(unsafe.Pointer(uintptr(0xfffffff0))) = 1 }

func (s *store) Get(ctx context.Context, req *state.GetRequest) (*state.GetResponse, error) {
	s.gets++
	verb, arg, _ := strings.Cut(req.Key, ":")
	switch verb {
	case "panic":
		panic("asked to: " + arg)
	case "trap":
		trap()
	case "exit":
		os.Exit(3)
	case "loop":
		for {
		}
	case "block":
		<-make(chan int)
	case "sleep":
		d, _ := time.ParseDuration(arg)
		time.Sleep(d)
		return &state.GetResponse{}, ctx.Err()
	case "hoard":
		for {
			s.hoard = append(s.hoard, make([]byte, 1<<20))
		}
	case "gets":
		return text(strconv.Itoa(s.gets)), nil
	case "rand":
		return text(strconv.FormatUint(s.rand.Uint64(), 10)), nil
	case "large":
		n, _ := strconv.Atoi(arg)
		return &state.GetResponse{Data: make([]byte, n)}, nil
	case "error":
		return nil, berth.NewError(berth.Unavailable, arg)
	case "env":
		return text(os.Getenv(arg)), nil
	}
	if v, ok := s.items[req.Key]; ok {
		return &state.GetResponse{Data: v, Etag: &state.Etag{Value: "1"}}, nil
	}
	return nil, nil
}

func text(s string) *state.GetResponse { return &state.GetResponse{Data: []byte(s)} }

func (s *store) Set(_ context.Context, req *state.SetRequest) error {
	s.items[req.Key] = req.Value
	return nil
}

func (s *store) Delete(_ context.Context, req *state.DeleteRequest) error {
	delete(s.items, req.Key)
	return nil
}
