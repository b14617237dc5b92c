package state

import (
	"errors"
	"math/rand"
	"testing"
	"time"

	berth "github.com/berth-run/berth/sdk-guest/go"
)

func TestTTL(t *testing.T) {
	for _, tc := range []struct {
		text string
		want time.Duration
		bad  bool
	}{
		{text: ""}, {text: "0"}, {text: "-1"},
		{text: "1", want: time.Second},
		{text: "2147483647", want: 2147483647 * time.Second},
		{text: "2147483648", bad: true}, {text: "-2", bad: true}, {text: "foo", bad: true}, {text: "1.5", bad: true}, {text: " 1", bad: true},
	} {
		got, err := TTL(map[string]string{"ttlInSeconds": tc.text})
		var e *berth.Error
		if got != tc.want || (err != nil) != tc.bad || err != nil && (!errors.As(err, &e) || e.Status != berth.InvalidArgument) {
			t.Errorf("%q: got %v, %v, want %v, refused = %v", tc.text, got, err, tc.want, tc.bad)
		}
	}
	if got, err := TTL(nil); got != 0 || err != nil {
		t.Errorf("no metadata: got %v, %v, want 0", got, err)
	}
}

func TestExpireMetadata(t *testing.T) {
	check := func(sec int64) {
		t.Helper()
		want := time.Unix(sec, 0).UTC().Format(time.RFC3339)
		if got := ExpireMetadata(time.Unix(sec, 999_999_999))["ttlExpireTime"]; got != want {
			t.Fatalf("%d: got %s, want %s", sec, got, want)
		}
	}
	const first, last = -62167219200, 253402300799 // the years 0 to 9999
	for _, sec := range []int64{0, -1, 1, first, last, 951782399, 951782400, 951868800, 1709164800, 4107542400} {
		check(sec)
	}
	for day := int64(first); day <= last; day += 86400 {
		check(day + 86399)
	}
	r := rand.New(rand.NewSource(1))
	for range 100_000 {
		check(first + r.Int63n(last-first+1))
	}
}
