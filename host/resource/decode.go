package resource

import (
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place is a position in a file.
type place struct{ line, column int }

// decoder fills Go values from nodes and reports what does not fit. Fields are
// named by their json tags, since Dapr reads resources through encoding/json.
// A value that is already set stays where the document says nothing, so one
// document can be laid over another.
type decoder struct {
	file     string
	resource string // kind/name, once known
	fold     bool   // keys match in any case, as in encoding/json
	yamlText bool   // a number where a string is wanted keeps its spelling
	root     reflect.Type
	places   map[string]place
	problems Problems
	steps    int
}

// selfDecoder is a type that reads its own node.
type selfDecoder interface {
	decodeNode(d *decoder, n *node, path string)
}

func (d *decoder) run(n *node, into any) {
	v := reflect.ValueOf(into).Elem()
	d.root = v.Type()
	d.places = map[string]place{"": {n.line, n.column}}
	d.decode(n, v, "")
}

// report adds a problem at the place of path, or of the nearest part of it that
// the file has.
func (d *decoder) report(code Code, path, message, hint string) {
	d.reportAt(d.place(path), code, path, message, hint)
}

func (d *decoder) reportAt(at place, code Code, path, message, hint string) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: at.line, Column: at.column, Resource: d.resource, Field: path,
		Severity: code.severity(false), Code: code, Message: message, Hint: hint,
	})
}

// missing reports a required field that is absent or empty, unless the reason is
// that the field, or what holds it, has the wrong type.
func (d *decoder) missing(path string) {
	for _, p := range d.problems {
		if p.Code == CodeWrongType && (p.Field == path || strings.HasPrefix(path, p.Field+".") || strings.HasPrefix(path, p.Field+"[")) {
			return
		}
	}
	message := "required field is missing"
	if _, written := d.places[path]; written {
		message = "required field is empty"
	}
	d.report(CodeMissingField, path, message, "")
}

func (d *decoder) place(path string) place { return nearestPlace(d.places, path) }

func nearestPlace(places map[string]place, path string) place {
	for {
		if at, ok := places[path]; ok || path == "" {
			return at
		}
		path = path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 0)]
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) wrongType(n *node, path, want string) {
	hint := ""
	if n.shape == mapShape && strings.HasPrefix(want, "a list of name") {
		hint = "write each entry as: - name: ..."
	}
	d.reportAt(place{n.line, n.column}, CodeWrongType, path, "want "+want+", got "+n.describe(), hint)
}

func (d *decoder) decode(n *node, v reflect.Value, path string) {
	if d.steps++; d.steps > maxValues { // aliases of aliases
		if d.steps == maxValues+1 {
			d.reportAt(place{n.line, n.column}, CodeBadValue, path, errTooLarge.Error(), "")
		}
		return
	}
	if v.CanAddr() {
		if s, ok := v.Addr().Interface().(selfDecoder); ok {
			s.decodeNode(d, n, path)
			return
		}
	}
	if n.shape == scalarShape && n.scalar == nil && v.Kind() != reflect.Interface {
		return // null leaves what is there
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		to, before := v, len(d.problems)
		if v.IsNil() {
			to = reflect.New(v.Type().Elem())
		}
		d.decode(n, to.Elem(), path)
		if to.Elem().Kind() == reflect.Struct || len(d.problems) == before {
			v.Set(to)
		}
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Map:
		d.stringMap(n, v, path)
	case reflect.Interface:
		d.any(n, v, path)
	case reflect.String:
		if n.shape != scalarShape {
			d.wrongType(n, path, "a string")
			return
		}
		if d.yamlText {
			v.SetString(n.text)
		} else {
			v.SetString(scalarString(n.scalar))
		}
	case reflect.Bool:
		b, ok := n.scalar.(bool)
		if !ok && d.yamlText {
			b, ok = quotedBool(n)
		}
		if n.shape != scalarShape || !ok {
			d.wrongType(n, path, "true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		d.integer(n, v, path)
	default:
		panic("resource: no decoder for " + v.Type().String())
	}
}

// quotedBool accepts the strings that yaml.v3, which reads Dapr's configuration,
// takes for booleans.
func quotedBool(n *node) (value, ok bool) {
	switch n.scalar {
	case "y", "Y", "yes", "on":
		return true, true
	case "n", "N", "no", "off":
		return false, true
	}
	return false, false
}

func (d *decoder) integer(n *node, v reflect.Value, path string) {
	var i int64
	switch x := n.scalar.(type) {
	case int64:
		i = x
	case float64: // 5.0 becomes 5 on the way through JSON
		if math.Abs(x) >= 1<<63 {
			d.reportAt(place{n.line, n.column}, CodeBadValue, path, "the number is too large", "")
			return
		}
		if i = int64(x); float64(i) != x {
			d.wrongType(n, path, "an integer")
			return
		}
	case uint64, *big.Int:
		d.reportAt(place{n.line, n.column}, CodeBadValue, path, "the number is too large", "")
		return
	default:
		d.wrongType(n, path, "an integer")
		return
	}
	if v.OverflowInt(i) {
		d.reportAt(place{n.line, n.column}, CodeBadValue, path, "the number is too large", "")
		return
	}
	v.SetInt(i)
}

func (d *decoder) duration(n *node, v reflect.Value, path string) {
	if i, ok := n.scalar.(int64); ok && i == 0 {
		v.SetInt(0)
		return
	}
	s, ok := n.scalar.(string)
	if n.shape != scalarShape || !ok {
		d.wrongType(n, path, "a duration such as 30s")
		return
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		d.reportAt(place{n.line, n.column}, CodeBadValue, path, "not a duration", "write it with a unit: 30s, 5m, 72h")
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) any(n *node, v reflect.Value, path string) {
	budget := maxValues
	x, err := n.value(&budget)
	if err != nil {
		d.reportAt(place{n.line, n.column}, CodeBadValue, path, err.Error(), "")
		return
	}
	if x == nil {
		v.SetZero()
		return
	}
	v.Set(reflect.ValueOf(x))
}

func (d *decoder) list(n *node, v reflect.Value, path string) {
	if n.shape != listShape {
		want := "a list"
		switch elem := v.Type().Elem(); {
		case elem == reflect.TypeFor[Item]():
			want = "a list of name and value pairs"
		case elem.Kind() == reflect.String:
			want = "a list of strings"
		case elem.Kind() == reflect.Int:
			want = "a list of integers"
		}
		d.wrongType(n, path, want)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		p := path + "[" + strconv.Itoa(i) + "]"
		d.places[p] = place{item.line, item.column}
		d.decode(item, out.Index(i), p)
	}
	v.Set(out)
}

func (d *decoder) stringMap(n *node, v reflect.Value, path string) {
	if n.shape != mapShape {
		d.wrongType(n, path, "a mapping")
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, e := range n.entries {
		p := path + "[" + e.part() + "]"
		d.places[p] = place{e.line, e.column}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.value, elem, p)
		v.SetMapIndex(reflect.ValueOf(e.key), elem)
	}
}

// object fills a struct.
func (d *decoder) object(n *node, v reflect.Value, path string) {
	if n.shape != mapShape {
		d.wrongType(n, path, "a mapping")
		return
	}
	known := fieldNames(v.Type())
	exact := map[string]bool{}
	for _, e := range n.entries {
		exact[e.key] = true
	}
	entries := n.entries
	if d.fold {
		// Of Name and NAME the last counts in the order of bytes, which is that of
		// the JSON that Dapr makes of the file.
		entries = slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return strings.Compare(a.key, b.key) })
	}
	for _, e := range entries {
		at := place{e.line, e.column}
		index := slices.Index(known, e.key)
		if e.key == "" {
			index = -1
		} else if index < 0 && d.fold {
			index = slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, e.key) })
			if index >= 0 && exact[known[index]] {
				d.reportAt(at, CodeDuplicateKey, join(path, e.part()),
					e.shown()+" is the same key as "+known[index]+" and not used", "")
				continue
			}
			if index >= 0 {
				d.reportAt(at, CodeKeyCase, join(path, e.part()),
					"the key is spelt "+known[index], "")
			}
		}
		if index < 0 {
			d.unknownKey(e, known, path)
			continue
		}
		p := join(path, known[index])
		if e.value.shape == scalarShape && e.value.scalar != nil {
			at = place{e.value.line, e.value.column}
		}
		d.places[p] = at
		d.decode(e.value, v.Field(index), p)
	}
}

func (d *decoder) unknownKey(e entry, known []string, path string) {
	hint := didYouMean(e.key, known)
	if e.hidden {
		hint = ""
	} else if elsewhere := keyPaths(d.root, "", e.key); hint == "" && len(elsewhere) == 1 {
		hint = e.key + " belongs at " + elsewhere[0]
	}
	d.reportAt(place{e.line, e.column}, CodeUnknownKey, join(path, e.part()),
		e.shown()+" is not a known key here and has no effect", hint)
}

// fieldNames lists the keys of a struct in the order of its fields; that of a
// field without a json tag is empty.
func fieldNames(t reflect.Type) []string {
	out := make([]string, t.NumField())
	for i := range out {
		out[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return out
}

// keyPaths lists where a key is known in a type: spec.tracing.samplingRate.
func keyPaths(t reflect.Type, path, key string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Slice {
			path += "[]"
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []string
	for i, name := range fieldNames(t) {
		if name == "" {
			continue
		}
		if strings.EqualFold(name, key) {
			if path == "" {
				out = append(out, "the top level of the resource")
			} else {
				out = append(out, join(path, name))
			}
		}
		out = append(out, keyPaths(t.Field(i).Type, join(path, name), key)...)
	}
	return out
}
