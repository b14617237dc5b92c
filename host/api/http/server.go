// Package http serves the Dapr API over HTTP: it decodes a request, calls the
// building block and encodes the answer. It decides nothing about state,
// health or metadata; the errors it writes are those of host/api/errors.
//
//	s, err := http.NewServer(http.Options{Services: svc, Addresses: []string{":3500"}})
//	err = s.Listen()            // the addresses are bound, s.Addrs() says which
//	go func() { done <- s.Serve() }()
//	...
//	err = s.Shutdown(ctx)       // ends calls that ctx gives no time for
package http
