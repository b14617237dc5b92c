package state

import (
	"fmt"
	"strings"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

// separator stands between the parts of a stored key, which is why no part may hold it.
const separator = "||"

// keyPrefix returns what stands before an application's keys in a store, with
// its separator, or "" for nothing. The words and the lower case are Dapr's,
// so that its data is found again.
func keyPrefix(strategy, store, appID, namespace string) (string, error) {
	strategy = strings.ToLower(strategy)
	if strings.Contains(strategy, separator) {
		return "", fmt.Errorf("input key/keyPrefix '%s' can't contain '%s'", strategy, separator)
	}
	switch strategy {
	case "none":
		return "", nil
	case "name":
		return store + separator, nil
	case "", "appid", "namespace":
		if appID == "" {
			return "", nil
		}
		if strategy == "namespace" && namespace != "" {
			return namespace + "." + appID + separator, nil
		}
		return appID + separator, nil
	}
	return strategy + separator, nil
}

// stored returns the key under which the store keeps an application's key.
func (s *Store) stored(key string) (string, error) {
	if strings.Contains(key, separator) {
		return "", apierrors.New(apierrors.StateIllegalKey, key).WithField(key).WithResource(s.name)
	}
	return s.prefix + key, nil
}

// original is the inverse of stored. A key with another prefix, as a query may
// find in a store that applications share, loses that one.
func (s *Store) original(key string) string {
	if s.prefix != "" {
		if k, ok := strings.CutPrefix(key, s.prefix); ok {
			return k
		}
	}
	_, rest, found := strings.Cut(key, separator)
	if !found {
		return key
	}
	rest, _, _ = strings.Cut(rest, separator)
	return rest
}
