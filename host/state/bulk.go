package state

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/abi/proto"
	apierrors "github.com/berth-run/berth/host/api/errors"
	"github.com/berth-run/berth/host/guest"
)

// Bits of Store.noBulk.
const (
	noBulkGet = 1 << iota
	noBulkSet
	noBulkDelete
)

// maxParallel bounds a bulk that the host does item by item when the request
// sets no limit: a request may have as many items as fit its body.
const maxParallel = 64

// BulkGet reads items. A missing one has its key only; one that could not be
// read has its key and an error. The order is the component's.
func (s *Store) BulkGet(ctx context.Context, keys []string, parallelism int, md map[string]string) ([]proto.BulkStateItem, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	req := &proto.BulkGetRequest{Items: make([]proto.GetRequest, len(keys)), Options: &proto.BulkOptions{Parallelism: int64(parallelism)}}
	for i, k := range keys {
		key, err := s.stored(k)
		if err != nil {
			return nil, err
		}
		req.Items[i] = proto.GetRequest{Key: key, Metadata: md}
	}
	items, err := s.bulkGet(ctx, req)
	if err != nil {
		return nil, apierrors.New(apierrors.StateBulkGet, s.text(err)).Wrap(err)
	}
	if len(items) > len(keys) { // no more than was asked for, whatever a guest says
		items = items[:len(keys)]
	}
	for i := range items {
		it := &items[i]
		it.Key = s.original(it.Key)
		if it.Error == "" && s.crypt != nil && len(it.Data) > 0 {
			if it.Data, err = s.crypt.open(it.Data); err != nil {
				it.Error = err.Error()
			}
		}
		if it.Error != "" {
			*it = proto.BulkStateItem{Key: it.Key, Error: it.Error}
		}
	}
	return items, nil
}

func (s *Store) bulkGet(ctx context.Context, req *proto.BulkGetRequest) ([]proto.BulkStateItem, error) {
	if s.noBulk.Load()&noBulkGet == 0 {
		resp, err := s.client.BulkGet(ctx, req)
		if err == nil {
			return resp.Items, nil
		}
		if !s.lacks(noBulkGet, err) {
			return nil, err
		}
	}
	items := make([]proto.BulkStateItem, len(req.Items))
	each(len(items), int(req.Options.Parallelism), func(i int) {
		items[i].Key = req.Items[i].Key
		resp, err := s.client.Get(ctx, &req.Items[i])
		if err != nil {
			items[i].Error = s.text(err)
			return
		}
		items[i].Data, items[i].Etag, items[i].Metadata, items[i].ContentType = resp.Data, resp.Etag, resp.Metadata, resp.ContentType
	})
	return items, nil
}

func (s *Store) bulkSet(ctx context.Context, items []proto.SetRequest) error {
	if s.noBulk.Load()&noBulkSet == 0 {
		err := s.client.BulkSet(ctx, &proto.BulkSetRequest{Items: items})
		if err == nil || !s.lacks(noBulkSet, err) {
			return err
		}
	}
	return s.eachWrite(len(items), func(i int) (string, error) { return items[i].Key, s.client.Set(ctx, &items[i]) })
}

func (s *Store) bulkDelete(ctx context.Context, items []proto.DeleteRequest) error {
	if s.noBulk.Load()&noBulkDelete == 0 {
		err := s.client.BulkDelete(ctx, &proto.BulkDeleteRequest{Items: items})
		if err == nil || !s.lacks(noBulkDelete, err) {
			return err
		}
	}
	return s.eachWrite(len(items), func(i int) (string, error) { return items[i].Key, s.client.Delete(ctx, &items[i]) })
}

// lacks reports whether err says that the component has no such operation,
// and remembers it: the ABI lets a component leave the bulk operations out.
func (s *Store) lacks(op uint32, err error) bool {
	var bulk *guest.BulkError
	if errors.As(err, &bulk) || guest.StatusOf(err) != abi.Unimplemented {
		return false
	}
	s.noBulk.Or(op)
	return true
}

// eachWrite writes all items, also after one has failed, and collects the failures.
func (s *Store) eachWrite(n int, write func(i int) (key string, err error)) error {
	errs := make([]guest.ItemError, n)
	each(n, 0, func(i int) {
		key, err := write(i)
		if err == nil {
			return
		}
		var e *guest.Error
		if !errors.As(err, &e) {
			e = &guest.Error{Component: s.name, Status: guest.StatusOf(err), Message: s.text(err), Err: err}
		}
		errs[i] = guest.ItemError{Key: key, Err: e}
	})
	var failed []guest.ItemError
	for i := range errs {
		if errs[i].Err != nil {
			failed = append(failed, errs[i])
		}
	}
	if failed == nil {
		return nil
	}
	return &guest.BulkError{Items: failed}
}

// each calls f for 0 to n-1, so many at a time, and returns when all are done.
func each(n, parallelism int, f func(i int)) {
	if parallelism <= 0 || parallelism > maxParallel {
		parallelism = maxParallel
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, parallelism) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
