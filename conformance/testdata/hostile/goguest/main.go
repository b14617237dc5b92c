// Command goguest is a state store, written with the SDK, that answers every
// get with "ok", unless its key names something else to do. It is for what a
// language runtime adds to the ways of doing harm.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

func init() { state.Register(store{}) }

func main() {}

type store struct{}

func (store) Init(context.Context, *berth.Init) error { return nil }

func (store) Set(context.Context, *state.SetRequest) error       { return nil }
func (store) Delete(context.Context, *state.DeleteRequest) error { return nil }

var (
	kept [][]byte
	sink int
)

func (store) Get(ctx context.Context, req *state.GetRequest) (*state.GetResponse, error) {
	switch req.Key {
	case "panic":
		panic("a bug in the guest")
	case "nil":
		var p *state.GetRequest
		sink += len(p.Key)
	case "index":
		sink += int(kept[len(req.Key)][0])
	case "goroutine panic":
		go panic("a bug in a goroutine")
		time.Sleep(time.Second)
	case "fatal":
		// The runtime ends the program on this, past any recover.
		var mu sync.Mutex
		mu.Unlock()
	case "overflow":
		sink += recurse(0)
	case "bomb":
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = byte(i)
			}
			kept = append(kept, b)
		}
	case "goroutine bomb":
		block := make(chan int)
		for {
			go func() { <-block }()
		}
	case "deadlock":
		select {}
	case "locked":
		var mu sync.Mutex
		mu.Lock()
		mu.Lock()
	case "exit 0":
		os.Exit(0)
	case "exit 3":
		os.Exit(3)
	case "spin":
		for {
		}
	case "spin goroutines":
		for range 100 {
			go func() {
				for {
				}
			}()
		}
		time.Sleep(time.Hour)
	case "spin clock":
		for start := time.Now(); time.Since(start) >= 0; {
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "wait":
		// A good guest: it ends with its caller's patience.
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Hour):
		}
	case "flood":
		for n := range 100_000 {
			fmt.Println("line", n)
			berth.Log(berth.ErrorLevel, "a line\nFATAL a forged one")
		}
	case "long line":
		s := strings.Repeat("x", 1<<20)
		for range 64 {
			fmt.Fprint(os.Stderr, s)
		}
	case "long error":
		return nil, errors.New(strings.Repeat("e", 1<<20))
	case "bad error":
		return nil, errors.New("\xff\xfe\x1b[2J")
	case "large":
		return &state.GetResponse{Data: make([]byte, 9<<20)}, nil
	case "environment":
		// What a guest sees of the world that it was not given.
		if f, err := os.Open("/etc/passwd"); err == nil {
			return nil, fmt.Errorf("opened %s", f.Name())
		}
		if list, err := os.ReadDir("/"); err == nil {
			return nil, fmt.Errorf("the root folder has %d entries", len(list))
		}
		for _, e := range os.Environ() {
			if !strings.HasPrefix(e, "GOMEMLIMIT=") {
				return nil, fmt.Errorf("variable %s", e)
			}
		}
		if _, err := os.Stdin.Read(make([]byte, 10)); err == nil {
			return nil, errors.New("read standard input")
		}
	}
	return &state.GetResponse{Data: []byte("ok")}, nil
}

//go:noinline
func recurse(n int) int { return recurse(n+1) + 1 }
