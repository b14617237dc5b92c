package main

import (
	"context"
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"testing"

	berth "github.com/berth-run/berth/sdk-guest/go"
	"github.com/berth-run/berth/sdk-guest/go/state"
)

func TestDeleteWithPrefix(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		prefix string
		want   int64
		left   []string
	}{
		{"app||actor", 2, []string{"app||actor", "app||actor||deep||c", "app||actors||a", "other"}},
		{"app||actor||", 2, []string{"app||actor", "app||actor||deep||c", "app||actors||a", "other"}},
		{"app", 1, []string{"app||actor||a", "app||actor||b", "app||actor||deep||c", "app||actors||a", "other"}},
		{"none", 0, []string{"app||actor", "app||actor||a", "app||actor||b", "app||actor||deep||c", "app||actors||a", "other"}},
	} {
		t.Run(tc.prefix, func(t *testing.T) {
			s, _ := newStore(t)
			for _, k := range []string{"app||actor", "app||actor||a", "app||actor||b", "app||actor||deep||c", "app||actors||a", "other"} {
				set(t, s, k, "v")
			}
			n, err := s.DeleteWithPrefix(ctx, tc.prefix)
			if err != nil || n != tc.want {
				t.Errorf("got %d, %v, want %d", n, err, tc.want)
			}
			if got := allKeys(t, s, "%", 0); !slices.Equal(got, tc.left) {
				t.Errorf("left: got %q, want %q", got, tc.left)
			}
		})
	}
	s, _ := newStore(t)
	for _, p := range []string{"", "||"} {
		_, err := s.DeleteWithPrefix(ctx, p)
		wantError(t, err, berth.InvalidArgument, "a prefix is required")
	}
}

// allKeys reads the pages of a pattern, each of at most size keys.
func allKeys(t *testing.T, s *store, pattern string, size uint32) []string {
	t.Helper()
	var keys []string
	req := &state.KeysLikeRequest{Pattern: pattern, PageSize: size}
	for {
		resp, err := s.KeysLike(context.Background(), req)
		if err != nil {
			t.Fatalf("KeysLike %q: %v", pattern, err)
		}
		if size > 0 && (len(resp.Keys) > int(size) || resp.ContinueToken != "" && len(resp.Keys) < int(size)) {
			t.Fatalf("a page of %d has %d keys and token %q", size, len(resp.Keys), resp.ContinueToken)
		}
		keys = append(keys, resp.Keys...)
		if resp.ContinueToken == "" {
			return keys
		}
		req.ContinueToken = resp.ContinueToken
	}
}

func TestKeysLike(t *testing.T) {
	s, _ := newStore(t)
	for _, k := range []string{"app||key1", "app||key2", "app||actor||key1", "app||actor||x||key1", "abcd", "abc1", "abc", "50%", "a_b", `back\slash`, "two\nlines"} {
		set(t, s, k, "v")
	}
	set(t, s, "abcd", "again") // becomes the newest
	for _, tc := range []struct {
		pattern string
		want    []string
	}{
		{"%", []string{"app||key1", "app||key2", "app||actor||key1", "app||actor||x||key1", "abc1", "abc", "50%", "a_b", `back\slash`, "abcd"}},
		{"app||%", []string{"app||key1", "app||key2", "app||actor||key1", "app||actor||x||key1"}},
		{"%key1", []string{"app||key1", "app||actor||key1", "app||actor||x||key1"}},
		{"%||%||%", []string{"app||actor||key1", "app||actor||x||key1"}},
		{"abc_", []string{"abc1", "abcd"}},
		{`50\%`, []string{"50%"}},
		{`a\_b`, []string{"a_b"}},
		{"a_b", []string{"a_b"}},
		{`back\\slash`, []string{`back\slash`}},
		{"two\nlines", []string{"two\nlines"}},
		{"two_lines", nil},
		{"%lines", nil},
		{"abc", []string{"abc"}},
		{"ABC", nil},
		{"", nil},
	} {
		if tc.pattern == "" {
			_, err := s.KeysLike(context.Background(), &state.KeysLikeRequest{})
			wantError(t, err, berth.InvalidArgument, "keys like pattern cannot be empty")
			continue
		}
		if got := allKeys(t, s, tc.pattern, 0); !slices.Equal(got, tc.want) {
			t.Errorf("%q: got %q, want %q", tc.pattern, got, tc.want)
		}
	}
}

func TestKeysLikePages(t *testing.T) {
	ctx := context.Background()
	s, _ := newStore(t)
	var want []string
	for i := range 12 {
		k := fmt.Sprintf("k%d", i)
		set(t, s, k, "v")
		set(t, s, "other"+k, "v")
		want = append(want, k)
	}
	token := ""
	var got []string
	for _, p := range []struct {
		size uint32
		n    int
		more bool
	}{{6, 6, true}, {5, 5, true}, {100, 1, false}} {
		resp, err := s.KeysLike(ctx, &state.KeysLikeRequest{Pattern: "k%", PageSize: p.size, ContinueToken: token})
		if err != nil || len(resp.Keys) != p.n || (resp.ContinueToken != "") != p.more {
			t.Fatalf("page of %d: got %v, %v, want %d keys and more = %v", p.size, resp, err, p.n, p.more)
		}
		token = resp.ContinueToken
		got = append(got, resp.Keys...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for size := uint32(1); size < 15; size++ {
		if got := allKeys(t, s, "k%", size); !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %q, want %q", size, got, want)
		}
	}
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		_, err := s.KeysLike(ctx, &state.KeysLikeRequest{Pattern: "%", ContinueToken: bad})
		wantError(t, err, berth.InvalidArgument, "")
	}
}

// TestLikeIsTheRegularExpression holds like against what Dapr's store does: it
// turns the pattern into an anchored regular expression.
func TestLikeIsTheRegularExpression(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	pick := func(from []string, n int) string {
		var b strings.Builder
		for range r.Intn(n) {
			b.WriteString(from[r.Intn(len(from))])
		}
		return b.String()
	}
	matched := 0
	for range 200_000 {
		pattern := pick([]string{"a", "b", "é", "\n", "%", "%", "_", `\%`, `\_`, `\\`, `\a`, "|"}, 8)
		key := pick([]string{"a", "b", "a", "é", "\n", "%", "_", `\`, "|"}, 10)
		var re strings.Builder
		re.WriteString("^")
		for i := 0; i < len(pattern); i++ {
			switch c := pattern[i]; {
			case c == '%':
				re.WriteString(".*")
			case c == '_':
				re.WriteString(".")
			case c == '\\' && i+1 < len(pattern):
				i++
				re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			default:
				re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			}
		}
		re.WriteString("$")
		want := regexp.MustCompile(re.String()).MatchString(key)
		if got := like(pattern, key); got != want {
			t.Fatalf("like(%q, %q): got %v, want %v", pattern, key, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d of the cases match: too few to tell", matched)
	}
}
