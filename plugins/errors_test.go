package plugins

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/plugins/wasmfile"
)

func TestErrorText(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"all parts", &Error{Code: Empty, Where: "a.wasm", What: "the file is empty", Hint: "build it"}, "a.wasm: the file is empty; build it [BERTH_PLUGIN_EMPTY]"},
		{"what alone", &Error{Code: Empty, What: "the file is empty"}, "the file is empty [BERTH_PLUGIN_EMPTY]"},
		{"several", Errors{{Code: Empty, What: "a"}, {Code: NotWasm, What: "b"}}, "a [BERTH_PLUGIN_EMPTY]\nb [BERTH_PLUGIN_NOT_WASM]"},
		{"placed", (&Error{Code: Empty, What: "a"}).At("x.wasm"), "x.wasm: a [BERTH_PLUGIN_EMPTY]"},
		{"placed already", (&Error{Code: Empty, Where: "y.wasm", What: "a"}).At("x.wasm"), "y.wasm: a [BERTH_PLUGIN_EMPTY]"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestAllAndHas(t *testing.T) {
	one := &Error{Code: Empty, What: "a", Err: fs.ErrNotExist}
	many := Errors{one, {Code: NotWasm, What: "b"}}
	other := errors.New("disk on fire")
	for _, tc := range []struct {
		name string
		err  error
		want []Code
	}{
		{"none", nil, nil},
		{"one", one, []Code{Empty}},
		{"many", many, []Code{Empty, NotWasm}},
		{"wrapped", fmt.Errorf("component x: %w", many), []Code{Empty, NotWasm}},
		{"another kind", other, []Code{Unreadable}},
	} {
		var got []Code
		for _, e := range All(tc.err) {
			got = append(got, e.Code)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		for _, c := range tc.want {
			if !Has(tc.err, c) {
				t.Errorf("%s: Has(%s) is false", tc.name, c)
			}
		}
		if Has(tc.err, TooLarge) {
			t.Errorf("%s: Has(%s) is true", tc.name, TooLarge)
		}
	}
	if !errors.Is(many, fs.ErrNotExist) {
		t.Error("the cause of one of several is lost")
	}
	if err := (Errors)(nil).Err(); err != nil {
		t.Errorf("no reasons: got %v, want nil", err)
	}
}

func TestStructure(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want Code
	}{
		{wasmfile.ErrEmpty, Empty},
		{wasmfile.ErrNotWasm, NotWasm},
		{wasmfile.ErrComponent, ComponentModel},
		{fmt.Errorf("section at offset 8: %w", wasmfile.ErrTruncated), Truncated},
		{wasmfile.ErrMalformed, MalformedWasm},
		{wasmfile.ErrOutOfOrder, MalformedWasm},
	} {
		if got := Structure(tc.err); got.Code != tc.want || !errors.Is(got, tc.err) {
			t.Errorf("%v: got %s, want %s", tc.err, got.Code, tc.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"plain", "plain"},
		{"größer", "größer"},
		{"\x1b[2J", `\x1b[2J`},
		{"a\nb", `a\nb`},
		{"\xff", `\xff`},
		{strings.Repeat("ü", 300), strings.Repeat("ü", 200) + "..."},
	} {
		if got := Printable(tc.in); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
