// Package guest is the seam between the host and its plugins: it loads one
// plugin for one configured component, grants it what it may have, and calls
// the interface of its kind.
//
//	c, err := guest.Load(ctx, plugin, guest.Config{Name: "statestore", Engine: eng, ...})
//	st, ok := c.State()
//	resp, err := st.Get(ctx, &proto.GetRequest{Key: "app||k"})
//	defer c.Close(ctx)
//
// The host, the conformance suite and the command-line tools all go through
// it, so that what is judged is what runs. It knows no API of Dapr's: prefixes,
// scopes, resiliency and encryption are above it.
package guest
