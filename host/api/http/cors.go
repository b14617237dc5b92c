package http

import (
	"net/http"
	"strings"
)

// cors answers browsers that ask whether a page of another origin may call.
type cors struct {
	any     bool
	origins map[string]bool
	// An origin may hold one star, which stands for anything: what is before and after it.
	patterns [][2]string
}

const corsMethods = "HEAD GET POST PUT PATCH DELETE OPTIONS"

// newCORS returns nil when origins is "": then the API says nothing of origins.
func newCORS(origins string) *cors {
	if origins == "" {
		return nil
	}
	c := &cors{origins: map[string]bool{}}
	for o := range strings.SplitSeq(origins, ",") {
		o = strings.ToLower(strings.TrimSpace(o))
		if o == "*" {
			return &cors{any: true}
		}
		if before, after, found := strings.Cut(o, "*"); found {
			c.patterns = append(c.patterns, [2]string{before, after})
		} else if o != "" {
			c.origins[o] = true
		}
	}
	return c
}

func (c *cors) allows(origin string) bool {
	if c.any {
		return true
	}
	origin = strings.ToLower(origin)
	if c.origins[origin] {
		return true
	}
	for _, p := range c.patterns {
		if len(origin) >= len(p[0])+len(p[1]) && strings.HasPrefix(origin, p[0]) && strings.HasSuffix(origin, p[1]) {
			return true
		}
	}
	return false
}

// handle adds the headers of CORS and reports whether the request was only a
// question, which it then has answered.
func (c *cors) handle(w http.ResponseWriter, r *http.Request) bool {
	header, origin := w.Header(), r.Header.Get("Origin")
	method := r.Header.Get("Access-Control-Request-Method")
	preflight := r.Method == http.MethodOptions && method != ""
	header.Add("Vary", "Origin")
	if preflight {
		header.Add("Vary", "Access-Control-Request-Method")
		header.Add("Vary", "Access-Control-Request-Headers")
		defer w.WriteHeader(http.StatusOK)
	}
	if origin == "" || !c.allows(origin) {
		return preflight
	}
	if preflight {
		method = strings.ToUpper(method)
		if !hasMethod(corsMethods, method) {
			return true
		}
		header.Set("Access-Control-Allow-Methods", method)
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			header.Set("Access-Control-Allow-Headers", asked)
		}
	}
	if c.any {
		origin = "*"
	}
	header.Set("Access-Control-Allow-Origin", origin)
	return preflight
}
