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
package state
