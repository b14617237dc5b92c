package verify

import (
	"strings"
	"testing"

	"github.com/berth-run/berth/plugins"
)

// Digests of nothing and of "abc", from FIPS 180-4's examples.
const (
	ofNothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	ofABC     = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)

func TestDigest(t *testing.T) {
	if got := Digest(nil); got != ofNothing {
		t.Errorf("got %s, want %s", got, ofNothing)
	}
	if got := Digest([]byte("abc")); got != ofABC {
		t.Errorf("got %s, want %s", got, ofABC)
	}
}

func TestPin(t *testing.T) {
	for _, tc := range []struct {
		name, pin string
		code      plugins.Code
		want      string
	}{
		{"equal", ofABC, "", ""},
		{"capitals and blanks", " " + strings.ToUpper(ofABC) + "\n", "", ""},
		{"of another file", ofNothing, plugins.DigestMismatch, "digest is " + ofABC + ", pinned is " + ofNothing},
		{"without algorithm", ofABC[7:], plugins.DigestInvalid, "does not name its algorithm"},
		{"empty", "", plugins.DigestInvalid, "does not name its algorithm"},
		{"md5", "md5:900150983cd24fb0d6963f7d28e17f72", plugins.DigestInvalid, "is not a sha256 digest"},
		{"short", ofABC[:70], plugins.DigestInvalid, "has 63 digits, want 64"},
		{"long", ofABC + "0", plugins.DigestInvalid, "has 65 digits, want 64"},
		{"not hex", ofABC[:70] + "g", plugins.DigestInvalid, "no hex digit"},
		{"two", "sha256:" + ofABC, plugins.DigestInvalid, "has 71 digits"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Pin(Digest([]byte("abc")), tc.pin)
			if tc.code == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			if !plugins.Has(err, tc.code) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s with %q", err, tc.code, tc.want)
			}
		})
	}
}
