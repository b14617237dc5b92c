package http

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/berth-run/berth/host/api"
)

// route is one line of the API. In a pattern, {x} is a parameter.
type route struct {
	methods string // separated by spaces
	path    string // "v1.0/state/{store}/{key}"
	name    string // as logs and metrics call it
	group   string // what access rules name: "v1/state"
	health  bool   // no rule switches it off, and logs may leave it out
	serve   func(h *handler, w http.ResponseWriter, r *http.Request, p params)

	segments []string // of path; a parameter is ""
}

// params are the parameters of a path in their order.
type params [2]string

// routes is the API, in the order in which a path is compared.
var routes = []route{
	{methods: "GET", path: "v1.0/state/{store}/{key}", name: "GetState", group: "v1/state", serve: (*handler).getState},
	{methods: "POST PUT", path: "v1.0/state/{store}", name: "SaveState", group: "v1/state", serve: (*handler).saveState},
	{methods: "DELETE", path: "v1.0/state/{store}/{key}", name: "DeleteState", group: "v1/state", serve: (*handler).deleteState},
	{methods: "POST PUT", path: "v1.0/state/{store}/bulk", name: "GetBulkState", group: "v1/state", serve: (*handler).getBulkState},
	{methods: "POST PUT", path: "v1.0/state/{store}/transaction", name: "ExecuteStateTransaction", group: "v1/state", serve: (*handler).transactState},
	{methods: "POST PUT", path: "v1.0-alpha1/state/{store}/query", name: "QueryStateAlpha1", group: "v1alpha1/state", serve: (*handler).queryState},
	{methods: "GET", path: "v1.0/healthz", name: "Healthz", group: "v1/healthz", health: true, serve: (*handler).getHealth},
	{methods: "GET", path: "v1.0/healthz/outbound", name: "HealthzOutbound", group: "v1/healthz", health: true, serve: (*handler).getOutboundHealth},
	{methods: "GET", path: "v1.0/metadata", name: "GetMetadata", group: "v1/metadata", serve: (*handler).getMetadata},
	{methods: "PUT", path: "v1.0/metadata/{key}", name: "PutMetadata", group: "v1/metadata", serve: (*handler).putMetadata},
	{methods: "POST", path: "v1.0/shutdown", name: "Shutdown", group: "v1/shutdown", serve: (*handler).postShutdown},
}

// router finds the route of a request.
type router struct {
	// byLen lists, for a number of segments, the routes that have as many.
	byLen [maxSegments + 1][]route
}

// maxSegments is how many parts the longest path of the API has.
const maxSegments = 4

func newRouter(keep func(*route) bool) *router {
	rt := new(router)
	for _, r := range routes {
		if !keep(&r) {
			continue
		}
		r.segments = strings.Split(r.path, "/")
		for i, s := range r.segments {
			if strings.HasPrefix(s, "{") {
				r.segments[i] = ""
			}
		}
		rt.byLen[len(r.segments)] = append(rt.byLen[len(r.segments)], r)
	}
	return rt
}

// allowed says whether the rules of spec.api leave a route on. Dapr's older
// form of a rule is the beginning of a path, "v1.0/state".
func allowed(a api.Access) func(*route) bool {
	keys := func(rules []api.AccessRule) (out []string) {
		for _, r := range rules {
			if strings.EqualFold(r.Protocol, "http") {
				out = append(out, r.Version+"/"+r.Name)
			}
		}
		return out
	}
	allow, deny := keys(a.Allowed), keys(a.Denied)
	matches := func(r *route, keys []string) bool {
		for _, k := range keys {
			if k == r.group || strings.HasPrefix(r.path, k) {
				return true
			}
		}
		return false
	}
	return func(r *route) bool {
		return r.health || !matches(r, deny) && (len(allow) == 0 || matches(r, allow))
	}
}

// find returns the route of a request and the parameters in its path, or nil.
// It also returns nil when the path is known but not with this method: both
// are read as calls of another application.
func (rt *router) find(method string, u *url.URL) (*route, params) {
	segments, n, encoded := split(u)
	if n < 0 {
		return nil, params{}
	}
next:
	for i := range rt.byLen[n] {
		r := &rt.byLen[n][i]
		var p params
		k := 0
		for j, s := range r.segments {
			if s == "" {
				p[k] = segments[j]
				k++
			} else if s != segments[j] {
				continue next
			}
		}
		if !hasMethod(r.methods, method) {
			continue
		}
		for j := range p[:k] {
			p[j] = unescape(p[j], encoded)
		}
		return r, p
	}
	return nil, params{}
}

func hasMethod(list, method string) bool {
	if list == method {
		return true
	}
	for m := range strings.SplitSeq(list, " ") {
		if m == method {
			return true
		}
	}
	return false
}

// split cleans a path and cuts it into its parts; n is -1 when it has more
// than any route. encoded says that they are still percent-encoded, which is
// so when a part may hold an encoded slash or dot.
func split(u *url.URL) (segments [maxSegments]string, n int, encoded bool) {
	p := u.Path
	if u.RawPath != "" {
		p, encoded = u.EscapedPath(), true
	}
	p = strings.TrimPrefix(path.Clean(p), "/")
	if p == "" || p == "." {
		return segments, 0, encoded
	}
	for {
		if n == maxSegments {
			return segments, -1, encoded
		}
		part, rest, more := strings.Cut(p, "/")
		segments[n] = part
		n++
		if !more {
			return segments, n, encoded
		}
		p = rest
	}
}

// unescape reads a parameter the way Dapr does, which is that of a query: a
// plus sign is a space.
func unescape(s string, encoded bool) string {
	if encoded {
		if v, err := url.QueryUnescape(s); err == nil {
			return v
		}
		return s // cannot be: the URL was parsed
	}
	if strings.IndexByte(s, '+') < 0 {
		return s
	}
	return strings.ReplaceAll(s, "+", " ")
}
