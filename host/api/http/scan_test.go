package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi/proto"
)

// reference reads a body with encoding/json alone.
func reference(body []byte) ([]proto.SetRequest, error) {
	var list []item
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&list); err != nil {
		return nil, err
	}
	out := make([]proto.SetRequest, len(list))
	for i := range list {
		if err := list[i].set(&out[i]); err != nil {
			return nil, optionsError{err}
		}
	}
	return out, nil
}

// bodies are the forms of a save. fast says that no reflection is needed.
var bodies = []struct {
	name, body string
	fast       bool
}{
	{"one item", `[{"key":"a","value":{"x":1}}]`, true},
	{"white space", " [ {\n\t\"key\" : \"a\" , \"value\" : [ 1 , 2 ] } ]\r\n", true},
	{"many items", `[{"key":"a","value":1},{"key":"b","value":2},{"key":"c","value":null}]`, true},
	{"no items", `[]`, true},
	{"no items, with space", ` [ ] `, true},
	{"no value", `[{"key":"a"}]`, true},
	{"empty item", `[{}]`, true},
	{"all fields", `[{"key":"a","value":"v","etag":"1","metadata":{"ttlInSeconds":"60","contentType":"application/json"},"options":{"concurrency":"first-write","consistency":"strong"},"contentType":"text/plain"}]`, true},
	{"empty etag", `[{"key":"a","value":"v","etag":""}]`, true},
	{"empty metadata and options", `[{"key":"a","value":"v","metadata":{},"options":{}}]`, true},
	{"values of each type", `[{"key":"a","value":true},{"key":"b","value":false},{"key":"c","value":null},{"key":"d","value":-1.5e+10},{"key":"e","value":"s\"\\\/\b\f\n\r\té\u00e9"},{"key":"f","value":{}},{"key":"g","value":[]},{"key":"h","value":{"a":[{"b":{}}]}},{"key":"i","value":0}]`, true},
	{"large number keeps its digits", `[{"key":"a","value":123456789012345678901234567890.000}]`, true},
	{"key beyond ASCII", `[{"key":"schlüssel","value":"é"}]`, true},
	{"value that is not UTF-8", "[{\"key\":\"a\",\"value\":\"\xff\"}]", true},
	{"something behind", `[{"key":"a","value":1}] x`, true},

	{"key that is not UTF-8", "[{\"key\":\"\xff\",\"value\":1}]", false},
	{"escape in key", `[{"key":"\u0061\n","value":1}]`, false},
	{"escape in a field's name", `[{"k\u0065y":"a","value":1}]`, false},
	{"other case", `[{"Key":"a","VALUE":1}]`, false},
	{"unknown field", `[{"key":"a","value":1,"more":{"x":[1]}}]`, false},
	{"field twice", `[{"key":"a","key":"b","value":1,"value":2}]`, false},
	{"metadata twice", `[{"key":"a","metadata":{"a":"1"},"metadata":{"b":"2"}}]`, false},
	{"name twice in metadata", `[{"key":"a","metadata":{"a":"1","a":"2"}}]`, true},
	{"nulls", `[{"key":null,"value":null,"etag":null,"metadata":null,"options":null,"contentType":null}]`, false},
	{"null item", `[null]`, false},
	{"null body", `null`, false},
	{"deep value", `[{"key":"a","value":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}]`, false},
	{"too deep value", `[{"key":"a","value":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}]`, false},

	{"empty body", ``, false},
	{"object", `{"key":"a","value":1}`, false},
	{"key is a number", `[{"key":1,"value":1}]`, false},
	{"etag is a number", `[{"key":"a","etag":1}]`, false},
	{"metadata is a list", `[{"key":"a","metadata":[]}]`, false},
	{"metadata of numbers", `[{"key":"a","metadata":{"ttlInSeconds":60}}]`, false},
	{"unknown concurrency", `[{"key":"a","options":{"concurrency":"none"}}]`, false},
	{"unknown consistency", `[{"key":"a","options":{"consistency":"none"}}]`, false},
	{"unclosed", `[{"key":"a","value":1}`, false},
	{"comma at the end", `[{"key":"a","value":1},]`, false},
	{"comma in the item", `[{"key":"a",}]`, false},
	{"no colon", `[{"key" "a"}]`, false},
	{"bad escape in value", `[{"key":"a","value":"\x"}]`, false},
	{"bad unicode escape in value", `[{"key":"a","value":"\u12g4"}]`, false},
	{"control character in value", "[{\"key\":\"a\",\"value\":\"\n\"}]", false},
	{"number with leading zero", `[{"key":"a","value":01}]`, false},
	{"number without digits", `[{"key":"a","value":-}]`, false},
	{"number with bare point", `[{"key":"a","value":1.}]`, false},
	{"number with bare exponent", `[{"key":"a","value":1e}]`, false},
	{"plus sign", `[{"key":"a","value":+1}]`, false},
	{"half a word", `[{"key":"a","value":tru}]`, false},
	{"string that does not end", `[{"key":"a","value":"`, false},
	{"escape that does not end", `[{"key":"a","value":"\u00`, false},
}

func TestParseSave(t *testing.T) {
	for _, tc := range bodies {
		t.Run(tc.name, func(t *testing.T) {
			if _, fast := scanSave(nil, []byte(tc.body)); fast != tc.fast {
				t.Errorf("read without reflection: got %t, want %t", fast, tc.fast)
			}
			compare(t, []byte(tc.body))
		})
	}
}

// compare holds parseSave against encoding/json: the same items, or the same error.
func compare(t *testing.T, body []byte) {
	t.Helper()
	sent := bytes.Clone(body)
	want, wantErr := reference(body)
	// Requests that were used before must leave nothing behind.
	used := []proto.SetRequest{{Key: "old", Value: []byte("old"), Etag: &proto.Etag{Value: "old"}, Metadata: map[string]string{"old": "1"}, ContentType: "old", Options: &proto.StateOptions{Concurrency: 1}}}
	got, err := parseSave(used, body)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("got error %v, want %v", err, wantErr)
	}
	var a, b optionsError
	if errors.As(err, &a) != errors.As(wantErr, &b) {
		t.Fatalf("got error %T, want %T", err, wantErr)
	}
	if err == nil && len(got)+len(want) > 0 {
		// A map without entries and none are the same to a component.
		for i := range got {
			for _, list := range [][]proto.SetRequest{got, want} {
				if len(list) > i && len(list[i].Metadata) == 0 {
					list[i].Metadata = nil
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if !bytes.Equal(body, sent) {
		t.Error("the body was changed")
	}
}

func FuzzParseSave(f *testing.F) {
	for _, tc := range bodies {
		if len(tc.body) < 2000 {
			f.Add([]byte(tc.body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { compare(t, body) })
}

func BenchmarkParseSave(b *testing.B) {
	body := []byte(`[{"key":"key1","value":{"v":"` + strings.Repeat("x", 248) + `"}}]`)
	b.Run("scanner", func(b *testing.B) {
		items := make([]proto.SetRequest, 0, 1)
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if _, err := parseSave(items, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if _, err := reference(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "plain", `"quoted" \back`, "line\nbreak", "\x00\x7f", "é\u2028", "\xff", "<&>"} {
		var back string
		if err := json.Unmarshal(quote(nil, s), &back); err != nil {
			t.Errorf("quote(%q) = %s: %v", s, quote(nil, s), err)
			continue
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); back != want {
			t.Errorf("quote(%q): got %q back, want %q", s, back, want)
		}
	}
}

// TestAppendAnswers: answers built by hand are the JSON that encoding/json reads.
func TestAppendAnswers(t *testing.T) {
	etag := &proto.Etag{Value: `1"2`}
	bulk := []proto.BulkStateItem{
		{Key: "a", Data: []byte(`{"x":1}`), Etag: etag, Metadata: map[string]string{"ttlExpireTime": "2030-01-01T00:00:00Z"}},
		{Key: `missing "b"`}, {Key: "c", Error: "failed\n"}, {Key: "d", Data: []byte("\x00binary"), Etag: etag},
	}
	const wantBulk = `[{"key":"a","data":{"x":1},"etag":"1\"2","metadata":{"ttlExpireTime":"2030-01-01T00:00:00Z"}},
		{"key":"missing \"b\""},{"key":"c","error":"failed\n"},{"key":"d","etag":"1\"2","error":"` + notJSON + `"}]`
	sameJSON(t, appendBulk(nil, bulk), wantBulk)
	sameJSON(t, appendBulk(nil, nil), `[]`)

	query := &proto.QueryResponse{
		Items: []proto.QueryItem{{Key: "a", Data: []byte(`"v"`), Etag: etag}, {Key: "b", Error: "failed"}, {Key: "c", Data: []byte("no json")}},
		Token: "3", Metadata: map[string]string{"n": "1"},
	}
	const wantQuery = `{"results":[{"key":"a","data":"v","etag":"1\"2"},{"key":"b","data":null,"error":"failed"},{"key":"c","data":null,"error":"` +
		notJSON + `"}],"token":"3","metadata":{"n":"1"}}`
	sameJSON(t, appendQuery(nil, query), wantQuery)
	sameJSON(t, appendQuery(nil, &proto.QueryResponse{Items: []proto.QueryItem{{Key: "a", Data: []byte("1")}}}), `{"results":[{"key":"a","data":1}]}`)
}

func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
