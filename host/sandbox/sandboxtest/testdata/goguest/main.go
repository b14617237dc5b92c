// Command goguest is a guest of the standard Go toolchain for the tests of the sandbox:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared
package main

import (
	"fmt"
	"os"
	"sort"
	"time"
)

func main() {}

var (
	count   int64
	kept    = map[int][]byte{}
	started = "no"
)

func init() { started = "yes" }

// increment counts its calls, in a variable and in a map.
//
//go:wasmexport increment
func increment() int64 {
	count++
	kept[int(count)] = make([]byte, 1000)
	if started != "yes" || len(kept) != int(count) {
		return -1
	}
	return count
}

// work computes something of a Go program's kind: it formats, sorts and
// allocates. The result depends on n only.
//
//go:wasmexport work
func work(n int32) int64 {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%08d", uint32(i)*2654435761))
	}
	sort.Strings(list)
	sum := int64(0)
	for i, s := range list {
		sum = sum*31 + int64(s[i%8])
	}
	return sum
}

//go:wasmexport spin
func spin() {
	for {
	}
}

//go:wasmexport spin_select
func spinSelect() {
	c := make(chan int, 1)
	for {
		select {
		case c <- 1:
		case <-c:
		}
	}
}

//go:wasmexport spin_host
func spinHost() {
	for {
		_ = time.Now()
	}
}

//go:wasmexport spin_alloc
func spinAlloc() {
	for n := 0; ; n++ {
		kept[n%8] = make([]byte, 100_000)
	}
}

// sleep sleeps for ms milliseconds and returns how long that took.
//
//go:wasmexport sleep
func sleep(ms int64) int64 {
	start := time.Now()
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return time.Since(start).Milliseconds()
}

//go:wasmexport block
func block() { select {} }

//go:wasmexport crash
func crash() { panic("a bug in the guest") }

//go:wasmexport exit
func exit(code int32) { os.Exit(int(code)) }
