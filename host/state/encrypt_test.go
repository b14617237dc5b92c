package state

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	key128 = "000102030405060708090a0b0c0d0e0f"
	key192 = key128 + "1011121314151617"
	key256 = key192 + "18191a1b1c1d1e1f"
	other  = "ffffffffffffffffffffffffffffffff"
)

// metadata returns a lookup of encryption keys as New makes it: pairs of a
// field's value and its secret's name.
func metadata(primary, primarySecret, secondary, secondarySecret string) func(string) (string, string, bool) {
	return func(field string) (string, string, bool) {
		if field == fieldPrimaryKey {
			return primary, primarySecret, primary != ""
		}
		return secondary, secondarySecret, secondary != ""
	}
}

// daprSeal writes a value as Dapr 1.18 does, by the letter of its layout:
// base64 of nonce, ciphertext and tag, two bars, the name of the secret.
func daprSeal(t *testing.T, hexKey, secret string, nonce, plain []byte) []byte {
	t.Helper()
	key, err := hex.DecodeString(hexKey)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(gcm.Seal(nonce, nonce, plain, nil)) + "||" + secret)
}

func TestOpenWhatDaprWrote(t *testing.T) {
	nonce := []byte("123456789012")
	for _, tc := range []struct {
		name, key, secret string
	}{
		{name: "128 bits", key: key128, secret: "keys"},
		{name: "192 bits", key: key192, secret: "keys"},
		{name: "256 bits", key: key256, secret: "a-key.name|x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := newSealer(metadata(tc.key, tc.secret, "", ""))
			if err != nil {
				t.Fatal(err)
			}
			plain := []byte(`{"a":"b||c"}`)
			got, err := s.open(daprSeal(t, tc.key, tc.secret, nonce, plain))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("got %q, %v, want %q", got, err, plain)
			}
		})
	}
}

// TestSealAsDapr takes a sealed value apart the way Dapr does.
func TestSealAsDapr(t *testing.T) {
	s, err := newSealer(metadata(key256, "keys", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte("value")
	sealed := s.seal(plain)
	encoded, name, ok := strings.Cut(string(sealed), "||")
	if !ok || name != "keys" {
		t.Fatalf("got %q, want base64||keys", sealed)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if want := 12 + len(plain) + 16; len(raw) != want {
		t.Fatalf("got %d bytes, want nonce, ciphertext and tag: %d", len(raw), want)
	}
	if want := daprSeal(t, key256, "keys", raw[:12:12], plain); !bytes.Equal(sealed, want) {
		t.Errorf("got %q, want %q", sealed, want)
	}
	if again := s.seal(plain); bytes.Equal(again, sealed) {
		t.Error("the same nonce was used twice")
	}
}

func TestKeyRotation(t *testing.T) {
	before, err := newSealer(metadata(key128, "old", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	after, err := newSealer(metadata(key256, "new", key128, "old"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := after.open(before.seal([]byte("v")))
	if err != nil || string(got) != "v" {
		t.Errorf("an old value: got %q, %v", got, err)
	}
	if sealed := after.seal([]byte("v")); !bytes.HasSuffix(sealed, []byte("||new")) {
		t.Errorf("a new value: got %q, want the primary key's name at its end", sealed)
	}
	if _, err := before.open(after.seal([]byte("v"))); err == nil || !strings.Contains(err.Error(), `"new"`) {
		t.Errorf("a value of an unknown key: got error %v, want the key's name", err)
	}
}

func TestNewSealer(t *testing.T) {
	for _, tc := range []struct {
		name, primary, primarySecret, secondary, secondarySecret string
		wantErr                                                  string // "" = works
		wantNone                                                 bool
	}{
		{name: "no keys", wantNone: true},
		{name: "one key", primary: key256, primarySecret: "s"},
		{name: "two keys", primary: key256, primarySecret: "s", secondary: key128, secondarySecret: "t"},
		{name: "secondary alone", secondary: key128, secondarySecret: "t", wantErr: "secondaryEncryptionKey is set without primaryEncryptionKey"},
		{name: "not a secret", primary: key256, wantErr: "primaryEncryptionKey must come from a secretKeyRef"},
		{name: "secondary is not a secret", primary: key256, primarySecret: "s", secondary: key128, wantErr: "secondaryEncryptionKey must come from a secretKeyRef"},
		{name: "not hexadecimal", primary: "no hex at all", primarySecret: "s", wantErr: "not hexadecimal"},
		{name: "wrong size", primary: "0011", primarySecret: "s", wantErr: "2 bytes, not 16, 24 or 32"},
		{name: "bars in the name", primary: key256, primarySecret: "a||b", wantErr: "can't contain '||'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := newSealer(metadata(tc.primary, tc.primarySecret, tc.secondary, tc.secondarySecret))
			switch {
			case tc.wantErr != "":
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("got error %v, want one with %q", err, tc.wantErr)
				}
				if tc.primary != "" && strings.Contains(err.Error(), tc.primary) {
					t.Errorf("the error shows the key: %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case (s == nil) != tc.wantNone:
				t.Errorf("got sealer %v, want none: %t", s, tc.wantNone)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	s, err := newSealer(metadata(key256, "keys", other, "old"))
	if err != nil {
		t.Fatal(err)
	}
	good := s.seal([]byte("value"))
	flipped := bytes.Clone(good)
	flipped[20] ^= 1 // still base64, another ciphertext
	for name, stored := range map[string][]byte{
		"not encrypted":        []byte(`{"a":1}`),
		"no name":              []byte("aGVsbG8=||"),
		"only bars":            []byte("||"),
		"unknown name":         append(bytes.Clone(good), 'x'),
		"not base64":           []byte("!!||keys"),
		"shorter than a nonce": []byte("AAAA||keys"),
		"changed":              flipped,
		"another key":          bytes.Replace(good, []byte("||keys"), []byte("||old"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := s.open(stored); err == nil {
				t.Errorf("got %q, want an error", got)
			}
		})
	}
}

func TestSealOpen(t *testing.T) {
	s, err := newSealer(metadata(key256, "keys", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		got, err := s.open(s.seal(plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %q, %v, want %q", got, err, plain)
		}
	})
}

func FuzzOpen(f *testing.F) {
	s, err := newSealer(metadata(key256, "keys", key128, "old"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.seal([]byte("value")))
	f.Add([]byte("||keys"))
	f.Add([]byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=||old"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		plain, err := s.open(stored)
		if err == nil && !bytes.HasSuffix(stored, []byte("||keys")) && !bytes.HasSuffix(stored, []byte("||old")) {
			t.Errorf("opened %q as %q without the name of a key", stored, plain)
		}
	})
}
