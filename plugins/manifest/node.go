package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins/internal/nearest"
)

// reader takes the value at a path.
type reader func(path string, n *yaml.Node)

// fields are the keys that an object may have.
type fields map[string]reader

// object reads a mapping and reports whether n is one.
func (s *source) object(path string, n *yaml.Node, known fields) bool {
	s.lines[path] = n.Line
	if !s.plain(path, n) {
		return false
	}
	if n.Kind != yaml.MappingNode {
		s.add(path, n.Line, "", "is %s, want keys and values", describe(n))
		return false
	}
	seen := map[string]int{}
	meant := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			s.say(path, k.Line, "", "has the key %q, which is %s, want a word", clip(k.Value), describe(k))
			continue
		}
		read, ok := known[k.Value]
		if !ok {
			s.say(path, k.Line, suggest(k.Value, keys(known)), "has the unknown key %q", clip(k.Value))
			if near, ok := nearest.To(k.Value, keys(known)); ok {
				meant[near] = true
			}
			continue
		}
		at := join(path, k.Value)
		if first, dup := seen[k.Value]; dup {
			s.add(at, k.Line, "", "is given again, first in line %d", first)
			continue
		}
		seen[k.Value] = k.Line
		s.lines[at] = v.Line
		read(at, v)
	}
	for k := range meant {
		if seen[k] == 0 {
			s.bad[join(path, k)] = true // one mistake, one line: the key is misspelt, not missing
		}
	}
	return true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keys(known fields) []string {
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// list reads a sequence into *dst, one element after the other.
func list[T any](s *source, dst *[]T, element func(path string, n *yaml.Node, v *T)) reader {
	return func(path string, n *yaml.Node) {
		if !s.plain(path, n) {
			return
		}
		if n.Kind != yaml.SequenceNode {
			s.add(path, n.Line, "write a list, one element a line after -, or in [ ]", "is %s, want a list", describe(n))
			return
		}
		if len(n.Content) == 0 {
			return // nil, as it comes back from the wire
		}
		*dst = make([]T, len(n.Content))
		for i, e := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			s.lines[at] = e.Line
			element(at, e, &(*dst)[i])
		}
	}
}

// plain refuses the parts of YAML that hide what a value is.
func (s *source) plain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		s.add(path, n.Line, "write the value out", "is a YAML alias")
	case n.Anchor != "":
		s.add(path, n.Line, "write the value out where it is used", "has a YAML anchor")
	case n.Style&yaml.TaggedStyle != 0:
		s.add(path, n.Line, "", "has a YAML tag")
	default:
		return true
	}
	return false
}

func (s *source) scalar(path string, n *yaml.Node, want string) bool {
	if !s.plain(path, n) {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		s.add(path, n.Line, "", "is %s, want %s", describe(n), want)
		return false
	}
	return true
}

// text reads a string, which a number in its place is not: 1.10 would become 1.1.
func (s *source) text(dst *string) reader {
	return func(path string, n *yaml.Node) {
		if !s.scalar(path, n, "a string") {
			return
		}
		if tag := n.ShortTag(); tag != "!!str" && tag != "!!timestamp" {
			s.add(path, n.Line, "put it in quotes", "is %s, want a string", describe(n))
			return
		}
		if n.Value == "" {
			s.add(path, n.Line, "give it a value or leave the key out", "is empty")
			return
		}
		*dst = n.Value
	}
}

// literal reads any scalar as it is written: a default of 30 and one of "30" are the same.
func (s *source) literal(dst *string) reader {
	return func(path string, n *yaml.Node) {
		if !s.scalar(path, n, "a value") {
			return
		}
		if n.Value == "" {
			s.add(path, n.Line, "give it a value or leave the key out", "is empty")
			return
		}
		*dst = n.Value
	}
}

func (s *source) texts(dst *[]string) reader {
	return list(s, dst, func(path string, n *yaml.Node, v *string) { s.text(v)(path, n) })
}

func (s *source) literals(dst *[]string) reader {
	return list(s, dst, func(path string, n *yaml.Node, v *string) { s.literal(v)(path, n) })
}

func (s *source) boolean(dst *bool) reader {
	return func(path string, n *yaml.Node) {
		if !s.scalar(path, n, "true or false") {
			return
		}
		if n.ShortTag() != "!!bool" {
			s.add(path, n.Line, "", "is %s, want true or false", describe(n))
			return
		}
		*dst = strings.EqualFold(n.Value, "true")
	}
}

func (s *source) count(dst *uint32) reader {
	return func(path string, n *yaml.Node) {
		if !s.scalar(path, n, "a whole number") {
			return
		}
		v, err := strconv.ParseUint(n.Value, 10, 32)
		if n.ShortTag() != "!!int" || err != nil || n.Value[0] == '0' { // 010 is 8 to some readers of YAML
			s.add(path, n.Line, "", "is %q, want a whole number over 0", clip(n.Value))
			return
		}
		*dst = uint32(v)
	}
}

func (s *source) memory(dst *uint64) reader {
	return func(path string, n *yaml.Node) {
		if !s.scalar(path, n, "a size such as 16Mi") {
			return
		}
		v, err := parseMemory(n.Value)
		if err != nil || n.Value[0] == '0' {
			s.add(path, n.Line, "", "is %q, want a size such as 16Mi", clip(n.Value))
			return
		}
		*dst = v
	}
}

func (s *source) mode(dst *proto.Mode) reader {
	return func(path string, n *yaml.Node) {
		var word string
		s.text(&word)(path, n)
		if word == "" {
			return
		}
		i := slices.Index(modes, word)
		if i < 0 {
			s.add(path, n.Line, suggest(word, modes), "%q is unknown", clip(word))
			return
		}
		*dst = proto.Mode(i)
	}
}

// describe says in words what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!bool":
		return "a bool"
	case "!!int", "!!float":
		return "a number"
	case "!!merge":
		return "a YAML merge key"
	}
	return "a string"
}
