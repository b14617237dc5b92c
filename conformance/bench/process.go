package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	components "github.com/dapr/dapr/pkg/proto/components/v1"
	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
)

const (
	roleEnv = "BERTH_BENCH_ROLE"
	addrEnv = "BERTH_BENCH_ADDR"
)

// process is a child; its CPU is read from the kernel.
type process struct {
	cmd  *exec.Cmd
	addr string
}

// peer starts this program again in a role, and waits until it listens.
func peer(role, network, addr string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, addrEnv+"="+network+"|"+addr)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", role, err), cmd.Process.Kill())
	}
	return &process{cmd, strings.TrimSpace(line)}, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
	}
}

// cpu is what the process has used so far.
func (p *process) cpu() time.Duration { return procCPU(p.cmd.Process.Pid) }

func procCPU(pid int) time.Duration {
	total := time.Duration(0)
	tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	if err != nil {
		return 0
	}
	for _, t := range tasks {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "task", t.Name(), "schedstat"))
		if err != nil {
			continue
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		total += time.Duration(ns)
	}
	return total
}

// selfCPU is what this process has used so far.
func selfCPU() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// serve is the child's side.
func serve(role, where string) error {
	network, addr, _ := strings.Cut(where, "|")
	l, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	switch role {
	case "component": // a pluggable component
		s := grpc.NewServer()
		components.RegisterStateStoreServer(s, &component{items: map[string][]byte{}})
		return s.Serve(l)
	case "http":
		return http.Serve(l, &bareHTTP{items: map[string][]byte{}})
	case "grpc":
		s := grpc.NewServer()
		runtimev1.RegisterDaprServer(s, &bareGRPC{items: map[string][]byte{}})
		return s.Serve(l)
	}
	return fmt.Errorf("unknown role %q", role)
}

type component struct {
	components.UnimplementedStateStoreServer
	mu    sync.RWMutex
	items map[string][]byte
}

const bareEtag = "b2f9a3b8-7d5c-4a40-9f8e-0123456789ab"

func (c *component) Get(_ context.Context, r *components.GetRequest) (*components.GetResponse, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return &components.GetResponse{Data: c.items[r.Key], Etag: &components.Etag{Value: bareEtag}}, nil
}

func (c *component) Set(_ context.Context, r *components.SetRequest) (*components.SetResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items[r.Key] = r.Value
	return &components.SetResponse{}, nil
}

func (c *component) Ping(context.Context, *components.PingRequest) (*components.PingResponse, error) {
	return &components.PingResponse{}, nil
}

// bareHTTP answers GET /key and stores the body of POST /key: what an HTTP
// server over a map does and no more.
type bareHTTP struct {
	mu    sync.RWMutex
	items map[string][]byte
}

func (h *bareHTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		h.items[r.URL.Path] = body
		h.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.mu.RLock()
	v := h.items[r.URL.Path]
	h.mu.RUnlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(v)
}

type bareGRPC struct {
	runtimev1.UnimplementedDaprServer
	mu    sync.RWMutex
	items map[string][]byte
}

func (b *bareGRPC) GetState(_ context.Context, r *runtimev1.GetStateRequest) (*runtimev1.GetStateResponse, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return &runtimev1.GetStateResponse{Data: b.items[r.Key], Etag: bareEtag}, nil
}

func (b *bareGRPC) SaveState(_ context.Context, r *runtimev1.SaveStateRequest) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range r.States {
		b.items[s.Key] = s.Value
	}
	return &emptypb.Empty{}, nil
}
