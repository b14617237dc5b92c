package state

import (
	"errors"
	"slices"
	"sync"
	"testing"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

func TestRegistry(t *testing.T) {
	r := NewRegistry()
	a, b := &Store{name: "a"}, &Store{name: "b"}
	if old := r.Put(a); old != nil {
		t.Errorf("put: got %v for the store before", old)
	}
	r.Put(b)
	if got, want := r.Names(), []string{"a", "b"}; !slices.Equal(got, want) || r.Len() != 2 {
		t.Errorf("got names %q, want %q", got, want)
	}
	a2 := &Store{name: "a"}
	if old := r.Put(a2); old != a {
		t.Errorf("put again: got %p for the store before, want %p", old, a)
	}
	if got, ok := r.Get("a"); !ok || got != a2 {
		t.Errorf("get: got %p, %t, want %p", got, ok, a2)
	}
	if old := r.Remove("a"); old != a2 {
		t.Errorf("remove: got %p, want %p", old, a2)
	}
	if old := r.Remove("a"); old != nil {
		t.Errorf("remove again: got %p, want none", old)
	}
	if _, ok := r.Get("a"); ok {
		t.Error("a removed store was found")
	}
}

func TestLookup(t *testing.T) {
	r := NewRegistry()
	code := func(name string) apierrors.Code {
		_, err := r.Lookup(name, "orders")
		var e *apierrors.Error
		if !errors.As(err, &e) {
			t.Fatalf("got error %v", err)
		}
		return e.Code()
	}
	if got := code("a"); got != apierrors.StateNotConfigured {
		t.Errorf("without stores: got %v", got)
	}
	s := &Store{name: "a"}
	r.Put(s)
	if got := code("b"); got != apierrors.StateNotFound {
		t.Errorf("unknown name: got %v", got)
	}
	if got, err := r.Lookup("a", "orders"); err != nil || got != s {
		t.Errorf("got %p, %v", got, err)
	}
}

// TestRegistrySwap: while a store is replaced over and over, every lookup finds one.
func TestRegistrySwap(t *testing.T) {
	r := NewRegistry()
	r.Put(&Store{name: "a"})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s, ok := r.Get("a"); !ok || s == nil {
					t.Error("no store while it was replaced")
					return
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range 500 {
				r.Put(&Store{name: "a"})
				r.Put(&Store{name: "b"})
				r.Remove("b")
			}
		})
	}
	for range 1000 {
		r.Put(&Store{name: "a"})
	}
	close(stop)
	wg.Wait()
}
