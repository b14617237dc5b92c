// The guest that the rewriter's tests and benchmarks run: standard Go, as a
// wasip1 reactor. Every export takes a size and returns something that depends
// on all of the work.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
)

func main() {}

//go:wasmexport sprintf
func sprintf(n int32) int32 {
	h := crc32.NewIEEE()
	for i := range n {
		fmt.Fprintf(h, "%d %s %v %q", i, "abc", 1.5, []string{"x", "y"})
	}
	return int32(h.Sum32())
}

//go:wasmexport sort
func sort(n int32) int32 {
	a := make([]uint32, n)
	x := uint32(1)
	for i := range a {
		x = x*1664525 + 1013904223
		a[i] = x
	}
	slices.Sort(a)
	return int32(a[n/2] ^ a[n/3])
}

//go:wasmexport json
func jsonTurns(n int32) int32 {
	sum := 0
	for i := range n {
		b, err := json.Marshal(map[string]any{"a": i, "b": []int{1, 2, 3}, "c": "hello", "d": map[string]int{"x": 1}})
		if err != nil {
			panic(err)
		}
		var v map[string]any
		if err := json.Unmarshal(b, &v); err != nil {
			panic(err)
		}
		sum += len(b) + len(v)
	}
	return int32(sum)
}

//go:wasmexport sha256
func sha(n int32) int32 {
	b := make([]byte, 1024)
	for range n {
		h := sha256.Sum256(b)
		copy(b, h[:])
	}
	return int32(b[0]) | int32(b[1])<<8
}

//go:wasmexport loop
func loop(n int32) int32 {
	s := int32(0)
	for i := range n {
		s ^= i
	}
	return s
}

func fibonacci(n int32) int32 {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

//go:wasmexport fib
func fib(n int32) int32 { return fibonacci(n) }

//go:wasmexport map
func maps(n int32) int32 {
	m := map[int32]int32{}
	for i := range n {
		m[i*7] = i
	}
	return int32(len(m)) + m[n/2*7]
}

// mixed goes through much of the language and the library once.
//
//go:wasmexport mixed
func mixed(n int32) (sum int32) {
	defer func() {
		if r := recover(); r != nil {
			sum += int32(len(fmt.Sprint(r)))
		}
	}()
	var wg sync.WaitGroup
	results := make(chan int32, 4)
	for i := range int32(4) {
		wg.Go(func() { results <- i * n })
	}
	wg.Wait()
	close(results)
	for r := range results {
		sum += r
	}
	f := new(big.Int).MulRange(1, int64(n%50)+2)
	sum += int32(len(f.String()))
	sum += int32(len(regexp.MustCompile(`(\w+)@(\w+)\.com`).FindAllString(strings.Repeat("bob@example.com, ", int(n%20)), -1)))
	sum += int32(math.Sqrt(float64(n)) * math.Sin(float64(n)) * 1000)
	sum += int32(bytes.Count(bytes.Repeat([]byte("ab"), int(n)), []byte("ba")))
	var nothing map[string]int
	nothing["x"] = 1 // panics
	return sum
}

//go:wasmexport spin
func spin() {
	for {
	}
}

//go:wasmexport noop
func noop() {}
