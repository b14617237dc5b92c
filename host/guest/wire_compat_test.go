package guest_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	dapr "github.com/dapr/dapr/pkg/proto/components/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	protobuf "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/host/guesttest"
)

// The golden vectors of the ABI say what its codecs do. These tests hold them
// against Google's implementation: once with descriptors made from the ABI's
// own IDL, once with Dapr's messages where Dapr has the message. Package abi
// cannot do that itself: it imports nothing.

type goldenVector struct {
	Name       string         `json:"name"`
	Hex        string         `json:"hex"`
	JSON       map[string]any `json:"json"`
	DecodeOnly bool           `json:"decode_only"`
	Error      string         `json:"error"`
}

// eachVector calls f for the vectors of all messages, in a subtest for each message.
func eachVector(t *testing.T, f func(t *testing.T, message string, b []byte, v goldenVector)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(guesttest.Root(t), "abi/testdata/golden/v1/*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("got %d golden files, %v", len(files), err)
	}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Message string         `json:"message"`
			Vectors []goldenVector `json:"vectors"`
		}
		if err := json.Unmarshal(src, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		t.Run(file.Message, func(t *testing.T) {
			for _, v := range file.Vectors {
				b, err := hex.DecodeString(v.Hex)
				if err != nil {
					t.Fatal(err)
				}
				f(t, file.Message, b, v)
			}
		})
	}
}

func asJSON(t *testing.T, m protobuf.Message) map[string]any {
	t.Helper()
	b, err := protojson.MarshalOptions{UseProtoNames: true, UseEnumNumbers: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGoldenVectorsAreProtocolBuffers(t *testing.T) {
	types := describe(t)
	eachVector(t, func(t *testing.T, message string, b []byte, v goldenVector) {
		d := types.Messages().ByName(protoreflect.Name(message))
		if d == nil {
			t.Fatalf("the IDL has no message %s", message)
		}
		m := dynamicpb.NewMessage(d)
		err := protobuf.Unmarshal(b, m)
		if v.Error != "" {
			// Groups are legal, and refused by the ABI (ABI-051).
			if err == nil && v.Name != "group" {
				t.Errorf("%s: got no error, want %q", v.Name, v.Error)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			return
		}
		if diff := cmp.Diff(v.JSON, asJSON(t, m)); diff != "" {
			t.Errorf("%s (-golden +protobuf):\n%s", v.Name, diff)
		}
		// An empty key or value in a map is left out by the ABI and written by Google's encoder.
		if v.DecodeOnly || strings.Contains(v.Name, "empty key") || strings.Contains(v.Name, "nothing to nothing") {
			return
		}
		encoded, err := protobuf.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil || !bytes.Equal(encoded, b) {
			t.Errorf("%s: got %x, %v, want %x", v.Name, encoded, err, b)
		}
	})
}

// describe makes descriptors from the ABI's IDL, whose subset of the language
// takes no more than this to read.
func describe(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(guesttest.Root(t), "abi/proto/*.proto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no IDL: %v", err)
	}
	block := regexp.MustCompile(`(?m)^(message|enum) (\w+) \{$`)
	member := regexp.MustCompile(`^\s+(?:(repeated )?(map<string, string>|\w+) )?(\w+) = (\d+);`)
	scalars := map[string]descriptorpb.FieldDescriptorProto_Type{
		"string": descriptorpb.FieldDescriptorProto_TYPE_STRING, "bytes": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
		"bool": descriptorpb.FieldDescriptorProto_TYPE_BOOL, "int32": descriptorpb.FieldDescriptorProto_TYPE_INT32,
		"int64": descriptorpb.FieldDescriptorProto_TYPE_INT64, "uint32": descriptorpb.FieldDescriptorProto_TYPE_UINT32,
		"uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64,
	}
	out := &descriptorpb.FileDescriptorProto{Name: protobuf.String("berth.proto"), Package: protobuf.String("berth.v1"), Syntax: protobuf.String("proto3")}
	var sources []string
	enums := map[string]bool{}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(src))
		for _, m := range block.FindAllStringSubmatch(string(src), -1) {
			if m[1] == "enum" {
				enums[m[2]] = true
			}
		}
	}
	for _, src := range sources {
		var message *descriptorpb.DescriptorProto
		var enum *descriptorpb.EnumDescriptorProto
		for line := range strings.Lines(src) {
			if m := block.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
				message, enum = nil, nil
				if m[1] == "message" {
					message = &descriptorpb.DescriptorProto{Name: &m[2]}
					out.MessageType = append(out.MessageType, message)
				} else {
					enum = &descriptorpb.EnumDescriptorProto{Name: &m[2]}
					out.EnumType = append(out.EnumType, enum)
				}
				continue
			}
			m := member.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			number, err := strconv.ParseInt(m[4], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			n := protobuf.Int32(int32(number))
			if enum != nil {
				enum.Value = append(enum.Value, &descriptorpb.EnumValueDescriptorProto{Name: &m[3], Number: n})
				continue
			}
			f := &descriptorpb.FieldDescriptorProto{Name: &m[3], Number: n, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
			if m[1] != "" {
				f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			switch typ, ok := scalars[m[2]]; {
			case ok:
				f.Type = typ.Enum()
			case enums[m[2]]:
				f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum(), protobuf.String(".berth.v1."+m[2])
			case strings.HasPrefix(m[2], "map<"):
				entry := mapEntry(m[3])
				message.NestedType = append(message.NestedType, entry)
				f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
				f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), protobuf.String(".berth.v1."+message.GetName()+"."+entry.GetName())
			default:
				f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), protobuf.String(".berth.v1."+m[2])
			}
			message.Field = append(message.Field, f)
		}
	}
	d, err := protodesc.NewFile(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// mapEntry is the message that map<string, string> of a field stands for.
func mapEntry(field string) *descriptorpb.DescriptorProto {
	var name strings.Builder
	for _, w := range strings.Split(field, "_") {
		name.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	str, optional := descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
	return &descriptorpb.DescriptorProto{
		Name:    protobuf.String(name.String() + "Entry"),
		Options: &descriptorpb.MessageOptions{MapEntry: protobuf.Bool(true)},
		Field: []*descriptorpb.FieldDescriptorProto{
			{Name: protobuf.String("key"), Number: protobuf.Int32(1), Type: str, Label: optional},
			{Name: protobuf.String("value"), Number: protobuf.Int32(2), Type: str, Label: optional},
		},
	}
}

// daprMessages are the messages that Dapr's component protocol has too, with
// the ABI's own type for the way back.
var daprMessages = map[string]struct {
	dapr protobuf.Message
	ours interface {
		Unmarshal([]byte) error
		Marshal() []byte
	}
}{
	"MetadataRequest":      {&dapr.MetadataRequest{}, &proto.MetadataRequest{}},
	"InitRequest":          {&dapr.InitRequest{}, &proto.InitRequest{}},
	"InitResponse":         {&dapr.FeaturesResponse{}, &proto.InitResponse{}}, // Dapr asks for the features in a call of its own
	"Etag":                 {&dapr.Etag{}, &proto.Etag{}},
	"StateOptions":         {&dapr.StateOptions{}, &proto.StateOptions{}},
	"GetRequest":           {&dapr.GetRequest{}, &proto.GetRequest{}},
	"GetResponse":          {&dapr.GetResponse{}, &proto.GetResponse{}},
	"SetRequest":           {&dapr.SetRequest{}, &proto.SetRequest{}},
	"DeleteRequest":        {&dapr.DeleteRequest{}, &proto.DeleteRequest{}},
	"BulkOptions":          {&dapr.BulkGetRequestOptions{}, &proto.BulkOptions{}},
	"BulkGetRequest":       {&dapr.BulkGetRequest{}, &proto.BulkGetRequest{}},
	"BulkStateItem":        {&dapr.BulkStateItem{}, &proto.BulkStateItem{}},
	"BulkGetResponse":      {&dapr.BulkGetResponse{}, &proto.BulkGetResponse{}},
	"BulkSetRequest":       {&dapr.BulkSetRequest{}, &proto.BulkSetRequest{}},
	"BulkDeleteRequest":    {&dapr.BulkDeleteRequest{}, &proto.BulkDeleteRequest{}},
	"BulkResponse":         {&dapr.BulkSetResponse{}, &proto.BulkResponse{}},
	"TransactOperation":    {&dapr.TransactionalStateOperation{}, &proto.TransactOperation{}},
	"TransactRequest":      {&dapr.TransactionalStateRequest{}, &proto.TransactRequest{}},
	"MultiMaxSizeResponse": {&dapr.MultiMaxSizeResponse{}, &proto.MultiMaxSizeResponse{}},
	"QueryRequest":         {&dapr.QueryRequest{}, &proto.QueryRequest{}},
	"QueryItem":            {&dapr.QueryItem{}, &proto.QueryItem{}},
	"QueryResponse":        {&dapr.QueryResponse{}, &proto.QueryResponse{}},
}

func TestGoldenVectorsAreDaprs(t *testing.T) {
	seen := map[string]bool{}
	types := describe(t)
	eachVector(t, func(t *testing.T, message string, b []byte, v goldenVector) {
		pair, ok := daprMessages[message]
		if !ok || v.Error != "" || v.DecodeOnly {
			return
		}
		if hasBoth(v.JSON) {
			return // Dapr's operation of a transaction is a oneof, ours has one of two by rule
		}
		seen[message] = true
		m := pair.dapr.ProtoReflect().New().Interface()
		if err := protobuf.Unmarshal(b, m); err != nil {
			t.Errorf("%s: %v", v.Name, err)
			return
		}
		want := withoutAdditions(types.Messages().ByName(protoreflect.Name(message)), v.JSON)
		if diff := cmp.Diff(want, asJSON(t, m)); diff != "" {
			t.Errorf("%s (-golden +Dapr):\n%s", v.Name, diff)
		}
		back, err := protobuf.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := pair.ours.Unmarshal(back); err != nil {
			t.Errorf("%s: Dapr's encoding %x: %v", v.Name, back, err)
		} else if got := pair.ours.Marshal(); !bytes.Equal(got, b) {
			t.Errorf("%s: got %x by way of Dapr, want %x", v.Name, got, b)
		}
	})
	for message := range daprMessages {
		if !seen[message] {
			t.Errorf("no vector of %s was compared", message)
		}
	}
}

// hasBoth reports whether an operation of a transaction has both of its two fields.
func hasBoth(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		_, set := v["set"].(map[string]any)
		_, del := v["delete"].(map[string]any)
		if set && del {
			return true
		}
		for _, m := range v {
			if hasBoth(m) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if hasBoth(e) {
				return true
			}
		}
	}
	return false
}

// withoutAdditions is a message without the fields that Berth added: those
// numbered from 1000 on. None is inside another message.
func withoutAdditions(d protoreflect.MessageDescriptor, message map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range message {
		if d.Fields().ByName(protoreflect.Name(key)).Number() < 1000 {
			out[key] = value
		}
	}
	return out
}
