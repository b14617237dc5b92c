package nearest

import (
	"strings"
	"testing"
)

func TestTo(t *testing.T) {
	candidates := []string{"state.redis", "state.in-memory", "pubsub.redis", "state.etcd"}
	for _, tc := range []struct {
		name, want string
	}{
		{"state.redis", "state.redis"},
		{"state.rediss", "state.redis"},
		{"State.Redsi", "state.redis"},
		{"state.inmemory", "state.in-memory"},
		{"pubsub.reds", "pubsub.redis"},
		{"bindings.cron", ""},
		{"", ""},
		{strings.Repeat("state.redis", 50), ""},
	} {
		got, ok := To(tc.name, candidates)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("To(%q): got %q, %v, want %q", tc.name, got, ok, tc.want)
		}
	}
	if got, ok := To("x", nil); ok {
		t.Errorf("without candidates: got %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "axc", 1},
		{"abc", "acb", 1},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
		{"größe", "grösse", 2},
	} {
		if got := distance([]rune(tc.a), []rune(tc.b)); got != tc.want {
			t.Errorf("distance(%q, %q): got %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
