// Command in-memory is the component state.in-memory: a state store in the
// memory of its own sandbox. README.md is its manual.
package main

import (
	"time"

	"github.com/berth-run/berth/sdk-guest/go/state"
)

func init() {
	state.Register(&store{now: func() int64 { return time.Now().UnixMilli() }})
}

func main() {} // never runs: the host calls the exports of the SDK
