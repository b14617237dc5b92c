package runtime

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/berth-run/berth/host/resource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse reads components of which each line says: name kind store, the last
// one being the secret store that it reads from, or "-".
func parse(t *testing.T, lines ...string) []*resource.Component {
	t.Helper()
	var b strings.Builder
	for _, l := range lines {
		f := strings.Fields(l)
		fmt.Fprintf(&b, "---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: %s}\nspec:\n  type: %s.x\n  version: v1\n", f[0], f[1])
		if f[2] != "-" {
			fmt.Fprintf(&b, "  metadata: [{name: pw, secretKeyRef: {name: s, key: k}}]\nauth: {secretStore: %s}\n", f[2])
		}
	}
	set, problems := resource.Parse("c.yaml", []byte(b.String()), resource.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return set.Components
}

func names(nodes []*node) (out []string) {
	for _, n := range nodes {
		out = append(out, n.component.Name)
	}
	return out
}

func TestLink(t *testing.T) {
	nodes := link(parse(t,
		"app state vault",
		"plain state -",
		"vault secretstores root",
		"root secretstores -",
	))
	if d := cmp.Diff([]string{"root", "vault", "app", "plain"}, names(nodes)); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	needs, neededBy := map[string][]string{}, map[string][]string{}
	for _, n := range nodes {
		needs[n.component.Name], neededBy[n.component.Name] = names(n.needs), names(n.neededBy)
	}
	if d := cmp.Diff(map[string][]string{"root": nil, "vault": {"root"}, "app": {"vault"}, "plain": nil}, needs); d != "" {
		t.Errorf("needs (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string][]string{"root": {"vault"}, "vault": {"app"}, "app": nil, "plain": nil}, neededBy); d != "" {
		t.Errorf("needed by (-want +got):\n%s", d)
	}
}

// Whatever needs whatever: what is needed is done before, never more than the
// limit run at once, and everything is done.
func TestEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(0, 20).Draw(t, "nodes")
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		nodes := make([]*node, count)
		for i := range nodes {
			nodes[i] = &node{}
			for j := range i {
				if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
					nodes[i].needs = append(nodes[i].needs, nodes[j])
				}
			}
		}
		// The order of the list must not matter.
		order := rapid.Permutation(nodes).Draw(t, "order")
		var mu sync.Mutex
		done := map[*node]bool{}
		running, most := 0, 0
		each(order, limit, func(n *node) []*node { return n.needs }, func(n *node) {
			mu.Lock()
			running++
			most = max(most, running)
			for _, b := range n.needs {
				if !done[b] {
					t.Errorf("a node began before one that it needs was done")
				}
			}
			mu.Unlock()
			mu.Lock()
			running--
			done[n] = true
			mu.Unlock()
		})
		if len(done) != count {
			t.Fatalf("got %d nodes done, want %d", len(done), count)
		}
		if most > limit {
			t.Fatalf("got %d at once, want at most %d", most, limit)
		}
	})
}

func TestDenies(t *testing.T) {
	tests := []struct {
		entry, typ, version string
		want                bool
	}{
		{"state.redis", "state.redis", "v1", true},
		{"state.redis", "state.redis", "v2", true},
		{"State.Redis", "state.redis", "v1", true},
		{"state.redis", "state.redis.cluster", "v1", false},
		{"state.redis/v1", "state.redis", "v1", true},
		{"state.redis/v1", "state.redis", "", true},
		{"state.redis/v0", "state.redis", "v1", true},
		{"state.redis/v1", "state.redis", "v2", false},
		{"state.redis/v2", "state.redis", "v2", true},
	}
	for _, tt := range tests {
		t.Run(tt.entry+" "+tt.typ+"/"+tt.version, func(t *testing.T) {
			if got := denies(tt.entry, &resource.Component{Type: tt.typ, Version: tt.version}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAllowedKeepsTheOrder(t *testing.T) {
	g := New(Config{Deny: []string{"secretstores.x"}})
	all := parse(t, "a state -", "v secretstores -", "b state -")
	var got []string
	for _, c := range g.allowed(all) {
		got = append(got, c.Name)
	}
	if want := []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if all[1] == nil || all[1].Name != "v" {
		t.Error("the list that was given has changed")
	}
}
