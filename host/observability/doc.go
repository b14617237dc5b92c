// Package observability writes what the sidecar says of itself. Today that is
// its log: a [log/slog.Handler] that prints the lines of Dapr's sidecar, as text
// and as JSON, so that what reads those lines reads Berth's too.
//
//	h := observability.NewHandler(observability.LogOptions{Writer: os.Stdout, AppID: "orders", Version: "0.1.0"})
//	log := slog.New(h)
//	log.With("scope", "dapr.runtime").Info("dapr initialized. Status: Running. Init Elapsed 41ms")
//
// It does not decide what is logged, keeps no logger of its own and never
// touches slog's default.
package observability
