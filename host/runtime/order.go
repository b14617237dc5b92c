package runtime

import (
	"sync"

	"github.com/berth-run/berth/host/resource"
)

// link makes the nodes of components and joins each to the secret store that it
// reads from. The order is that of resource.InitOrder, in which a store comes
// before its readers; what would lead back is not joined, so that there is no
// cycle. resource.Load reports those.
func link(components []*resource.Component) []*node {
	var nodes []*node
	stores := map[string]*node{}
	for _, c := range resource.InitOrder(components) {
		n := &node{component: c, phase: Waiting}
		if s := stores[c.SecretStore]; s != nil && c.NeedsSecrets() {
			n.needs = append(n.needs, s)
			s.neededBy = append(s.neededBy, n)
		}
		if c.Kind() == "secretstores" {
			stores[c.Name] = n
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// each calls do for every node in a goroutine of its own, at most limit at a
// time, once it has been done for all that before names. It returns when all are done.
func each(nodes []*node, limit int, before func(*node) []*node, do func(*node)) {
	done := make(map[*node]chan struct{}, len(nodes))
	for _, n := range nodes {
		done[n] = make(chan struct{})
	}
	slots := make(chan struct{}, max(limit, 1))
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			defer close(done[n])
			for _, b := range before(n) {
				<-done[b]
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			do(n)
		})
	}
	wg.Wait()
}
