package proto

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// field is one field of the IDL.
type field struct {
	name   string // in the IDL
	number int
	goName string
}

var fieldPattern = regexp.MustCompile(`^\s+(?:repeated )?(?:[A-Za-z0-9]+|map<string, string>) ([a-z_0-9]+) = ([0-9]+);`)
var messagePattern = regexp.MustCompile(`^message ([A-Za-z]+) \{`)

// readIDL reads the names and numbers of the fields of all messages.
func readIDL(t testing.TB) map[string][]field {
	t.Helper()
	files, err := filepath.Glob("*.proto")
	if err != nil || len(files) == 0 {
		t.Fatalf("no .proto files: %v", err)
	}
	out := map[string][]field{}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		current := ""
		for line := range strings.Lines(string(src)) {
			if m := messagePattern.FindStringSubmatch(line); m != nil {
				current = m[1]
			} else if m := fieldPattern.FindStringSubmatch(line); m != nil {
				n, _ := strconv.Atoi(m[2])
				out[current] = append(out[current], field{m[1], n, ""})
			}
		}
	}
	for _, m := range messages {
		typ := reflect.TypeOf(m).Elem()
		fields := out[typ.Name()]
		if len(fields) != typ.NumField() {
			t.Fatalf("%s: got %d fields in the IDL, %d in Go", typ.Name(), len(fields), typ.NumField())
		}
		for i := range fields {
			fields[i].goName = typ.Field(i).Name
			if flat := strings.ReplaceAll(fields[i].name, "_", ""); !strings.EqualFold(flat, fields[i].goName) {
				t.Fatalf("%s: field %d is %s in the IDL and %s in Go", typ.Name(), i, fields[i].name, fields[i].goName)
			}
		}
	}
	return out
}

// The JSON of the golden files is that of protocol buffers, with the names of
// the IDL and numbers for enums: bytes in base64, 64-bit integers as strings,
// fields without value left out.

func (idl idl) toJSON(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		return idl.toJSON(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		for i, f := range idl[v.Type().Name()] {
			fv := v.Field(i)
			if fv.IsZero() || (fv.Kind() == reflect.Slice || fv.Kind() == reflect.Map) && fv.Len() == 0 {
				continue
			}
			out[f.name] = idl.toJSON(fv)
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			out[it.Key().String()] = it.Value().String()
		}
		return out
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(v.Bytes())
		}
		out := []any{}
		for i := range v.Len() {
			out = append(out, idl.toJSON(v.Index(i)))
		}
		return out
	case reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Int32:
		return float64(v.Int())
	case reflect.Uint32:
		return float64(v.Uint())
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	}
	panic(fmt.Sprintf("no JSON for %v", v.Type()))
}

type idl map[string][]field

// fromJSON sets v, which is zero, to what encoding/json made of the JSON.
func (idl idl) fromJSON(v reflect.Value, from any) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return idl.fromJSON(v.Elem(), from)
	case reflect.Struct:
		members, ok := from.(map[string]any)
		if !ok {
			return fmt.Errorf("%v from %v", v.Type(), from)
		}
		for i, f := range idl[v.Type().Name()] {
			if m, ok := members[f.name]; ok {
				delete(members, f.name)
				if err := idl.fromJSON(v.Field(i), m); err != nil {
					return fmt.Errorf("%s: %w", f.name, err)
				}
			}
		}
		if len(members) > 0 {
			return fmt.Errorf("%v has no fields %v", v.Type(), members)
		}
		return nil
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for key, m := range from.(map[string]any) {
			v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(m))
		}
		return nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b, err := base64.StdEncoding.DecodeString(from.(string))
			v.SetBytes(b)
			return err
		}
		list := from.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i := range list {
			if err := idl.fromJSON(v.Index(i), list[i]); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	case reflect.Int64:
		n, err := strconv.ParseInt(from.(string), 10, 64)
		v.SetInt(n)
		return err
	case reflect.Uint64:
		n, err := strconv.ParseUint(from.(string), 10, 64)
		v.SetUint(n)
		return err
	case reflect.Int32:
		v.SetInt(int64(from.(float64)))
	case reflect.Uint32:
		v.SetUint(uint64(from.(float64)))
	case reflect.Bool:
		v.SetBool(from.(bool))
	case reflect.String:
		v.SetString(from.(string))
	default:
		return fmt.Errorf("no value for %v", v.Type())
	}
	return nil
}
