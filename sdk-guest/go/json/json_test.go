package json

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"math/big"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		text string
		kind Kind
		want string // Text
	}{
		{"null", Null, ""},
		{" \t\r\n true ", Bool, "true"},
		{"false", Bool, "false"},
		{"-0.50e+10", Number, "-0.50e+10"},
		{"0", Number, "0"},
		{`""`, String, ""},
		{`"a\"\\\/\b\f\n\r\tb"`, String, "a\"\\/\b\f\n\r\tb"},
		{`"é\u00e9\u20AC"`, String, "éé€"},
		{`"\ud83d\ude00 \ud83d \ude00 \ud83d\u0041 \ud83dx"`, String, "😀 \ufffd \ufffd \ufffdA \ufffdx"},
		{`[]`, Array, ""},
		{`[ 1 , [ ] , { } ]`, Array, ""},
		{`{ "a" : 1 , "b" : { } }`, Object, ""},
	} {
		v, err := Parse([]byte(tc.text))
		if err != nil || v.Kind() != tc.kind || v.Text() != tc.want {
			t.Errorf("%s: got %v %q, %v, want %v %q", tc.text, v.Kind(), v.Text(), err, tc.kind, tc.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct {
		text   string
		offset int
		want   string
	}{
		{"", 0, "a value is missing"},
		{"  ", 2, "a value is missing"},
		{"nul", 0, "a value cannot start here"},
		{"True", 0, "a value cannot start here"},
		{"1 2", 2, "text goes on after the value"},
		{"01", 1, "a number does not start with 0"},
		{"+1", 0, "a value cannot start here"},
		{"-", 1, "a digit is missing"},
		{"1.", 2, "a digit is missing"},
		{".5", 0, "a value cannot start here"},
		{"1e+", 3, "a digit is missing"},
		{"[1,]", 3, "a value cannot start here"},
		{"[1", 2, "an array goes on with , or ends with ]"},
		{"[1}", 2, "an array goes on with , or ends with ]"},
		{`{"a":1,}`, 7, "a key is a string in quotes"},
		{`{a:1}`, 1, "a key is a string in quotes"},
		{`{"a" 1}`, 5, "a key is followed by :"},
		{`{"a":1`, 6, "an object goes on with , or ends with }"},
		{`"a`, 2, "a string has no end"},
		{`"a\`, 3, `an escape is one of \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits`},
		{`"\x"`, 2, `an escape is one of \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits`},
		{`"\u12g4"`, 5, `\u is followed by four hexadecimal digits`},
		{"\"a\nb\"", 2, "a control character has to be escaped"},
		{"\"\\n\nb\"", 3, "a control character has to be escaped"},
		{"\"a\xff\"", 2, "a string is not UTF-8"},
		{"\"\\n\xed\xa0\x80\"", 3, "a string is not UTF-8"},
		{"\ufeff1", 0, "a value cannot start here"},
		{strings.Repeat("[", MaxDepth+1), MaxDepth, "nested too deeply"},
	} {
		_, err := ParseString(tc.text)
		var e *SyntaxError
		if !errors.As(err, &e) || e.Offset != tc.offset || e.Text != tc.want {
			t.Errorf("%.20q: got %v, want offset %d: %s", tc.text, err, tc.offset, tc.want)
		}
	}
	if _, err := ParseString(strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)); err != nil {
		t.Errorf("as deep as allowed: %v", err)
	}
}

func parse(t testing.TB, s string) Value {
	t.Helper()
	v, err := ParseString(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func TestAccess(t *testing.T) {
	doc := parse(t, `{"a":{"b":{"c":1},"x.y":3},"a.b":{"d":2},"p.q":4,"x":[true,"s"],"n":12,"f":1.0,"big":9223372036854775808,"dup":1,"dup":2}`)
	for path, want := range map[string]string{
		"a.b.c": "1", "a.x.y": "3", "p.q": "4", "a.b.d": "", "n": "12", "dup": "2",
		"a.b.x": "", "n.x": "", "": "", ".": "", "a.": "", "x.0": "",
	} {
		if v, ok := doc.Path(path); v.Text() != want || ok != (want != "") {
			t.Errorf("path %q: got %q, %v, want %q", path, v.Text(), ok, want)
		}
	}
	x, _ := doc.Get("x")
	var got []string
	for i, e := range x.Elements() {
		got = append(got, strconv.Itoa(i)+e.Text()+strconv.FormatBool(e.Bool()))
	}
	if want := []string{"0truetrue", "1sfalse"}; !slices.Equal(got, want) || x.Len() != 2 {
		t.Errorf("got %d elements %q, want %q", x.Len(), got, want)
	}
	got = nil
	for key, v := range doc.Members() {
		if got = append(got, key+v.Raw()); key == "p.q" {
			break
		}
	}
	if want := []string{`a{"b":{"c":1},"x.y":3}`, `a.b{"d":2}`, "p.q4"}; !slices.Equal(got, want) || doc.Len() != 9 {
		t.Errorf("got %d members, the first %q, want 9 and %q", doc.Len(), got, want)
	}
	for range x.Members() {
		t.Error("an array has members")
	}
	for key, want := range map[string]int64{"n": 12, "f": -1, "big": -1, "x": -1} {
		v, _ := doc.Get(key)
		if n, ok := v.Int(); ok != (want >= 0) || ok && n != want {
			t.Errorf("%s: got %d, %v, want %d", key, n, ok, want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"1", "1.0", 0}, {"1", "10e-1", 0}, {"-0", "0.000e5", 0}, {"100", "1E2", 0}, {"0.001", "1e-3", 0},
		{"1", "2", -1}, {"-1", "-2", 1}, {"-1", "1", -1}, {"0", "1e-400", -1}, {"0", "-1e-400", 1},
		{"9007199254740993", "9007199254740992", 1}, {"1e400", "1e399", 1}, {"-1e400", "-1e399", -1},
		{"12", "2", 1}, {"0.12", "0.2", -1}, {"1.5", "1.50001", -1},
		{`"a"`, `"b"`, -1}, {`"a"`, `"\u0061"`, 0}, {`"é"`, `"z"`, 1}, {"false", "true", -1},
	} {
		a, b := parse(t, tc.a), parse(t, tc.b)
		if got, ok := Compare(a, b); got != tc.want || !ok {
			t.Errorf("Compare(%s, %s): got %d, %v, want %d", tc.a, tc.b, got, ok, tc.want)
		}
		if got, ok := Compare(b, a); got != -tc.want || !ok {
			t.Errorf("Compare(%s, %s): got %d, %v, want %d", tc.b, tc.a, got, ok, -tc.want)
		}
		if got := Equal(a, b); got != (tc.want == 0) {
			t.Errorf("Equal(%s, %s): got %v", tc.a, tc.b, got)
		}
	}
	for _, pair := range [][2]string{{"1", `"1"`}, {"null", "null"}, {"[1]", "[1]"}, {"{}", "{}"}, {"true", "1"}} {
		if _, ok := Compare(parse(t, pair[0]), parse(t, pair[1])); ok {
			t.Errorf("Compare(%s, %s): got an order, want none", pair[0], pair[1])
		}
	}
}

func TestEqual(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"null", "null", true}, {"[1,[2]]", "[1.0,[2e0]]", true}, {"[1,2]", "[2,1]", false}, {"[1]", "[1,1]", false},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true}, {`{"a":1}`, `{"a":1,"b":2}`, false}, {`{"a":1,"b":2}`, `{"a":1}`, false},
		{`{"a":1,"a":2}`, `{"a":2}`, true}, {`{"a":1,"a":2}`, `{"a":1}`, false}, {"[]", "{}", false}, {"0", "false", false}, {"null", "0", false},
	} {
		if got := Equal(parse(t, tc.a), parse(t, tc.b)); got != tc.want {
			t.Errorf("Equal(%s, %s): got %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
	if Equal(Value{}, Value{}) {
		t.Error("two missing values are equal")
	}
}

// TestCompareIsExact holds the comparison of numbers against that of rationals.
func TestCompareIsExact(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0001259"[r.Intn(7)])
		}
		return b.String()
	}
	number := func() string {
		s := strings.TrimLeft(digits(r.Intn(4)), "0")
		if s == "" {
			s = "0"
		}
		if r.Intn(2) == 0 {
			s = "-" + s
		}
		if r.Intn(2) == 0 {
			s += "." + digits(1+r.Intn(4))
		}
		if r.Intn(2) == 0 {
			s += []string{"e", "E", "e+", "e-", "E-"}[r.Intn(5)] + digits(1+r.Intn(2))
		}
		return s
	}
	equal := 0
	for range 300_000 {
		a, b := number(), number()
		x, ok := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok || !ok2 {
			t.Fatalf("big does not read %s or %s", a, b)
		}
		got, _ := Compare(parse(t, a), parse(t, b))
		if want := x.Cmp(y); got != want {
			t.Fatalf("Compare(%s, %s): got %d, want %d", a, b, got, want)
		}
		if got == 0 {
			equal++
		}
	}
	if equal < 1000 {
		t.Errorf("only %d pairs are equal: too few to tell", equal)
	}
}

// same reports whether v is what encoding/json reads, with UseNumber.
func same(v Value, std any) bool {
	switch want := std.(type) {
	case nil:
		return v.Kind() == Null
	case bool:
		return v.Kind() == Bool && v.Bool() == want
	case stdjson.Number:
		return v.Kind() == Number && v.Text() == want.String()
	case string:
		return v.Kind() == String && v.Text() == want
	case []any:
		n := 0
		for i, e := range v.Elements() {
			if n++; i >= len(want) || !same(e, want[i]) {
				return false
			}
		}
		return v.Kind() == Array && n == len(want) && v.Len() == n
	case map[string]any:
		for key := range want {
			if sub, ok := v.Get(key); !ok || !same(sub, want[key]) {
				return false
			}
		}
		for key := range v.Members() {
			if _, ok := want[key]; !ok {
				return false
			}
		}
		return v.Kind() == Object
	}
	return false
}

// deeper reports whether the text, as far as it is JSON, nests over MaxDepth.
func deeper(text []byte) bool {
	depth := 0
	d := stdjson.NewDecoder(bytes.NewReader(text))
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		switch tok {
		case stdjson.Delim('['), stdjson.Delim('{'):
			if depth++; depth > MaxDepth {
				return true
			}
		case stdjson.Delim(']'), stdjson.Delim('}'):
			depth--
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e-3,"x\u00e9\ud83d\ude00",true,false,null],"b":{}}`, `"\ud800"`, "\"\xff\"", "[[[[]]]]", "1e", "01", " 1 ", `{"a":1,"a":2}`, "\"\x00\"", `"\/"`,
		strings.Repeat("[", 600),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		d := stdjson.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var std any
		valid := stdjson.Valid(text) && utf8.Valid(text)
		if valid && !deeper(text) != (err == nil) || !valid && err == nil {
			t.Fatalf("%q: got %v, encoding/json says valid = %v", text, err, valid)
		}
		if err != nil {
			if e := err.(*SyntaxError); e.Offset < 0 || e.Offset > len(text) || e.Text == "" {
				t.Fatalf("%q: error %+v", text, e)
			}
			return
		}
		if err := d.Decode(&std); err != nil {
			t.Fatal(err)
		}
		if !same(v, std) {
			t.Fatalf("%q: got %v, want %v", text, v, std)
		}
		if c := v.Clone(); !Equal(v, v) || !Equal(v, c) || !same(c, std) {
			t.Fatalf("%q is not equal to itself or to its clone %v", text, c)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"person":{"org":"Dev Ops","id":1036},"city":"Seattle","state":"WA","tags":["a","b"],"score":12.5}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
