package state

import (
	"fmt"

	"github.com/berth-run/berth/abi/proto"
)

// ParseOptions reads concurrency and consistency as the HTTP API writes them.
// It returns nil when neither is given.
func ParseOptions(concurrency, consistency string) (*proto.StateOptions, error) {
	var o proto.StateOptions
	switch concurrency {
	case "":
	case "first-write":
		o.Concurrency = proto.ConcurrencyFirstWrite
	case "last-write":
		o.Concurrency = proto.ConcurrencyLastWrite
	default:
		return nil, fmt.Errorf("unrecognized concurrency model '%s'", concurrency)
	}
	switch consistency {
	case "":
	case "eventual":
		o.Consistency = proto.ConsistencyEventual
	case "strong":
		o.Consistency = proto.ConsistencyStrong
	default:
		return nil, fmt.Errorf("unrecognized consistency model '%s'", consistency)
	}
	if o == (proto.StateOptions{}) {
		return nil, nil
	}
	return &o, nil
}

// checkOptions refuses values that the ABI does not know, which a gRPC client may send.
func checkOptions(o *proto.StateOptions) error {
	if o == nil {
		return nil
	}
	if o.Concurrency < 0 || o.Concurrency > proto.ConcurrencyLastWrite {
		return fmt.Errorf("unrecognized concurrency model '%d'", o.Concurrency)
	}
	if o.Consistency < 0 || o.Consistency > proto.ConsistencyStrong {
		return fmt.Errorf("unrecognized consistency model '%d'", o.Consistency)
	}
	return nil
}

// etag drops an empty ETag: it means that none was given.
func etag(e *proto.Etag) *proto.Etag {
	if e == nil || e.Value == "" {
		return nil
	}
	return e
}
