package errors_test

import (
	"bytes"
	"encoding/json"
	stderrors "errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	apierrors "github.com/berth-run/berth/host/api/errors"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample makes the error of a row the way the building blocks do.
func sample(c apierrors.Code) *apierrors.Error {
	row := apierrors.Describe(c)
	args := map[string]any{
		"store": "statestore", "key": "k1", "cause": "connection refused", "operations": 3, "limit": 2, "operation": "append",
		"limit in bytes": 4194304, "what is wrong": "unexpected end of JSON input", "parts that are not ready": []string{"app", "components"},
	}
	if c == apierrors.StateTooManyOperations {
		return apierrors.TooManyOperations("statestore", 3, 2)
	}
	var list []any
	for _, a := range row.Args {
		v, ok := args[a]
		if !ok {
			v = "no sample for argument " + a
		}
		list = append(list, v)
	}
	e := apierrors.New(c, list...)
	if row.Resource != "" {
		e.WithResource("statestore")
	}
	switch c {
	case apierrors.StateNotFound, apierrors.StateNotConfigured:
		e.WithInfo(map[string]string{"appID": "orders"})
	case apierrors.StateIllegalKey:
		e.WithField("k1")
	}
	return e
}

// TestGolden pins what an application sees of every row, over both protocols.
func TestGolden(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range apierrors.Codes() {
		t.Run(c.String(), func(t *testing.T) {
			e, row := sample(c), apierrors.Describe(c)
			var b strings.Builder
			if row.HTTP != 0 {
				body, contentType := e.Body()
				fmt.Fprintf(&b, "HTTP %d %s\n%s\n\n", e.HTTPStatus(), contentType, strings.TrimSuffix(string(body), "\n"))
			}
			st := status.Convert(e)
			fmt.Fprintf(&b, "gRPC %s\n%s\n", st.Code(), st.Message())
			for _, d := range st.Proto().GetDetails() {
				fmt.Fprintln(&b, compact(t, d))
			}
			file := filepath.Join("testdata", c.String()+".txt")
			seen[filepath.Base(file)] = true
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("testdata/%s is of no row", f.Name())
		}
	}
}

// compact renders a message as JSON in one form: protojson varies its white space on purpose.
func compact(t *testing.T, m proto.Message) string {
	t.Helper()
	raw, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRows(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	names := map[string]bool{}
	for _, c := range apierrors.Codes() {
		row := apierrors.Describe(c)
		if row.Name == "" {
			t.Fatalf("code %d has no row", int(c))
		}
		t.Run(row.Name, func(t *testing.T) {
			if names[row.Name] {
				t.Error("the name is used twice")
			}
			names[row.Name] = true
			if got, want := len(verb.FindAllString(row.Text, -1)), len(row.Args); got != want {
				t.Errorf("got %d verbs in %q, want %d", got, row.Text, want)
			}
			if row.GRPC == codes.OK {
				t.Error("gRPC code is OK")
			}
			if row.HTTP != 0 && row.HTTP < 400 {
				t.Errorf("got HTTP status %d", row.HTTP)
			}
			if row.Resource != "" && row.Reason == "" {
				t.Error("a resource without a reason is never shown")
			}
			if row.Code != "" && !strings.HasPrefix(row.Code, "ERR_") || row.Reason != "" && !strings.HasPrefix(row.Reason, "DAPR_") {
				t.Errorf("got code %q, reason %q", row.Code, row.Reason)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	cause := stderrors.New("cause")
	made := apierrors.New(apierrors.StateSave, "s", "broken").Wrap(cause)
	for _, tc := range []struct {
		name string
		err  error
		want apierrors.Code
		text string
	}{
		{"itself", made, apierrors.StateSave, "ERR_STATE_SAVE: failed saving state in state store s: broken"},
		{"wrapped", fmt.Errorf("call: %w", made), apierrors.StateSave, "ERR_STATE_SAVE: failed saving state in state store s: broken"},
		{"another error", cause, apierrors.Internal, "ERR_INTERNAL: cause"},
		{"without public code", apierrors.New(apierrors.TokenInvalid), apierrors.TokenInvalid, "invalid api token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := apierrors.From(tc.err)
			if got.Code() != tc.want || got.Error() != tc.text {
				t.Errorf("got %v %q, want %v %q", got.Code(), got.Error(), tc.want, tc.text)
			}
		})
	}
	if !stderrors.Is(made, cause) {
		t.Error("the cause is not found below the error")
	}
}

func TestMarkdownIsCurrent(t *testing.T) {
	var b bytes.Buffer
	if err := apierrors.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("CODES.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("CODES.md is not what the table says; run go generate (-file +table):\n%s", diff)
	}
}
