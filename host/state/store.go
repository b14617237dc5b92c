package state

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
)

// Config says how a store is used.
type Config struct {
	Name      string // of the component
	AppID     string
	Namespace string
	// Metadata is the component's, with secrets filled in. The block reads keyPrefix, actorStateStore and the
	// encryption keys, in any case of letters; the rest is the component's business.
	Metadata map[string]string
	// Secrets gives, for a metadata field that came from a secretKeyRef, the secret's name.
	Secrets map[string]string
}

// Store is a state store as the API sees it. It is safe for concurrent use.
// Requests given to its methods are changed on their way to the component and
// not to be used again.
type Store struct {
	name       string
	appID      string
	prefix     string // of stored keys, with separator
	client     Client
	crypt      *sealer // nil = values are stored as they come
	actorStore bool

	transactional, queryable bool
	multiMaxSize             atomic.Int64 // 0 = not asked yet, -1 = no limit
	// One bit for each bulk operation that the component was found not to have.
	noBulk atomic.Uint32
}

// New makes a store of a loaded component.
func New(c Client, cfg Config) (*Store, error) {
	get := func(field string) (value, secret string, ok bool) {
		for k, v := range cfg.Metadata {
			if strings.EqualFold(k, field) {
				value, ok = v, true
			}
		}
		for k, v := range cfg.Secrets {
			if strings.EqualFold(k, field) {
				secret = v
			}
		}
		return value, secret, ok
	}
	strategy, _, _ := get("keyPrefix")
	prefix, err := keyPrefix(strategy, cfg.Name, cfg.AppID, cfg.Namespace)
	if err != nil {
		return nil, fmt.Errorf("component %s: keyPrefix: %w", cfg.Name, err)
	}
	crypt, err := newSealer(get)
	if err != nil {
		return nil, fmt.Errorf("component %s: %w", cfg.Name, err)
	}
	actor, _, _ := get("actorStateStore")
	return &Store{
		name: cfg.Name, appID: cfg.AppID, prefix: prefix, client: c, crypt: crypt, actorStore: truthy(actor),
		transactional: c.Has(FeatureTransactional), queryable: c.Has(FeatureQuery),
	}, nil
}

// truthy reads a flag as Dapr does: whatever is not a yes is a no.
func truthy(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "y", "yes", "true", "t", "on", "1":
		return true
	}
	return false
}

// Name returns the component's name.
func (s *Store) Name() string { return s.name }

// ActorStore reports whether the store is marked as the one of the actors.
func (s *Store) ActorStore() bool { return s.actorStore }

// Encrypted reports whether values are encrypted.
func (s *Store) Encrypted() bool { return s.crypt != nil }

// Has reports whether the store declared a feature.
func (s *Store) Has(feature string) bool { return s.client.Has(feature) }

// Lookup finds a store, or returns the error that tells an application that there is none.
func (r *Registry) Lookup(name, appID string) (*Store, error) {
	stores := *r.stores.Load()
	if s, ok := stores[name]; ok {
		return s, nil
	}
	code := apierrors.StateNotFound
	if len(stores) == 0 {
		code = apierrors.StateNotConfigured
	}
	e := apierrors.New(code, name)
	if appID != "" {
		e.WithInfo(map[string]string{"appID": appID})
	}
	return nil, e
}

// prepareSet turns an application's request into the component's. Errors of options are plain.
func (s *Store) prepareSet(r *proto.SetRequest) error {
	key, err := s.stored(r.Key)
	if err != nil {
		return err
	}
	if err := checkOptions(r.Options); err != nil {
		return err
	}
	r.Key = key
	r.Etag = etag(r.Etag)
	if s.crypt != nil {
		r.Value = s.crypt.seal(r.Value)
	}
	return nil
}

func (s *Store) prepareDelete(r *proto.DeleteRequest) error {
	key, err := s.stored(r.Key)
	if err != nil {
		return err
	}
	if err := checkOptions(r.Options); err != nil {
		return err
	}
	r.Key = key
	r.Etag = etag(r.Etag)
	return nil
}
