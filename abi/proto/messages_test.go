package proto

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// message is what every generated type has.
type message interface {
	Size() int
	MarshalTo([]byte) int
	Marshal() []byte
	Unmarshal([]byte) error
	UnmarshalView([]byte) error
}

// messages has one of each type; TestAllMessages keeps it complete.
var messages = []message{
	&AuthProfile{}, &BulkDeleteRequest{}, &BulkGetRequest{}, &BulkGetResponse{}, &BulkOptions{}, &BulkResponse{},
	&BulkSetRequest{}, &BulkStateItem{}, &Capability{}, &ConcurrencyModel{}, &DeleteRequest{},
	&DeleteWithPrefixRequest{}, &DeleteWithPrefixResponse{}, &Error{}, &Etag{}, &GetRequest{}, &GetResponse{},
	&InitRequest{}, &InitResponse{}, &ItemStatus{}, &KeysLikeRequest{}, &KeysLikeResponse{}, &Kind{}, &Manifest{},
	&MetadataField{}, &MetadataRequest{}, &MultiMaxSizeResponse{}, &QueryItem{}, &QueryRequest{}, &QueryResponse{},
	&ResourceLimits{}, &SetRequest{}, &StateOptions{}, &TransactOperation{}, &TransactRequest{},
}

func name(m message) string { return reflect.TypeOf(m).Elem().Name() }

// fresh returns an empty message of the type of m.
func fresh(m message) message { return reflect.New(reflect.TypeOf(m).Elem()).Interface().(message) }

func TestAllMessages(t *testing.T) {
	files, err := filepath.Glob("*_gen.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated files: %v", err)
	}
	var want []string
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "MarshalTo" {
				want = append(want, fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name)
			}
		}
	}
	slices.Sort(want)
	var got []string
	for _, m := range messages {
		got = append(got, name(m))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
