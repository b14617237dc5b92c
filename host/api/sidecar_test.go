package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apigrpc "github.com/berth-run/berth/host/api/grpc"
	apihttp "github.com/berth-run/berth/host/api/http"
	"github.com/berth-run/berth/host/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stores is one store that needs no component.
func stores(t *testing.T) []*state.Store {
	t.Helper()
	return []*state.Store{store(t, newMapStore(), state.Config{Name: "statestore"})}
}

const noAppID = `{"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"}`

const notReady = `{"errorCode":"ERR_DIRECT_INVOKE","message":"invoke API is not ready"}`

// TestAnswers pins whole answers over HTTP.
func TestAnswers(t *testing.T) {
	sc := start(t, stores(t), settings{})
	sc.call(t, "POST", "/v1.0/state/statestore", `[{"key":"k","value": {"a": [1, 2]} }]`)
	for _, tc := range []struct {
		method, path, body string
		headers            []string
		want               string
	}{
		{"GET", "/v1.0/state/statestore/k", "", nil, `200 {"a": [1, 2]}`},
		{"GET", "/v1.0/state/statestore/k?consistency=strong", "", nil, `200 {"a": [1, 2]}`},
		{"GET", "/v1.0/state/statestore/k?consistency=nonsense", "", nil, `200 {"a": [1, 2]}`},
		{"POST", "/v1.0/state/statestore", `[]`, nil, `204 `},
		{"POST", "/v1.0/state/statestore", `null`, nil, `204 `},
		{"PUT", "/v1.0/state/statestore", `[{"key":"p","value":1}]`, nil, `204 `},
		{"GET", "/v1.0/state/statestore/p", "", nil, `200 1`},
		{"POST", "/v1.0/state/statestore", `[{"key":"n"}]`, nil, `204 `},
		{"GET", "/v1.0/state/statestore/n", "", nil, `200 null`},

		{"POST", "/v1.0/state/statestore", ``, nil, `400 {"errorCode":"ERR_MALFORMED_REQUEST","message":"EOF"}`},
		{"POST", "/v1.0/state/statestore", `{"key":"k"}`, nil, `400 {"errorCode":"ERR_MALFORMED_REQUEST","message":"json: cannot unmarshal object into Go value of type []http.item"}`},
		{"POST", "/v1.0/state/statestore", `[{"key":"k","value":}]`, nil, `400 {"errorCode":"ERR_MALFORMED_REQUEST","message":"invalid character '}' looking for beginning of value"}`},
		{"POST", "/v1.0/state/statestore", `[{"value":1}]`, nil, `400 {"errorCode":"ERR_MALFORMED_REQUEST","message":"\"key\" is a required field"}`},
		{"POST", "/v1.0/state/statestore/bulk", `{"keys":`, nil, `400 {"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: unexpected EOF"}`},
		{"POST", "/v1.0/state/statestore/bulk", `{"keys":[]}`, nil, `200 []`},
		{"POST", "/v1.0/state/statestore/bulk", `{}`, nil, `200 []`},

		{"GET", "/v1.0/healthz", "", nil, `204 `},
		{"GET", "/v1.0/healthz?appid=orders", "", nil, `204 `},
		{"GET", "/v1.0/healthz?appid=billing", "", nil, `500 {"errorCode":"ERR_HEALTH_APPID_NOT_MATCH","message":"dapr app-id does not match"}`},
		{"GET", "/v1.0/healthz/outbound", "", nil, `204 `},

		{"GET", "/", "", nil, `404 ` + noAppID},
		{"GET", "/orders", "", []string{"Dapr-App-Id", "billing"}, `500 ` + notReady},
		{"GET", "/orders", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("dapr-app-id:billing"))}, `500 ` + notReady},
		{"GET", "/orders", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("somebody:else"))}, `404 ` + noAppID},
		{"GET", "/v1.0/invoke/billing/method/orders", "", nil, `500 ` + notReady},
		{"GET", "/v1.0/state/statestore", "", nil, `404 ` + noAppID},
		{"PATCH", "/v1.0/state/statestore", `[]`, nil, `404 ` + noAppID},
		{"GET", "/v1.0/nothing/here/at/all", "", nil, `404 ` + noAppID},
		{"POST", "/v1.0/healthz", "", nil, `404 ` + noAppID},
		{"OPTIONS", "/v1.0/state/statestore", "", []string{"Origin", "http://x", "Access-Control-Request-Method", "POST"}, `404 ` + noAppID},
	} {
		t.Run(tc.method+" "+tc.path+" "+tc.body, func(t *testing.T) {
			if got := sc.call(t, tc.method, tc.path, tc.body, tc.headers...); got.String() != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	sc := start(t, nil, settings{})
	sc.mu.Lock()
	sc.unready, sc.outbound = []string{"components", "app"}, false
	sc.mu.Unlock()
	for path, want := range map[string]string{
		"/v1.0/healthz":          `500 {"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready: [components app]"}`,
		"/v1.0/healthz/outbound": `500 {"errorCode":"ERR_OUTBOUND_HEALTH_NOT_READY","message":"dapr outbound is not ready"}`,
	} {
		if got := sc.call(t, "GET", path, ""); got.String() != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	sc := start(t, nil, settings{})
	if a := sc.call(t, "PUT", "/v1.0/metadata/cliPID", "12345"); a.String() != "204 " {
		t.Errorf("put: got %s", a)
	}
	if _, err := sc.dapr.SetMetadata(t.Context(), &runtimev1.SetMetadataRequest{Key: "appCommand", Value: "go run ."}); err != nil {
		t.Error(err)
	}
	if _, err := sc.dapr.SetMetadata(t.Context(), &runtimev1.SetMetadataRequest{Value: "of no name"}); err != nil {
		t.Error(err)
	}
	a := sc.call(t, "GET", "/v1.0/metadata", "")
	const want = `{"id":"orders","runtimeVersion":"1.18.0",
		"components":[{"name":"statestore","type":"state.in-memory","version":"v1","capabilities":["ETAG"]}],
		"extended":{"appCommand":"go run .","cliPID":"12345","daprRuntimeVersion":"1.18.0"},
		"subscriptions":[{"pubsubname":"p","topic":"t","rules":[{"path":"/x"}],"deadLetterTopic":"","type":"DECLARATIVE"}],
		"appConnectionProperties":{"port":6001,"protocol":"http","channelAddress":"127.0.0.1"},
		"actorRuntime":{"runtimeStatus":"DISABLED","hostReady":false}}`
	var got, wanted any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" || a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v (-want +got):\n%s", a.status, a.header, diff)
	}

	r, err := sc.dapr.GetMetadata(t.Context(), &runtimev1.GetMetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantProto := &runtimev1.GetMetadataResponse{
		Id: "orders", RuntimeVersion: "1.18.0",
		RegisteredComponents:    []*runtimev1.RegisteredComponents{{Name: "statestore", Type: "state.in-memory", Version: "v1", Capabilities: []string{"ETAG"}}},
		ExtendedMetadata:        map[string]string{"appCommand": "go run .", "cliPID": "12345", "daprRuntimeVersion": "1.18.0"},
		AppConnectionProperties: &runtimev1.AppConnectionProperties{Port: 6001, Protocol: "http", ChannelAddress: "127.0.0.1"},
		ActorRuntime:            &runtimev1.ActorRuntime{RuntimeStatus: runtimev1.ActorRuntime_DISABLED},
		Subscriptions: []*runtimev1.PubsubSubscription{{PubsubName: "p", Topic: "t", Type: runtimev1.PubsubSubscriptionType_DECLARATIVE,
			Rules: &runtimev1.PubsubSubscriptionRules{Rules: []*runtimev1.PubsubSubscriptionRule{{Path: "/x"}}}}},
	}
	if !proto.Equal(wantProto, r) {
		t.Errorf("got  %v\nwant %v", r, wantProto)
	}
}

func TestShutdownCall(t *testing.T) {
	sc := start(t, nil, settings{})
	steps := []func() error{
		func() error { sc.call(t, "POST", "/v1.0/shutdown", ""); return nil },
		func() error { sc.call(t, "POST", "/v1.0/shutdown", "", "Dapr-Force-Shutdown", "TRUE"); return nil },
		func() error { _, err := sc.dapr.Shutdown(t.Context(), &runtimev1.ShutdownRequest{}); return err },
		func() error {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "dapr-force-shutdown", "true")
			_, err := sc.dapr.Shutdown(ctx, &runtimev1.ShutdownRequest{})
			return err
		},
	}
	for _, s := range steps {
		if err := s(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]bool{false, true, false, true}, sc.shutdown); diff != "" {
		t.Errorf("with force (-want +got):\n%s", diff)
	}
}

const token = "s3cret"

func withToken() settings {
	return settings{http: func(o *apihttp.Options) { o.Token = token }, grpc: func(o *apigrpc.Options) { o.Token = token }}
}

func TestToken(t *testing.T) {
	sc := start(t, stores(t), withToken())
	for _, tc := range []struct {
		name, method, path, token string
		want                      int
	}{
		{"none", "GET", "/v1.0/state/statestore/k", "", 401},
		{"wrong", "GET", "/v1.0/state/statestore/k", "s3cre", 401},
		{"longer", "GET", "/v1.0/state/statestore/k", token + "x", 401},
		{"right", "GET", "/v1.0/state/statestore/k", token, 200},
		{"health needs none", "GET", "/v1.0/healthz", "", 204},
		{"health may have a wrong one", "GET", "/v1.0/healthz", "x", 204},
		{"outbound health needs none", "GET", "/v1.0/healthz/outbound/", "", 204},
		{"another method on health", "POST", "/v1.0/healthz", "", 401},
		{"metadata", "GET", "/v1.0/metadata", "", 401},
		{"unknown path", "GET", "/nothing", "", 401},
		{"health by another way", "GET", "/v1.0/x/../healthz", "", 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var headers []string
			if tc.token != "" {
				headers = []string{"dapr-api-token", tc.token}
			}
			a := sc.call(t, tc.method, tc.path, "", headers...)
			if a.status != tc.want {
				t.Errorf("got %s, want %d", a, tc.want)
			}
			if a.status == 401 && (a.body != "invalid api token\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain")) {
				t.Errorf("got %q as %q", a.body, a.header.Get("Content-Type"))
			}
		})
	}
	for _, tc := range []struct {
		name, token, detail string
		want                codes.Code
	}{
		{"gRPC, none", "", "missing api token in request metadata", codes.Unauthenticated},
		{"gRPC, wrong", "x", "authentication error: api token mismatch", codes.Unauthenticated},
		{"gRPC, right", token, "", codes.OK},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := t.Context()
			if tc.token != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", tc.token)
			}
			_, err := sc.dapr.GetMetadata(ctx, &runtimev1.GetMetadataRequest{})
			st := status.Convert(err)
			if st.Code() != tc.want {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if tc.detail != "" && !strings.Contains(st.Proto().String(), tc.detail) {
				t.Errorf("got %v, want the detail %q", st.Proto(), tc.detail)
			}
			// Calls of services that there are not, and streams, are no way round.
			err = sc.conn.Invoke(ctx, "/some.other.Service/Call", &runtimev1.GetMetadataRequest{}, &runtimev1.GetMetadataResponse{})
			if want := max(tc.want, codes.Unknown); status.Code(err) != want {
				t.Errorf("another service: got %v, want %v", err, want)
			}
		})
	}
}

// TestTokenIsNotPassedOn: what a component may be shown of a request has no token in it.
func TestTokenIsNotPassedOn(t *testing.T) {
	var seen []string
	o := apihttp.Options{Services: new(sidecar).services(state.NewRegistry()), Token: token}
	o.SetMetadata = func(ctx context.Context, _, _ string) {}
	s, err := apihttp.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("PUT", "http://x/v1.0/metadata/k", strings.NewReader("v"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("dapr-api-token", token)
	s.Handler().ServeHTTP(discard{http.Header{}}, r)
	for k := range r.Header {
		seen = append(seen, k)
	}
	if len(seen) != 0 {
		t.Errorf("got headers %q after the check", seen)
	}
}

// discard is an answer that nobody reads.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestUnknownServices(t *testing.T) {
	sc := start(t, nil, settings{})
	for method, want := range map[string]struct {
		code codes.Code
		text string
	}{
		"/some.other.Service/Call":                {codes.Unknown, "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"},
		"/dapr.proto.runtime.v1.Dapr/NoSuchCall":  {codes.Unknown, "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"},
		"/dapr.proto.runtime.v1.Dapr/GetSecret":   {codes.Unimplemented, "method GetSecret not implemented"},
		"/TaskHubSidecarService/GetWorkItems":     {codes.Unknown, "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"},
		"/dapr.proto.runtime.v1.Dapr/GetMetadata": {codes.OK, ""},
	} {
		err := sc.conn.Invoke(t.Context(), method, &runtimev1.GetMetadataRequest{}, &runtimev1.GetMetadataResponse{})
		if st := status.Convert(err); st.Code() != want.code || st.Message() != want.text {
			t.Errorf("%s: got %v, want %v %q", method, err, want.code, want.text)
		}
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "dapr-app-id", "billing")
	err := sc.conn.Invoke(ctx, "/some.other.Service/Call", &runtimev1.GetMetadataRequest{}, &runtimev1.GetMetadataResponse{})
	if st := status.Convert(err); st.Code() != codes.Unknown || !strings.Contains(st.Message(), "proxy not initialized") {
		t.Errorf("for an application: got %v", err)
	}
}
