package main

import (
	"strings"

	"github.com/berth-run/berth/sdk-guest/go/state"
)

// index holds the items: by key, in the order of their writes, and those that
// expire in a heap. The zero value is empty.
type index struct {
	byKey map[string]*item
	// A ring of all items in the order of their last write, without a head of
	// its own: newest.next is the oldest.
	newest *item
	writes uint64 // how many there were; each write's number is the item's position
	heap   []*item
	peak   int   // the most items since byKey was made
	bytes  int64 // what all items cost
}

// overhead is what an item takes in memory beside its key and value: itself, its
// etag, twice, its places in the map and the heap, and what rounding up costs.
// Measured: 275 without a time to live, 315 with one.
const overhead = 300

func cost(key string, value []byte) int64 { return int64(len(key)+len(value)) + overhead }

// item is one key and its value.
type item struct {
	key        string
	value      []byte // a part of answer
	answer     []byte // to a get, encoded when it was written: it is read more often
	etag       state.Etag
	expire     int64 // Unix milliseconds, 0 = never
	position   uint64
	next, prev *item
	heapAt     int // its place in the heap; meaningless when expire is 0
}

func (x *index) len() int { return len(x.byKey) }

func (x *index) get(key string) *item { return x.byKey[key] }

// put writes an item, which becomes the newest. It keeps neither key nor value.
func (x *index) put(key string, value []byte, tag string, expire int64) {
	it := x.byKey[key]
	if it != nil {
		x.bytes -= cost(it.key, it.value)
		x.unlink(it)
		x.setExpire(it, expire)
	} else {
		key = strings.Clone(key)
		it = &item{key: key}
		if x.byKey == nil {
			x.byKey = make(map[string]*item)
		}
		x.byKey[key] = it
		x.peak = max(x.peak, len(x.byKey))
		x.setExpire(it, expire)
	}
	x.bytes += cost(key, value)
	x.writes++
	it.etag.Value, it.position = tag, x.writes
	it.answer, it.value = state.EncodeGet(&state.GetResponse{Data: value, Etag: &it.etag, Metadata: it.metadata()})
	x.link(it)
}

func (x *index) remove(it *item) {
	x.bytes -= cost(it.key, it.value)
	x.unlink(it)
	x.setExpire(it, 0)
	delete(x.byKey, it.key)
	// A Go map never gives memory back, so one that lost most of its items is made anew.
	if n := len(x.byKey); x.peak >= 1024 && n < x.peak/4 {
		smaller := make(map[string]*item, n)
		for k, v := range x.byKey {
			smaller[k] = v
		}
		x.byKey, x.peak = smaller, n
	}
}

func (x *index) link(it *item) {
	if x.newest == nil {
		it.next, it.prev = it, it
	} else {
		it.prev, it.next = x.newest, x.newest.next
		it.prev.next, it.next.prev = it, it
	}
	x.newest = it
}

func (x *index) unlink(it *item) {
	if it.next == it {
		x.newest = nil
	} else {
		it.prev.next, it.next.prev = it.next, it.prev
		if x.newest == it {
			x.newest = it.prev
		}
	}
	it.next, it.prev = nil, nil
}

// each calls f for the items from the oldest on, until it returns false. f may remove its item.
func (x *index) each(f func(*item) bool) {
	if x.newest == nil {
		return
	}
	for it, last := x.newest.next, x.newest; ; {
		next := it.next
		if !f(it) || it == last {
			return
		}
		it = next
	}
}
