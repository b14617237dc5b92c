package state

import (
	"context"

	"github.com/berth-run/berth/abi/proto"
)

// Client is a loaded state store. A guest.State is one; keys given to it are
// the store's own, with their prefix.
type Client interface {
	// Has reports whether the store declared a feature, such as "ETAG".
	Has(feature string) bool
	Get(context.Context, *proto.GetRequest) (*proto.GetResponse, error)
	Set(context.Context, *proto.SetRequest) error
	Delete(context.Context, *proto.DeleteRequest) error
	BulkGet(context.Context, *proto.BulkGetRequest) (*proto.BulkGetResponse, error)
	BulkSet(context.Context, *proto.BulkSetRequest) error
	BulkDelete(context.Context, *proto.BulkDeleteRequest) error
	Transact(context.Context, *proto.TransactRequest) error
	MultiMaxSize(context.Context) (int, error)
	Query(context.Context, *proto.QueryRequest) (*proto.QueryResponse, error)
	DeleteWithPrefix(context.Context, *proto.DeleteWithPrefixRequest) (int64, error)
	KeysLike(context.Context, *proto.KeysLikeRequest) (*proto.KeysLikeResponse, error)
}

// Features that change what the block does.
const (
	FeatureETag             = "ETAG"
	FeatureTransactional    = "TRANSACTIONAL"
	FeatureQuery            = "QUERY_API"
	FeatureDeleteWithPrefix = "DELETE_WITH_PREFIX"
	FeatureKeysLike         = "KEYS_LIKE"
)
