package resource

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseBool(t *testing.T) {
	for _, tt := range []struct {
		in        string
		value, ok bool
	}{
		{"true", true, true}, {"TRUE", true, true}, {"y", true, true}, {"Yes", true, true}, {" on ", true, true},
		{"t", true, true}, {"1", true, true},
		{"false", false, true}, {"n", false, true}, {"No", false, true}, {"off", false, true}, {"f", false, true},
		{"0", false, true}, {"", false, true},
		{"2", false, false}, {"yess", false, false}, {"enabled", false, false},
	} {
		t.Run(tt.in, func(t *testing.T) {
			if value, ok := ParseBool(tt.in); value != tt.value || ok != tt.ok {
				t.Errorf("got %v, %v, want %v, %v", value, ok, tt.value, tt.ok)
			}
		})
	}
}

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		bad  bool
	}{
		{in: "", want: 0},
		{in: "5s", want: 5 * time.Second},
		{in: "1h30m", want: 90 * time.Minute},
		{in: "30", want: 30 * time.Second},
		{in: "-1", want: -time.Second},
		{in: "0", want: 0},
		{in: "9223372036854775807", bad: true},
		{in: "-9223372036854775808", bad: true},
		{in: "5 s", bad: true},
		{in: "0x10", bad: true},
		{in: "soon", bad: true},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseDuration(tt.in)
			if (err != nil) != tt.bad || got != tt.want {
				t.Errorf("got %v, %v, want %v, error %v", got, err, tt.want, tt.bad)
			}
		})
	}
}

func TestParseBytes(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64
		bad  bool
	}{
		{in: "0", want: 0},
		{in: "4096", want: 4096},
		{in: "+5", want: 5},
		{in: "-5", want: -5},
		{in: "64Ki", want: 65536},
		{in: "10Mi", want: 10 << 20},
		{in: "1.5Gi", want: 3 << 29},
		{in: ".5Ki", want: 512},
		{in: "5.", want: 5},
		{in: "1k", want: 1000},
		{in: "1M", want: 1e6},
		{in: "1E", want: 1e18},
		{in: "1e3", want: 1000},
		{in: "1E3", want: 1000},
		{in: "12e-1", want: 2}, // rounded up
		{in: "100m", want: 1},
		{in: "1n", want: 1},
		{in: "-1500m", want: -2},
		{in: "7Ei", want: 7 << 60},
		{in: "9223372036854775807", want: math.MaxInt64},
		{in: "9223372036854775808", bad: true},
		{in: "8Ei", bad: true},
		{in: "1e999", bad: true},
		{in: "1e9999", bad: true},
		{in: "", bad: true},
		{in: ".", bad: true},
		{in: "10MB", bad: true},
		{in: "10 Mi", bad: true},
		{in: "10ki", bad: true},
		{in: "1_000", bad: true},
		{in: "0x10", bad: true},
		{in: "NaN", bad: true},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseBytes(tt.in)
			if (err != nil) != tt.bad {
				t.Fatalf("got error %v, want one: %v", err, tt.bad)
			}
			if !tt.bad && got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestCheckValue(t *testing.T) {
	const good, warning, bad = "", CodeIgnoredValue, CodeWrongType
	for _, tt := range []struct {
		typ, in string
		want    Code
	}{
		{"", "anything", good}, {"string", "", good}, {"unheard-of", "x", good},
		{"bool", "on", good}, {"bool", "", good}, {"bool", "ja", warning},
		{"integer", "42", good}, {"integer", "-1", good}, {"integer", "0x10", good}, {"integer", "010", good},
		{"integer", "18446744073709551615", good}, {"integer", "18446744073709551616", bad},
		{"integer", "", warning}, {"integer", "1.0", bad}, {"integer", " 1", bad},
		{"number", "1.5", good}, {"number", "1e3", good}, {"number", "0b11", good}, {"number", "", warning},
		{"number", "Inf", bad}, {"number", "NaN", bad}, {"number", "1,5", bad},
		{"duration", "30", good}, {"duration", "30s", good}, {"duration", "", good}, {"duration", "x", bad},
		{"bytesize", "1Mi", good}, {"bytesize", "", bad}, {"bytesize", "-1", bad},
	} {
		t.Run(tt.typ+" "+tt.in, func(t *testing.T) {
			got := Code("")
			if e := checkValue(tt.typ, tt.in); e != nil {
				got = e.code
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPlainScalar(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want any
	}{
		{"", nil}, {"~", nil}, {"null", nil}, {"nil", "nil"},
		{"yes", true}, {"On", true}, {"Y", true}, {"tRUE", "tRUE"}, {"no", false}, {"OFF", false},
		{"0", int64(0)}, {"-7", int64(-7)}, {"+7", int64(7)}, {"010", int64(8)}, {"0o17", int64(15)}, {"0b101", int64(5)},
		{"0x1F", int64(31)}, {"1_000", int64(1000)}, {"18446744073709551615", uint64(math.MaxUint64)},
		{"08", float64(8)}, {"1.50", 1.5}, {"1e3", float64(1000)}, {".5", 0.5}, {"1.", float64(1)},
		{"123456789012345678901234567890", 123456789012345678901234567890.0},
		{"1.2.3", "1.2.3"}, {"1:30", "1:30"}, {"-", "-"}, {"--", "--"}, {".", "."}, {"1e", "1e"}, {"0x", "0x"},
		{"2024-01-31", "2024-01-31"}, {"2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"}, {"2024-13-31", "2024-13-31"},
		{"localhost:6379", "localhost:6379"},
	} {
		t.Run(tt.in, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, plainScalar(tt.in)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for in, want := range map[string]float64{".inf": math.Inf(1), "-.Inf": math.Inf(-1)} {
		if got := plainScalar(in); got != want {
			t.Errorf("%s: got %v, want %v", in, got, want)
		}
	}
	if f, ok := plainScalar(".NaN").(float64); !ok || !math.IsNaN(f) {
		t.Errorf(".NaN: got %v", plainScalar(".NaN"))
	}
}

func TestTaggedScalar(t *testing.T) {
	for _, tt := range []struct {
		tag, in string
		want    any
		bad     bool
	}{
		{tag: "!!str", in: "5", want: "5"},
		{tag: "!mine", in: "5", want: "5"},
		{tag: "!!int", in: "5", want: int64(5)},
		{tag: "!!int", in: "5.5", bad: true},
		{tag: "!!float", in: "5", want: float64(5)},
		{tag: "!!float", in: "x", bad: true},
		{tag: "!!bool", in: "on", want: true},
		{tag: "!!bool", in: "5", bad: true},
		{tag: "!!null", in: "", want: nil},
		{tag: "!!null", in: "x", bad: true},
		{tag: "!!binary", in: "aGVs\n bG8=", want: "hello"},
		{tag: "!!binary", in: "!", bad: true},
		{tag: "!!binary", in: "/w==", want: "\ufffd"},
	} {
		t.Run(tt.tag+" "+tt.in, func(t *testing.T) {
			got, ok := taggedScalar(tt.tag, tt.in)
			if ok == tt.bad {
				t.Fatalf("got ok %v", ok)
			}
			if diff := cmp.Diff(tt.want, got); ok && diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Whatever JSON can hold comes through YAML unchanged, JSON being a part of YAML.
func TestJSONValuesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := jsonValue(2).Draw(t, "value")
		text, err := json.Marshal(map[string]any{
			"apiVersion": "dapr.io/v1alpha1", "kind": "Component",
			"metadata": map[string]any{"name": "x"},
			"spec": map[string]any{"type": "state.x", "metadata": []any{
				map[string]any{"name": "k", "value": want}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		set, problems := Parse("x.yaml", text, Options{Strict: true})
		if len(problems) > 0 || len(set.Components) != 1 {
			t.Fatalf("%s: got problems %v", text, problems)
		}
		got := set.Components[0].Metadata[0].Value
		expect := jsonString(want)
		switch w := want.(type) {
		case string:
			expect = w
		case nil:
			expect = ""
		}
		if got != expect {
			t.Fatalf("got %q, want %q", got, expect)
		}
	})
}

func jsonValue(depth int) *rapid.Generator[any] {
	// A YAML stream holds no other control characters, and JSON escapes those it needs.
	text := rapid.StringOf(rapid.RuneFrom([]rune("aZ09 _-:#{}[],&*!|>'\"%@`~\\/\n\t.<é\u2028😀"))).AsAny()
	leaf := rapid.OneOf(text,
		rapid.Int64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Float64Range(-1e18, 1e18).Filter(func(f float64) bool { return f != math.Trunc(f) }).AsAny())
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.SliceOfN(jsonValue(depth-1), 0, 3).AsAny(),
		rapid.MapOfN(rapid.StringMatching(`[a-z]{3,6}q`), jsonValue(depth-1), 0, 3).AsAny())
}
