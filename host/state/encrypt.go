package state

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// Metadata fields of encryption at rest. They hold 16, 24 or 32 bytes in
// hexadecimal and come from a secret, whose name is written beside each value.
const (
	fieldPrimaryKey   = "primaryEncryptionKey"
	fieldSecondaryKey = "secondaryEncryptionKey"
)

// sealer encrypts values on their way to a store. What it makes is
//
//	base64(nonce 12 B, ciphertext, tag 16 B) "||" name of the key's secret
//
// as Dapr does, so that either reads what the other wrote. It always encrypts
// with the primary key and decrypts with the one that the value names, which
// is how a key is changed: the old one stays on as the secondary.
type sealer struct {
	primary, secondary *aead
}

type aead struct {
	name string
	gcm  cipher.AEAD
}

// newSealer returns nil when the component configures no encryption.
func newSealer(get func(field string) (value, secret string, ok bool)) (*sealer, error) {
	primary, err := newAEAD(fieldPrimaryKey, get)
	if err != nil {
		return nil, err
	}
	secondary, err := newAEAD(fieldSecondaryKey, get)
	if err != nil {
		return nil, err
	}
	switch {
	case primary == nil && secondary == nil:
		return nil, nil
	case primary == nil:
		return nil, fmt.Errorf("%s is set without %s", fieldSecondaryKey, fieldPrimaryKey)
	}
	return &sealer{primary, secondary}, nil
}

func newAEAD(field string, get func(string) (string, string, bool)) (*aead, error) {
	value, secret, ok := get(field)
	if !ok {
		return nil, nil
	}
	if secret == "" {
		return nil, fmt.Errorf("%s must come from a secretKeyRef", field)
	}
	if bytes.Contains([]byte(secret), []byte(separator)) {
		return nil, fmt.Errorf("%s: the secret's name can't contain '%s'", field, separator)
	}
	key, err := hex.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("%s: the key is not hexadecimal", field)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("%s: the key has %d bytes, not 16, 24 or 32", field, len(key))
	}
	// A random nonce for each value is safe for 2^32 values of a key.
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return &aead{secret, gcm}, nil
}

func (s *sealer) seal(value []byte) []byte {
	sealed := s.primary.gcm.Seal(nil, nil, value, nil)
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(sealed))+len(separator)+len(s.primary.name))
	out = base64.StdEncoding.AppendEncode(out, sealed)
	out = append(out, separator...)
	return append(out, s.primary.name...)
}

func (s *sealer) open(value []byte) ([]byte, error) {
	i := bytes.LastIndex(value, []byte(separator))
	if i < 0 || i+len(separator) == len(value) {
		return nil, errors.New("could not decrypt data: encryption key name not found on record")
	}
	name := string(value[i+len(separator):])
	var key *aead
	switch {
	case name == s.primary.name:
		key = s.primary
	case s.secondary != nil && name == s.secondary.name:
		key = s.secondary
	default:
		return nil, fmt.Errorf("could not decrypt data: it was encrypted with key %q, which is neither %s nor %s", name, fieldPrimaryKey, fieldSecondaryKey)
	}
	sealed, err := base64.StdEncoding.AppendDecode(nil, value[:i])
	if err != nil {
		return nil, fmt.Errorf("could not decrypt data: %w", err)
	}
	// Open also refuses what is shorter than a nonce and a tag.
	plain, err := key.gcm.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("could not decrypt data with key %q: %w", name, err)
	}
	return plain, nil
}
