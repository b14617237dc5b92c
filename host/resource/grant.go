package resource

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// grants reads a list with commas. Each part is checked and brought to one
// spelling by normal.
func grants(field func(*Sandbox) *[]string, normal func(string) (string, error)) func(*Sandbox, string) error {
	return func(s *Sandbox, v string) error {
		var out []string
		for part := range strings.SplitSeq(v, ",") {
			part = strings.TrimSpace(part)
			if part == "" {
				return partError{errors.New("a part of the list is empty")}
			}
			g, err := normal(part)
			if err != nil {
				return partError{fmt.Errorf("%s%w", shown(part), err)}
			}
			out = append(out, g)
		}
		*field(s) = out
		return nil
	}
}

// partError names the part of the list that is wrong.
type partError struct{ error }

// shown writes a value for a message. A URL that may hold a password is left out.
func shown(v string) string {
	if strings.Contains(v, "@") {
		return ""
	}
	return quote(v) + ": "
}

var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// checkHost accepts a DNS name in lower case, with *. before it, or * alone.
func checkHost(host string) error {
	if host == "*" {
		return nil
	}
	name := strings.TrimPrefix(host, "*.")
	if name == "" || len(name) > 253 {
		return errors.New("not a host name")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if strings.Contains(label, "*") {
			return errors.New("a * stands for the whole host, or for the first part of its name")
		}
		if !hostLabel.MatchString(label) {
			return errors.New("not a host name")
		}
	}
	return nil
}

func netGrant(s string) (string, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", errors.New("the port is missing")
	}
	host, ports := s[:i], s[i+1:]
	low, high, isRange := strings.Cut(ports, "-")
	if !isRange {
		high = low
	}
	a, errA := strconv.ParseUint(low, 10, 16)
	b, errB := strconv.ParseUint(high, 10, 16)
	if errA != nil || errB != nil || a == 0 || a > b {
		return "", errors.New("want a port from 1 to 65535, or two with - between")
	}
	inBrackets := strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
	if inBrackets {
		host = host[1 : len(host)-1]
	}
	if p, err := netip.ParsePrefix(host); err == nil && (p.Addr().Is4() || inBrackets) {
		if p != p.Masked() {
			return "", fmt.Errorf("the network is %s", p.Masked())
		}
		return s, nil
	}
	if a, err := netip.ParseAddr(host); err == nil && (a.Is4() || inBrackets) {
		return s, nil
	}
	if inBrackets || strings.Contains(host, ":") {
		return "", errors.New("write an IPv6 address in brackets: [::1]:6379")
	}
	host = strings.ToLower(host)
	return host + ":" + ports, checkHost(host)
}

func httpGrant(s string) (string, error) {
	if strings.ContainsAny(s, "?#") {
		return "", errors.New("a URL here has no query and no fragment")
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("not a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("want http:// or https://")
	case u.User != nil:
		return "", errors.New("a URL here has no user")
	case u.Port() == "" && strings.HasSuffix(u.Host, ":"):
		return "", errors.New("the port is missing")
	case strings.Contains(strings.TrimSuffix(u.Path, "*"), "*"):
		return "", errors.New("a * stands only at the end of the path")
	}
	if p := strings.TrimSuffix(u.Path, "*"); p != "" && path.Clean(p) != strings.TrimRight(p, "/") && path.Clean(p) != p {
		return "", errors.New("write the path without . and .. and double slashes")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", errors.New("want a port from 1 to 65535")
		}
	}
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err != nil {
		if err := checkHost(host); err != nil {
			return "", err
		}
	}
	u.Host = strings.ToLower(u.Host)
	if u.Path == "" {
		u.Path = "/"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath(), nil
}

func folderGrant(s string) (string, error) {
	folder, mode := s, "ro"
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		folder, mode = strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:])
	}
	switch {
	case mode != "ro" && mode != "rw":
		return "", errors.New("after the colon, want ro or rw")
	case !strings.HasPrefix(folder, "/"):
		return "", errors.New("want an absolute path")
	case path.Clean(folder) != folder && path.Clean(folder)+"/" != folder:
		return "", errors.New("write the path without . and .. and double slashes")
	}
	return path.Clean(folder) + ":" + mode, nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\*?$`)

func envGrant(s string) (string, error) {
	up := strings.ToUpper(strings.TrimSuffix(s, "*"))
	switch {
	case s == "*":
		return "", errors.New("all variables cannot be granted: name them")
	case !envName.MatchString(s):
		return "", errors.New("not a variable's name")
	case strings.HasPrefix(up, "DAPR_") || up == "APP_API_TOKEN" && !strings.HasSuffix(s, "*"):
		return "", errors.New("the sidecar's own variables cannot be granted")
	}
	return s, nil
}

var secretName = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

func secretGrant(s string) (string, error) {
	if !secretName.MatchString(s) {
		return "", errors.New("not a secret's name: want letters, digits and . _ / -")
	}
	return s, nil
}

func readURL(s *Sandbox, v string) error {
	scheme, rest, ok := strings.Cut(v, "://")
	if !ok {
		return errors.New("want a URL with a scheme; a file is file:// and its path")
	}
	u, err := url.Parse(v)
	switch scheme {
	case "file": // what follows is a path, as in Dapr: file://guest.wasm is relative
		if rest == "" {
			return errors.New("the path is missing")
		}
	case "oci", "http", "https":
		if err != nil || u.Host == "" {
			return errors.New("not a URL with a host")
		}
		if u.User != nil {
			return errors.New("a URL here has no user and no password")
		}
	default:
		return errors.New("want file://, oci://, https:// or http://")
	}
	s.URL = v
	return nil
}

func readDigest(s *Sandbox, v string) error {
	digits, ok := strings.CutPrefix(v, "sha256:")
	if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != 32 || digits != strings.ToLower(digits) {
		return errors.New("want sha256: and 64 hex digits in lower case")
	}
	s.Digest = v
	return nil
}
