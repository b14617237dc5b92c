// Package state is the state building block: what the Dapr API promises about
// state stores beyond what a component does. It knows key prefixes, options,
// transactions and encryption at rest; it does not know HTTP or gRPC, and it
// stores nothing itself.
//
//	st, err := state.New(client, state.Config{Name: "statestore", AppID: "orders", Metadata: md})
//	stores := state.NewRegistry()
//	stores.Put(st)
//	item, err := st.Get(ctx, state.GetRequest{Key: "k"})
//
// Errors are those of host/api/errors, ready to be shown to a client.
//
// Keys, encrypted values and the outcome of ETags are Dapr's, so that a store
// may be shared with it or taken over from it. On purpose it differs in this:
// encryption keys that do not come from a secret are refused, not ignored, and
// nothing of a save is written when one of its keys or options is not valid.
package state
