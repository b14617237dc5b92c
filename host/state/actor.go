package state

import (
	"context"

	"github.com/berth-run/berth/abi/proto"
)

// The operations below take keys as they are stored, prefix and all: their
// callers, the actor and workflow runtimes, make their own.

// DeleteWithPrefix deletes the items directly under a prefix and returns how many there were.
func (s *Store) DeleteWithPrefix(ctx context.Context, req *proto.DeleteWithPrefixRequest) (int64, error) {
	return s.client.DeleteWithPrefix(ctx, req)
}

// KeysLike lists the stored keys that match a SQL LIKE pattern.
func (s *Store) KeysLike(ctx context.Context, req *proto.KeysLikeRequest) (*proto.KeysLikeResponse, error) {
	return s.client.KeysLike(ctx, req)
}
