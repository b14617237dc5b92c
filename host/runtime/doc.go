// Package runtime is the graph of a sidecar's components: it reads their
// resources, finds their plugins, starts them in the order in which they need
// each other, says how each one fares and closes them.
//
//	g := runtime.New(runtime.Config{AppID: "orders", Paths: dirs, Catalog: cat, Engine: open, Log: log})
//	err := g.Load(ctx)      // a *StartError holds everything that is wrong, of all components
//	store, ok := g.States().Get("statestore")
//	err = g.Close(ctx)
//
// What cannot be right is found before anything runs: Load first reads and
// checks every resource and plugin, then starts components concurrently, secret
// stores before what reads from them. A component with ignoreErrors that fails
// is left out; any other failure fails the start, once all the others have been tried.
//
// The package serves no API, reads no flags and handles no signals: that is
// host's. How one component is loaded and called is host/guest's.
package runtime
