package http

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/berth-run/berth/host/api"
)

func all(*route) bool { return true }

func TestFind(t *testing.T) {
	rt := newRouter(all)
	for _, tc := range []struct {
		method, path string
		want         string // "" = no route
		params       []string
	}{
		{"GET", "/v1.0/state/s/k", "GetState", []string{"s", "k"}},
		{"DELETE", "/v1.0/state/s/k", "DeleteState", []string{"s", "k"}},
		{"POST", "/v1.0/state/s", "SaveState", []string{"s"}},
		{"PUT", "/v1.0/state/s", "SaveState", []string{"s"}},
		{"POST", "/v1.0/state/s/bulk", "GetBulkState", []string{"s"}},
		{"PUT", "/v1.0/state/s/bulk", "GetBulkState", []string{"s"}},
		{"GET", "/v1.0/state/s/bulk", "GetState", []string{"s", "bulk"}},
		{"DELETE", "/v1.0/state/s/transaction", "DeleteState", []string{"s", "transaction"}},
		{"POST", "/v1.0/state/s/transaction", "ExecuteStateTransaction", []string{"s"}},
		{"POST", "/v1.0-alpha1/state/s/query", "QueryStateAlpha1", []string{"s"}},
		{"GET", "/v1.0/healthz", "Healthz", nil},
		{"GET", "/v1.0/healthz/outbound", "HealthzOutbound", nil},
		{"GET", "/v1.0/metadata", "GetMetadata", nil},
		{"PUT", "/v1.0/metadata/cliPID", "PutMetadata", []string{"cliPID"}},
		{"POST", "/v1.0/shutdown", "Shutdown", nil},

		{"GET", "//v1.0///state/s//k", "GetState", []string{"s", "k"}},
		{"GET", "/v1.0/state/s/k/", "GetState", []string{"s", "k"}},
		{"GET", "/v1.0/x/../state/./s/k", "GetState", []string{"s", "k"}},
		{"GET", "/v1.0/state/s/a+b", "GetState", []string{"s", "a b"}},
		{"GET", "/v1.0/state/s/a%20b", "GetState", []string{"s", "a b"}},
		{"GET", "/v1.0/state/s/a%2Bb", "GetState", []string{"s", "a+b"}},
		{"GET", "/v1.0/state/s/a%2Fb", "GetState", []string{"s", "a/b"}},
		{"GET", "/v1.0/state/s/a%2fb+c%2B", "GetState", []string{"s", "a/b c+"}},
		{"GET", "/v1.0/state/s/%2E%2E", "GetState", []string{"s", ".."}},
		{"GET", "/v1.0/state/s/a%25b", "GetState", []string{"s", "a%b"}},
		{"GET", "/v1.0/state/s/a%2525b%2F", "GetState", []string{"s", "a%25b/"}},
		{"GET", "/v1.0/state/s/%C3%BC", "GetState", []string{"s", "ü"}},
		{"GET", "/v1.0/state/s/a%7C%7Cb", "GetState", []string{"s", "a||b"}},
		{"GET", "/v1.0/state/s+1/k", "GetState", []string{"s 1", "k"}},

		{"GET", "/v1.0/state/s", "", nil},
		{"GET", "/v1.0/state", "", nil},
		{"POST", "/v1.0/state/s/k", "", nil},
		{"PATCH", "/v1.0/state/s", "", nil},
		{"HEAD", "/v1.0/healthz", "", nil},
		{"GET", "/v1.0/shutdown", "", nil},
		{"GET", "/v1.0/state/s/k/more", "", nil},
		{"GET", "/v2.0/state/s/k", "", nil},
		{"GET", "/V1.0/state/s/k", "", nil},
		{"GET", "/", "", nil},
		{"GET", "/v1.0/invoke/app/method/x", "", nil},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			u, err := url.ParseRequestURI(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			r, p := rt.find(tc.method, u)
			if r == nil {
				if tc.want != "" {
					t.Fatalf("got no route, want %s", tc.want)
				}
				return
			}
			if r.name != tc.want {
				t.Fatalf("got %s, want %q", r.name, tc.want)
			}
			var want params
			copy(want[:], tc.params)
			if p != want {
				t.Errorf("got parameters %q, want %q", p, want)
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	rule := func(name, version, protocol string) api.AccessRule {
		return api.AccessRule{Name: name, Version: version, Protocol: protocol}
	}
	const everything = "GetState SaveState DeleteState GetBulkState ExecuteStateTransaction QueryStateAlpha1 Healthz HealthzOutbound GetMetadata PutMetadata Shutdown"
	const stateV1 = "GetState SaveState DeleteState GetBulkState ExecuteStateTransaction"
	for _, tc := range []struct {
		name   string
		access api.Access
		want   string
	}{
		{"no rules", api.Access{}, everything},
		{"rules of gRPC", api.Access{Allowed: []api.AccessRule{rule("state", "v1", "grpc")}, Denied: []api.AccessRule{rule("metadata", "v1", "grpc")}}, everything},
		{"state only", api.Access{Allowed: []api.AccessRule{rule("state", "v1", "http")}}, stateV1 + " Healthz HealthzOutbound"},
		{"state alpha only", api.Access{Allowed: []api.AccessRule{rule("state", "v1alpha1", "HTTP")}}, "QueryStateAlpha1 Healthz HealthzOutbound"},
		{"older form", api.Access{Allowed: []api.AccessRule{rule("state", "v1.0", "http"), rule("state", "v1.0-alpha1", "http")}}, stateV1 + " QueryStateAlpha1 Healthz HealthzOutbound"},
		{"no shutdown", api.Access{Denied: []api.AccessRule{rule("shutdown", "v1", "http")}}, strings.TrimSuffix(everything, " Shutdown")},
		{"denied wins", api.Access{Allowed: []api.AccessRule{rule("state", "v1", "http")}, Denied: []api.AccessRule{rule("state", "v1", "http")}}, "Healthz HealthzOutbound"},
		{"health stays", api.Access{Denied: []api.AccessRule{rule("healthz", "v1", "http")}}, everything},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keep := allowed(tc.access)
			var got []string
			for i := range routes {
				if keep(&routes[i]) {
					got = append(got, routes[i].name)
				}
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %s\nwant %s", s, tc.want)
			}
		})
	}
}

// referenceSplit takes a path apart by the letter of the rules: clean the
// encoded path, cut it, decode each part as in a query.
func referenceSplit(u *url.URL) []string {
	clean := strings.TrimPrefix(path.Clean(u.EscapedPath()), "/")
	if clean == "" || clean == "." {
		return nil
	}
	parts := strings.Split(clean, "/")
	for i, p := range parts {
		v, err := url.QueryUnescape(p)
		if err != nil {
			v = p
		}
		parts[i] = v
	}
	return parts
}

func FuzzSplit(f *testing.F) {
	for _, p := range []string{"/", "/v1.0/state/s/k", "//a/../b/./c/", "/a%2Fb/c%2f", "/a+b/%2B/%20", "/%2E%2E/x", "/a%25/%2525", "/ü/%C3%BC", "/%00/\\", "/a;b,c/$&'()*!", "/*/%7C", "//"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || u.Host != "" || u.Opaque != "" {
			t.Skip()
		}
		want := referenceSplit(u)
		segments, n, encoded := split(u)
		if n < 0 {
			if len(want) <= maxSegments {
				t.Fatalf("%q has %d parts, got too many", raw, len(want))
			}
			return
		}
		if n != len(want) {
			t.Fatalf("%q: got %q, want %q", raw, segments[:n], want)
		}
		for i := range want {
			if got := unescape(segments[i], encoded); got != want[i] {
				t.Errorf("%q, part %d: got %q, want %q", raw, i, got, want[i])
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	rt := newRouter(all)
	for _, p := range []string{"/v1.0/state/statestore/key1", "/v1.0/state/statestore/a%2Fb", "/v1.0/shutdown"} {
		u, err := url.ParseRequestURI(p)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(p, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rt.find("GET", u)
			}
		})
	}
}
