package api_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	commonv1 "github.com/dapr/dapr/pkg/proto/common/v1"
	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/berth-run/berth/host/api"
	apigrpc "github.com/berth-run/berth/host/api/grpc"
	apihttp "github.com/berth-run/berth/host/api/http"
	"github.com/berth-run/berth/host/state"
)

// lines is a log that a test reads.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns the lines so far and forgets them.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	l.b.Reset()
	return s
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestCallLog(t *testing.T) {
	for _, tc := range []struct {
		name string
		log  api.CallLog
		want []string
	}{
		{"off", api.CallLog{}, nil},
		{"on", api.CallLog{Enabled: true}, []string{
			`level=INFO msg="HTTP API Called" scope=dapr.runtime.http-info method="GET /v1.0/state/statestore/k" code=200 size=1 useragent=test`,
			`level=INFO msg="HTTP API Called" scope=dapr.runtime.http-info method="GET /v1.0/healthz" code=204 size=0 useragent=test`,
			`level=INFO msg="HTTP API Called" scope=dapr.runtime.http-info method="GET /nothing" code=404 size=118 useragent=test`,
			`level=INFO msg="gRPC API Called" scope=dapr.runtime.grpc.api-info method=/dapr.proto.runtime.v1.Dapr/GetState code=0 useragent=test`,
			`level=INFO msg="gRPC API Called" scope=dapr.runtime.grpc.api-info method=/other.Service/Call code=2 useragent=test`,
		}},
		{"without URLs and health", api.CallLog{Enabled: true, ObfuscateURLs: true, OmitHealthChecks: true}, []string{
			`level=INFO msg="HTTP API Called" scope=dapr.runtime.http-info method=GetState code=200 size=1 useragent=test`,
			`level=INFO msg="HTTP API Called" scope=dapr.runtime.http-info method=Unknown code=404 size=118 useragent=test`,
			`level=INFO msg="gRPC API Called" scope=dapr.runtime.grpc.api-info method=/dapr.proto.runtime.v1.Dapr/GetState code=0 useragent=test`,
			`level=INFO msg="gRPC API Called" scope=dapr.runtime.grpc.api-info method=/other.Service/Call code=2 useragent=test`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out lines
			m := newMapStore()
			m.items["orders||k"] = []byte("1")
			sc := start(t, []*state.Store{store(t, m, state.Config{Name: "statestore"})}, settings{
				http: func(o *apihttp.Options) { o.Log, o.LogCalls = out.logger(), tc.log },
				grpc: func(o *apigrpc.Options) { o.Log, o.LogCalls = out.logger(), tc.log },
			})
			out.take()
			var got []string
			step := func(f func()) {
				f()
				if s := strings.TrimSpace(out.take()); s != "" {
					got = append(got, s)
				}
			}
			for _, path := range []string{"/v1.0/state/statestore/k", "/v1.0/healthz", "/nothing"} {
				step(func() { sc.call(t, "GET", path, "", "User-Agent", "test") })
			}
			conn, err := grpc.NewClient(sc.conn.Target(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent("test"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			step(func() {
				if _, err := runtimev1.NewDaprClient(conn).GetState(t.Context(), &runtimev1.GetStateRequest{StoreName: "statestore", Key: "k"}); err != nil {
					t.Error(err)
				}
			})
			step(func() {
				if err := conn.Invoke(t.Context(), "/other.Service/Call", &runtimev1.GetMetadataRequest{}, &runtimev1.GetMetadataResponse{}); err == nil {
					t.Error("a call of no service went well")
				}
			})
			for i, s := range got { // the library adds its own name and version
				if before, _, ok := strings.Cut(s, "useragent="); ok {
					got[i] = before + "useragent=test"
				}
			}
			if g, w := strings.Join(got, "\n"), strings.Join(tc.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	const limit = 1000
	sc := start(t, stores(t), settings{
		http: func(o *apihttp.Options) { o.MaxBodySize = limit },
		grpc: func(o *apigrpc.Options) { o.MaxBodySize = limit },
	})
	body := func(n int) string {
		const frame = `[{"key":"k","value":""}]`
		return `[{"key":"k","value":"` + strings.Repeat("x", n-len(frame)) + `"}]`
	}
	const tooLarge = `413 {"errorCode":"ERR_BODY_READ","message":"failed to read request body: larger than 1000 bytes, the limit of --max-body-size"}`
	for _, tc := range []struct {
		name, method, path string
		size               int
		want               string
	}{
		{"as large as may be", "POST", "/v1.0/state/statestore", limit, "204 "},
		{"one byte more", "POST", "/v1.0/state/statestore", limit + 1, tooLarge},
		{"much more", "POST", "/v1.0/state/statestore", 1 << 20, tooLarge},
		{"bulk", "POST", "/v1.0/state/statestore/bulk", limit + 1, tooLarge},
		{"transaction", "POST", "/v1.0/state/statestore/transaction", limit + 1, tooLarge},
		{"query", "POST", "/v1.0-alpha1/state/statestore/query", limit + 1, tooLarge},
		{"metadata", "PUT", "/v1.0/metadata/k", limit + 1, tooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if a := sc.call(t, tc.method, tc.path, body(tc.size)); a.String() != tc.want {
				t.Errorf("got  %s\nwant %s", a, tc.want)
			}
			// The same without a length, in chunks.
			req, err := http.NewRequest(tc.method, sc.httpURL+tc.path, struct{ *strings.Reader }{strings.NewReader(body(tc.size))})
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = -1
			resp, err := sc.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if want := tc.want[:3]; resp.Status[:3] != want {
				t.Errorf("in chunks: got %s, want %s", resp.Status, want)
			}
		})
	}
	save := func(n int) error {
		_, err := sc.dapr.SaveState(t.Context(), &runtimev1.SaveStateRequest{StoreName: "statestore", States: []*commonv1.StateItem{{Key: "k", Value: make([]byte, n)}}})
		return err
	}
	if err := save(limit - 100); err != nil {
		t.Error(err)
	}
	if err := save(limit + 1); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want ResourceExhausted", err)
	}
	// An answer is a message, too.
	if a := sc.call(t, "PUT", "/v1.0/metadata/k", strings.Repeat("x", limit)); a.status != 204 {
		t.Fatal(a)
	}
	if _, err := sc.dapr.GetMetadata(t.Context(), &runtimev1.GetMetadataRequest{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a long answer: got %v, want ResourceExhausted", err)
	}
}

func TestNoBodyLimit(t *testing.T) {
	sc := start(t, stores(t), settings{http: func(o *apihttp.Options) { o.MaxBodySize = -1 }})
	value := `"` + strings.Repeat("x", 2*api.DefaultMaxBodySize) + `"`
	if a := sc.call(t, "POST", "/v1.0/state/statestore", `[{"key":"k","value":`+value+`}]`); a.status != 204 {
		t.Fatal(a)
	}
	if a := sc.call(t, "GET", "/v1.0/state/statestore/k", ""); a.body != value || a.header.Get("Content-Length") == "" {
		t.Errorf("got %d bytes, length %q, want %d", len(a.body), a.header.Get("Content-Length"), len(value))
	}
}

func TestReadBufferSize(t *testing.T) {
	sc := start(t, stores(t), settings{})
	// net/http allows some 4 KiB on top of the limit.
	if a := sc.call(t, "GET", "/v1.0/healthz", "", "X-Large", strings.Repeat("x", 2000)); a.status != 204 {
		t.Errorf("a header of 2,000 bytes: got %s", a)
	}
	if a := sc.call(t, "GET", "/v1.0/healthz", "", "X-Large", strings.Repeat("x", 20000)); a.status != 431 {
		t.Errorf("a header of 20,000 bytes: got %s, want 431", a)
	}
	for size, want := range map[int]codes.Code{2000: codes.OK, 20000: codes.Internal} { // the client refuses to send it
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("x", size))
		if _, err := sc.dapr.GetMetadata(ctx, &runtimev1.GetMetadataRequest{}); status.Code(err) != want {
			t.Errorf("metadata of %d bytes: got %v, want %v", size, err, want)
		}
	}
}

func TestCORS(t *testing.T) {
	type header = map[string]string
	for _, tc := range []struct {
		name, origins, method, origin, asks string
		status                              int
		want                                header
	}{
		{"off", "", "GET", "http://a.com", "", 204, header{}},
		{"any", "*", "GET", "http://a.com", "", 204, header{"Access-Control-Allow-Origin": "*", "Vary": "Origin"}},
		{"listed", "http://a.com, http://b.com", "GET", "http://B.com", "", 204, header{"Access-Control-Allow-Origin": "http://B.com", "Vary": "Origin"}},
		{"not listed", "http://a.com", "GET", "http://b.com", "", 204, header{"Vary": "Origin"}},
		{"no origin", "*", "GET", "", "", 204, header{"Vary": "Origin"}},
		{"pattern", "https://*.a.com", "GET", "https://x.a.com", "", 204, header{"Access-Control-Allow-Origin": "https://x.a.com", "Vary": "Origin"}},
		{"pattern that does not fit", "https://*.a.com", "GET", "https://a.com", "", 204, header{"Vary": "Origin"}},
		{"question", "*", "OPTIONS", "http://a.com", "PUT", 200, header{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "PUT", "Access-Control-Allow-Headers": "X-A, X-B",
			"Vary": "Origin,Access-Control-Request-Method,Access-Control-Request-Headers"}},
		{"question of another", "http://a.com", "OPTIONS", "http://b.com", "PUT", 200, header{
			"Vary": "Origin,Access-Control-Request-Method,Access-Control-Request-Headers"}},
		{"question for another method", "*", "OPTIONS", "http://a.com", "TRACE", 200, header{
			"Vary": "Origin,Access-Control-Request-Method,Access-Control-Request-Headers"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sc := start(t, nil, settings{http: func(o *apihttp.Options) { o.AllowedOrigins = tc.origins }})
			var headers []string
			if tc.origin != "" {
				headers = append(headers, "Origin", tc.origin)
			}
			if tc.asks != "" {
				headers = append(headers, "Access-Control-Request-Method", tc.asks, "Access-Control-Request-Headers", "X-A, X-B")
			}
			a := sc.call(t, tc.method, "/v1.0/healthz", "", headers...)
			if a.status != tc.status {
				t.Errorf("got status %d, want %d", a.status, tc.status)
			}
			got := header{}
			for k, v := range a.header {
				if k == "Vary" || strings.HasPrefix(k, "Access-Control") {
					got[k] = strings.Join(v, ",")
				}
			}
			if len(got) != len(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			for k, v := range tc.want {
				if got[k] != v {
					t.Errorf("%s: got %q, want %q", k, got[k], v)
				}
			}
		})
	}
	t.Run("a question needs no token", func(t *testing.T) {
		sc := start(t, nil, settings{http: func(o *apihttp.Options) { o.AllowedOrigins, o.Token = "*", token }})
		a := sc.call(t, "OPTIONS", "/v1.0/metadata", "", "Origin", "http://a.com", "Access-Control-Request-Method", "GET")
		if a.status != 200 || a.header.Get("Access-Control-Allow-Methods") != "GET" {
			t.Errorf("got %s %v", a, a.header)
		}
		if a := sc.call(t, "GET", "/v1.0/metadata", "", "Origin", "http://a.com"); a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("without the token: got %s %v", a, a.header)
		}
	})
}

func TestAccess(t *testing.T) {
	rules := api.Access{
		Allowed: []api.AccessRule{{Name: "state", Version: "v1", Protocol: "http"}, {Name: "state", Version: "v1", Protocol: "grpc"}, {Name: "metadata", Version: "v1.0", Protocol: "grpc"}},
		Denied:  []api.AccessRule{{Name: "metadata", Version: "v1", Protocol: "GRPC"}},
	}
	sc := start(t, stores(t), settings{http: func(o *apihttp.Options) { o.Access = rules }, grpc: func(o *apigrpc.Options) { o.Access = rules }})
	for path, want := range map[string]string{"/v1.0/state/statestore/k": "200 ", "/v1.0/metadata": "404 " + noAppID, "/v1.0/healthz": "204 "} {
		if a := sc.call(t, "GET", path, ""); a.String() != want {
			t.Errorf("%s: got %s, want %s", path, a, want)
		}
	}
	_, state := sc.dapr.GetState(t.Context(), &runtimev1.GetStateRequest{StoreName: "statestore", Key: "k"})
	_, meta := sc.dapr.GetMetadata(t.Context(), &runtimev1.GetMetadataRequest{})
	_, secret := sc.dapr.GetSecret(t.Context(), &runtimev1.GetSecretRequest{})
	other := sc.conn.Invoke(t.Context(), "/other.Service/Call", &runtimev1.GetMetadataRequest{}, &runtimev1.GetMetadataResponse{})
	for name, tc := range map[string]struct {
		err  error
		want codes.Code
		text string
	}{
		"allowed":         {state, codes.OK, ""},
		"denied":          {meta, codes.Unimplemented, "requested endpoint is not available"},
		"not allowed":     {secret, codes.Unimplemented, "requested endpoint is not available"},
		"another service": {other, codes.Unknown, ""},
	} {
		st := status.Convert(tc.err)
		if st.Code() != tc.want || !strings.Contains(st.Proto().String(), tc.text) {
			t.Errorf("%s: got %v, want %v with %q", name, st.Proto(), tc.want, tc.text)
		}
	}
}

func TestH2C(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		sc := start(t, nil, settings{http: func(o *apihttp.Options) { o.DisableH2C = disabled }})
		p := new(http.Protocols)
		p.SetUnencryptedHTTP2(true)
		tr := &http.Transport{Protocols: p}
		resp, err := (&http.Client{Transport: tr}).Get(sc.httpURL + "/v1.0/healthz")
		switch {
		case disabled && err == nil:
			t.Error("HTTP/2 was answered though it is off")
		case !disabled && (err != nil || resp.ProtoMajor != 2 || resp.StatusCode != 204):
			t.Errorf("got %v, %v, want 204 over HTTP/2", resp, err)
		}
		if err == nil {
			resp.Body.Close()
		}
		tr.CloseIdleConnections()
	}
}
