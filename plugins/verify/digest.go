package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/berth-run/berth/plugins"
)

const algorithm = "sha256:"

// Digest returns the digest that a module is known by: "sha256:" and 64 digits in hex.
func Digest(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return algorithm + hex.EncodeToString(sum[:])
}

// ParseDigest checks a digest that somebody wrote, and returns it as Digest would.
func ParseDigest(s string) (string, error) {
	refuse := func(what string) (string, error) {
		return "", &plugins.Error{Code: plugins.DigestInvalid, What: fmt.Sprintf("digest %q %s", clip(s), what),
			Hint: "write sha256: and 64 hex digits, as berth plugin inspect prints it"}
	}
	low := strings.ToLower(strings.TrimSpace(s))
	name, digits, ok := strings.Cut(low, ":")
	switch {
	case !ok:
		return refuse("does not name its algorithm")
	case name != "sha256":
		return refuse("is not a sha256 digest")
	case len(digits) != 2*sha256.Size:
		return refuse(fmt.Sprintf("has %d digits, want %d", len(digits), 2*sha256.Size))
	case strings.Trim(digits, "0123456789abcdef") != "":
		return refuse("has a character that is no hex digit")
	}
	return low, nil
}

// Pin checks that a module whose digest is got is the one that was pinned as want.
func Pin(got, want string) error {
	w, err := ParseDigest(want)
	if err != nil {
		return err
	}
	if got != w {
		return &plugins.Error{Code: plugins.DigestMismatch, What: fmt.Sprintf("digest is %s, pinned is %s", got, w),
			Hint: "the file is not the one that was pinned: find out why before changing the pin"}
	}
	return nil
}

// clip shortens a name out of a module or a configuration for a message.
func clip(s string) string {
	const limit = 100
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
