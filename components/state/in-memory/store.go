package main

import (
	"context"
	"strconv"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// store answers the operations. There is one instance and one call at a time,
// so nothing in it is locked. Its rules are those of Dapr's in-memory store.
type store struct {
	now   func() int64 // Unix milliseconds
	items index
	etags etagSource
	swept int64 // when expired items were last removed
	// capacity is how many bytes the items may take, 0 = any number.
	capacity int64
}

// sweepEvery is how often expired items are removed, in milliseconds. Until
// then an item that expired cannot be read, but counts for ETags, first-write
// and lists of keys.
const sweepEvery = 1000

// Init works out how much the store takes: the collector needs some room to
// work in, and a request and its answer are in memory beside what is stored.
func (s *store) Init(context.Context, *berth.Init) error {
	s.capacity = berth.MemoryLimit() / 2
	return nil
}

// Close forgets all.
func (s *store) Close(context.Context) error {
	s.items = index{}
	return nil
}

// sweep removes what has expired, when that was not done for a second. Nothing
// runs between calls, so each call asks; the clock only when something can expire.
func (s *store) sweep() {
	if s.items.expiring() == 0 {
		return
	}
	if now := s.now(); now-s.swept >= sweepEvery || now < s.swept {
		s.swept = now
		for it := s.items.firstToExpire(); it != nil && it.expire < now; it = s.items.firstToExpire() {
			s.items.remove(it)
		}
	}
}

func (s *store) expired(it *item) bool { return it.expire != 0 && it.expire < s.now() }

// KeepsNothing: what is stored is copied, see index.put.
func (s *store) KeepsNothing() {}

// read returns the item of a key, or nil when there is none or it has expired.
func (s *store) read(key string) *item {
	s.sweep()
	it := s.items.get(key)
	if it != nil && s.expired(it) {
		s.items.remove(it)
		return nil
	}
	return it
}

// GetEncoded answers a get with what is stored, as it lies there.
func (s *store) GetEncoded(_ context.Context, req *state.GetRequest) ([]byte, error) {
	if it := s.read(req.Key); it != nil {
		return it.answer, nil
	}
	return nil, nil
}

func (s *store) Get(_ context.Context, req *state.GetRequest) (*state.GetResponse, error) {
	it := s.read(req.Key)
	if it == nil {
		return nil, nil
	}
	return &state.GetResponse{Data: it.value, Etag: &it.etag, Metadata: it.metadata()}, nil
}

// BulkGet answers in the order of the request. Unlike Get it leaves an expired
// item where it is.
func (s *store) BulkGet(_ context.Context, reqs []state.GetRequest) ([]state.BulkItem, error) {
	s.sweep()
	out := make([]state.BulkItem, len(reqs))
	for i := range reqs {
		out[i].Key = reqs[i].Key
		if it := s.items.get(reqs[i].Key); it != nil && !s.expired(it) {
			out[i].Data, out[i].Etag, out[i].Metadata = it.value, &it.etag, it.metadata()
		}
	}
	return out, nil
}

func (s *store) Set(_ context.Context, req *state.SetRequest) error {
	ttl, err := checkSet(req)
	if err != nil {
		return err
	}
	s.sweep()
	if err := s.checkETag(req.Key, req.Etag, req.Options); err != nil {
		return err
	}
	if err := s.checkRoom(s.growth(req)); err != nil {
		return err
	}
	s.put(req, ttl)
	return nil
}

func (s *store) Delete(_ context.Context, req *state.DeleteRequest) error {
	if err := checkOptions(req.Options); err != nil {
		return err
	}
	s.sweep()
	if err := s.checkETag(req.Key, req.Etag, req.Options); err != nil {
		return err
	}
	s.drop(req.Key)
	return nil
}

// Transact checks every operation against what is stored before the first one,
// and then does them all.
func (s *store) Transact(_ context.Context, req *state.TransactRequest) error {
	ttls := make([]int64, len(req.Operations))
	for i, op := range req.Operations {
		var err error
		if op.Set != nil {
			ttls[i], err = checkSet(op.Set)
		} else {
			err = checkOptions(op.Delete.Options)
		}
		if err != nil {
			return err
		}
	}
	s.sweep()
	var growth int64
	for _, op := range req.Operations {
		var err error
		if op.Set != nil {
			growth += s.growth(op.Set)
			err = s.checkETag(op.Set.Key, op.Set.Etag, op.Set.Options)
		} else {
			err = s.checkETag(op.Delete.Key, op.Delete.Etag, op.Delete.Options)
		}
		if err != nil {
			return err
		}
	}
	if err := s.checkRoom(growth); err != nil {
		return err
	}
	for i, op := range req.Operations {
		if op.Set != nil {
			s.put(op.Set, ttls[i])
		} else {
			s.drop(op.Delete.Key)
		}
	}
	return nil
}

func (s *store) put(req *state.SetRequest, ttl int64) {
	var expire int64
	if ttl > 0 {
		expire = expiry(s.now(), ttl)
	}
	s.items.put(req.Key, req.Value, s.etags.next(), expire)
}

func (s *store) drop(key string) {
	if it := s.items.get(key); it != nil {
		s.items.remove(it)
	}
}

// growth is how many bytes a write needs beyond what it replaces, at least 0.
func (s *store) growth(req *state.SetRequest) int64 {
	n := cost(req.Key, req.Value)
	if it := s.items.get(req.Key); it != nil {
		n -= cost(it.key, it.value)
	}
	return max(n, 0)
}

// checkRoom refuses a write while that is still possible: one that found no
// memory would end the instance, and all items with it.
func (s *store) checkRoom(growth int64) error {
	if s.capacity == 0 || growth == 0 || s.items.bytes+growth <= s.capacity {
		return nil
	}
	return berth.NewError(berth.ResourceExhausted, "the store is full: "+strconv.Itoa(s.items.len())+" items take "+
		strconv.FormatInt(s.items.bytes>>20, 10)+" MiB of "+strconv.FormatInt(s.capacity>>20, 10)+"; wasm.memory gives it more")
}

// checkSet reads what a write asks for, and returns its time to live in seconds, 0 = for ever.
func checkSet(req *state.SetRequest) (ttl int64, err error) {
	if err := checkOptions(req.Options); err != nil {
		return 0, err
	}
	text := req.Metadata["ttlInSeconds"]
	if text == "" {
		return 0, nil
	}
	ttl, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, berth.NewError(berth.InvalidArgument, "incorrect value for metadata 'ttlInSeconds': '"+text+"' is not a whole number")
	}
	return max(ttl, 0), nil
}

func checkOptions(o *state.Options) error {
	switch {
	case o == nil:
	case o.Concurrency < 0 || o.Concurrency > state.LastWrite:
		return berth.NewError(berth.InvalidArgument, "unrecognized concurrency model '"+strconv.Itoa(int(o.Concurrency))+"'")
	case o.Consistency < 0 || o.Consistency > state.Strong:
		return berth.NewError(berth.InvalidArgument, "unrecognized consistency model '"+strconv.Itoa(int(o.Consistency))+"'")
	}
	return nil
}

// checkETag says whether a write may go ahead. An expired item that was not
// swept yet counts, as it does in Dapr's store.
func (s *store) checkETag(key string, given *state.Etag, o *state.Options) error {
	it := s.items.get(key)
	if given == nil || given.Value == "" {
		if it != nil && o != nil && o.Concurrency == state.FirstWrite {
			return berth.NewError(berth.ETagMismatch, "item already exists and no etag was passed")
		}
		return nil
	}
	if it == nil {
		return berth.NewError(berth.ETagMismatch, "state not exist or expired for key="+key)
	}
	if it.etag.Value != given.Value {
		return berth.NewError(berth.ETagMismatch, "state etag not match for key="+key+": current="+it.etag.Value+", expect="+given.Value)
	}
	return nil
}
