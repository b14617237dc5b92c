package state

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

func TestKeyPrefix(t *testing.T) {
	for _, tc := range []struct {
		name, strategy, appID, namespace string
		want, wantErr                    string
	}{
		{name: "none given is the app id", appID: "orders", want: "orders||k"},
		{name: "app id", strategy: "appid", appID: "orders", want: "orders||k"},
		{name: "app id in any case", strategy: "AppID", appID: "Orders", want: "Orders||k"},
		{name: "app id that is empty", strategy: "appid", want: "k"},
		{name: "store's name", strategy: "name", appID: "orders", want: "statestore||k"},
		{name: "namespace", strategy: "namespace", appID: "orders", namespace: "prod", want: "prod.orders||k"},
		{name: "namespace that is empty", strategy: "namespace", appID: "orders", want: "orders||k"},
		{name: "namespace without app id", strategy: "namespace", namespace: "prod", want: "k"},
		{name: "none", strategy: "none", appID: "orders", want: "k"},
		{name: "any other word, in lower case", strategy: "Shared", appID: "orders", want: "shared||k"},
		{name: "bars", strategy: "a||b", wantErr: "can't contain '||'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := New(noClient{}, Config{Name: "statestore", AppID: tc.appID, Namespace: tc.namespace, Metadata: map[string]string{"KEYPREFIX": tc.strategy}})
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.stored("k")
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
			if back := s.original(got); back != "k" {
				t.Errorf("got %q back, want k", back)
			}
		})
	}
}

func TestIllegalKey(t *testing.T) {
	s, err := New(noClient{}, Config{Name: "statestore", AppID: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"||", "a||", "||b", "a||b", "a|||"} {
		_, err := s.stored(key)
		var e *apierrors.Error
		if !errors.As(err, &e) || e.Code() != apierrors.StateIllegalKey {
			t.Errorf("key %q: got error %v, want StateIllegalKey", key, err)
		}
	}
	if got, err := s.stored("a|b|"); err != nil || got != "orders||a|b|" {
		t.Errorf("single bars: got %q, %v", got, err)
	}
}

// TestOriginalOfOthers: a query finds what other applications stored, too.
func TestOriginalOfOthers(t *testing.T) {
	s := &Store{prefix: "orders||"}
	for stored, want := range map[string]string{
		"orders||k": "k", "billing||k": "k", "k": "k", "orders||Type||id||k": "Type||id||k", "billing||Type||id||k": "Type", "": "", "||": "",
	} {
		if got := s.original(stored); got != want {
			t.Errorf("original(%q): got %q, want %q", stored, got, want)
		}
	}
}

// TestKeysDoNotMeet: different keys are stored under different keys, and are found again.
func TestKeysDoNotMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Name: "statestore", AppID: rapid.StringMatching(`[a-z]{0,4}`).Draw(t, "app"), Namespace: rapid.StringMatching(`[a-z]{0,4}`).Draw(t, "ns"),
			Metadata: map[string]string{"keyPrefix": rapid.SampledFrom([]string{"", "appid", "name", "namespace", "none", "lit"}).Draw(t, "strategy")},
		}
		s, err := New(noClient{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		sa, errA := s.stored(a)
		sb, errB := s.stored(b)
		for key, err := range map[string]error{a: errA, b: errB} {
			if (err != nil) != strings.Contains(key, separator) {
				t.Fatalf("key %q: got error %v", key, err)
			}
		}
		if errA != nil || errB != nil {
			return
		}
		if (sa == sb) != (a == b) {
			t.Fatalf("%q and %q are stored as %q and %q", a, b, sa, sb)
		}
		if got := s.original(sa); got != a {
			t.Fatalf("got %q back, want %q", got, a)
		}
	})
}
