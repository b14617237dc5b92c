package main

import (
	"time"

	"github.com/berth-run/berth/sdk-guest/go/state"
)

// lastExpiry is the end of the year 9999, the last that RFC 3339 can write, in Unix milliseconds.
const lastExpiry = 253402300799_000

// expiry is when something written at now lives for ttl seconds, in Unix milliseconds.
func expiry(now, ttl int64) int64 {
	if ttl > (lastExpiry-now)/1000 {
		return lastExpiry
	}
	return now + ttl*1000
}

// metadata is what an answer says of an item besides its value.
func (it *item) metadata() map[string]string {
	if it.expire == 0 {
		return nil
	}
	return state.ExpireMetadata(time.UnixMilli(it.expire))
}

// expiring is how many items have a time to live.
func (x *index) expiring() int { return len(x.heap) }

func (x *index) firstToExpire() *item {
	if len(x.heap) == 0 {
		return nil
	}
	return x.heap[0]
}

// setExpire changes when an item expires, 0 = never, and keeps the heap in order.
func (x *index) setExpire(it *item, expire int64) {
	had := it.expire != 0
	it.expire = expire
	switch {
	case had && expire != 0:
		x.sift(it)
	case had:
		last := x.heap[len(x.heap)-1]
		x.heap[len(x.heap)-1] = nil
		x.heap = x.heap[:len(x.heap)-1]
		if last != it {
			x.place(last, it.heapAt)
			x.sift(last)
		}
		if cap(x.heap) >= 1024 && len(x.heap) < cap(x.heap)/4 {
			x.heap = append(make([]*item, 0, len(x.heap)*2), x.heap...)
		}
	case expire != 0:
		it.heapAt = len(x.heap)
		x.heap = append(x.heap, it)
		x.sift(it)
	}
}

func (x *index) place(it *item, at int) { x.heap[at], it.heapAt = it, at }

// sift moves an item up or down to where it belongs.
func (x *index) sift(it *item) {
	at := it.heapAt
	for at > 0 {
		parent := x.heap[(at-1)/2]
		if parent.expire <= it.expire {
			break
		}
		x.place(parent, at)
		at = (at - 1) / 2
	}
	for {
		child := 2*at + 1
		if child >= len(x.heap) {
			break
		}
		if child+1 < len(x.heap) && x.heap[child+1].expire < x.heap[child].expire {
			child++
		}
		if x.heap[child].expire >= it.expire {
			break
		}
		x.place(x.heap[child], at)
		at = child
	}
	x.place(it, at)
}
