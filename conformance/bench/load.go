package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// result is one round of load.
type result struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
	cpu      time.Duration // of the server, per request
}

// drive runs op in a closed loop from each of n callers for a round.
func drive(n int, server *process, op func(caller int) (func() error, func(), error)) (result, error) {
	var wg sync.WaitGroup
	latencies := make([][]time.Duration, n)
	errs := make([]error, n)
	ops := make([]func() error, n)
	for i := range n {
		do, done, err := op(i)
		if err != nil {
			return result{}, err
		}
		defer done()
		ops[i] = do
	}
	cpu := server.cpu()
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			for time.Since(start) < round {
				t := time.Now()
				if errs[i] = ops[i](); errs[i] != nil {
					return
				}
				latencies[i] = append(latencies[i], time.Since(t))
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	cpu = server.cpu() - cpu
	if err := errors.Join(errs...); err != nil {
		return result{}, err
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	return result{
		rate: float64(len(all)) / took.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100],
		cpu: cpu / time.Duration(len(all)),
	}, nil
}

// httpCaller speaks just enough HTTP/1.1 to load a server without being the bottleneck.
type httpCaller struct {
	conn net.Conn
	r    *bufio.Reader
}

func dialHTTP(addr string) (*httpCaller, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &httpCaller{c, bufio.NewReader(c)}, nil
}

var (
	lengthHeader = []byte("Content-Length: ")
	lineEnd      = []byte("\r\n")
)

// do sends a whole request and reads a whole response; want is its status.
func (c *httpCaller) do(request []byte, want string) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 || string(line[9:12]) != want {
		return fmt.Errorf("got %q, want status %s", line, want)
	}
	length := 0
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return err
		}
		if bytes.Equal(line, lineEnd) {
			break
		}
		if v, ok := bytes.CutPrefix(line, lengthHeader); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return err
			}
		}
	}
	_, err = io.CopyN(io.Discard, c.r, int64(length))
	return err
}
