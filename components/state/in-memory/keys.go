package main

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

// separator parts the segments of a key, as the sidecar and actors write them.
const separator = "||"

// DeleteWithPrefix deletes the items directly under prefix: those whose keys have no further segment.
func (s *store) DeleteWithPrefix(_ context.Context, prefix string) (int64, error) {
	if prefix == "" || prefix == separator {
		return 0, berth.NewError(berth.InvalidArgument, "a prefix is required")
	}
	if !strings.HasSuffix(prefix, separator) {
		prefix += separator
	}
	s.sweep()
	var n int64
	s.items.each(func(it *item) bool {
		if rest, ok := strings.CutPrefix(it.key, prefix); ok && !strings.Contains(rest, separator) {
			s.items.remove(it)
			n++
		}
		return true
	})
	return n, nil
}

// KeysLike lists keys in the order of their last write. A page's token is the
// position of the first key of the next one.
func (s *store) KeysLike(_ context.Context, req *state.KeysLikeRequest) (*state.KeysLikeResponse, error) {
	if req.Pattern == "" {
		return nil, berth.NewError(berth.InvalidArgument, "keys like pattern cannot be empty")
	}
	var from uint64
	if req.ContinueToken != "" {
		var err error
		if from, err = strconv.ParseUint(req.ContinueToken, 10, 64); err != nil {
			return nil, berth.NewError(berth.InvalidArgument, "continue token '"+req.ContinueToken+"' is not one that this store gave")
		}
	}
	s.sweep()
	size := min(int(req.PageSize), state.MaxItems)
	resp := &state.KeysLikeResponse{}
	s.items.each(func(it *item) bool {
		if it.position < from || !like(req.Pattern, it.key) {
			return true
		}
		if size > 0 && len(resp.Keys) == size {
			resp.ContinueToken = strconv.FormatUint(it.position, 10)
			return false
		}
		resp.Keys = append(resp.Keys, it.key)
		return len(resp.Keys) <= state.MaxItems // with one more the answer is refused
	})
	return resp, nil
}

// like reports whether key matches a SQL LIKE pattern: % is any run of
// characters, _ any one, \ makes the next one ordinary. Neither % nor _ matches
// a newline, as in Dapr's store.
//
// On a mismatch only the last % is tried with a longer run: what an earlier one
// could leave to it, it can take itself.
func like(pattern, key string) bool {
	p, k := 0, 0
	afterRun, runEnd := -1, 0 // the pattern behind the last %, and where its run ends in key
	for {
		if p < len(pattern) && pattern[p] == '%' {
			p++
			afterRun, runEnd = p, k
			continue
		}
		if p == len(pattern) && k == len(key) {
			return true
		}
		if p < len(pattern) && k < len(key) {
			if pattern[p] == '_' {
				if _, n := utf8.DecodeRuneInString(key[k:]); key[k] != '\n' {
					p, k = p+1, k+n
					continue
				}
			} else {
				at := p
				if pattern[p] == '\\' && p+1 < len(pattern) {
					at++
				}
				if pattern[at] == key[k] {
					p, k = at+1, k+1
					continue
				}
			}
		}
		if afterRun < 0 || runEnd == len(key) || key[runEnd] == '\n' {
			return false
		}
		_, n := utf8.DecodeRuneInString(key[runEnd:])
		runEnd += n
		p, k = afterRun, runEnd
	}
}
