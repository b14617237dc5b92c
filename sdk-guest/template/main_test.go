package main

import (
	"testing"

	"github.com/berth-run/berth/sdk-guest/go/state"
	"github.com/berth-run/berth/sdk-guest/go/state/statetest"
)

func TestStore(t *testing.T) {
	s := statetest.New(t, &store{}, map[string]string{"itemPrefix": "p-"})
	if err := s.Set(&state.SetRequest{Key: "k", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"v", ""} {
		got, err := s.Get(&state.GetRequest{Key: "k"})
		if err != nil || string(got.Data) != want {
			t.Errorf("got %q, %v, want %q", got.Data, err, want)
		}
		if err := s.Delete(&state.DeleteRequest{Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
}
