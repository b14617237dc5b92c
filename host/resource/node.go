package resource

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// node is a YAML value with its place in the file. Aliases share nodes, merge
// keys are resolved, and mapping keys are strings, as they are after Dapr's way
// through JSON.
type node struct {
	shape        shape
	line, column int
	scalar       any    // of a scalar: what plainScalar and taggedScalar return
	text         string // of a scalar: as written, without quotes
	hidden       bool   // holds text from the environment: never shown
	entries      []entry
	items        []*node
}

type shape uint8

const (
	scalarShape shape = iota
	mapShape
	listShape
)

type entry struct {
	key          string
	line, column int
	value        *node
	hidden       bool // the key holds text from the environment
}

// shown is the key for messages.
func (e entry) shown() string {
	if e.hidden {
		return "a key"
	}
	return quote(e.key)
}

// part is the key as a part of a field's path.
func (e entry) part() string {
	if e.hidden {
		return "***"
	}
	return printable(e.key)
}

const (
	maxDepth  = 100    // nesting of one document
	maxValues = 200000 // values of one document after aliases and merges
)

// syntaxError is a document that cannot be read.
type syntaxError struct {
	line, column int
	message      string
}

func (e *syntaxError) Error() string { return e.message }

// reader turns one document's text into nodes.
type reader struct {
	firstLine  int
	secrets    []string // text that makes a node hidden
	repeated   []entry  // keys seen twice in one mapping
	unread     int      // line of the first text after the document's end; 0 = none
	done       map[*yaml.Node]*node
	inProgress map[*yaml.Node]bool
	values     int
}

// read returns the document's root, or nil when it holds nothing but comments.
func (r *reader) read(d document) (*node, error) {
	r.firstLine = d.line
	r.done, r.inProgress = map[*yaml.Node]*node{}, map[*yaml.Node]bool{}
	loader, err := yaml.NewLoader(bytes.NewReader(d.text),
		yaml.WithUniqueKeys(false), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, fmt.Errorf("creating YAML loader: %w", err)
	}
	var root, next yaml.Node
	if err := loader.Load(&root); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, r.yamlError(err, d.text)
	}
	// Dapr reads up to the first "..." of a document and ignores the rest.
	if err := loader.Load(&next); err == nil {
		r.unread = r.firstLine + next.Line - 1
	} else if !errors.Is(err, io.EOF) {
		return nil, r.yamlError(err, d.text)
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) == 0 {
		return nil, nil
	}
	return r.node(root.Content[0])
}

func (r *reader) yamlError(err error, text []byte) error {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return &syntaxError{r.firstLine, 0, r.redact(err.Error())}
	}
	e := &syntaxError{0, le.Mark.Column, r.redact(le.Message)}
	if le.ContextMsg != "" {
		e.message += " " + r.redact(le.ContextMsg)
	}
	switch {
	case le.Mark.Line > 0:
		e.line = r.firstLine + le.Mark.Line - 1
	default:
		e.line = r.firstLine + max(badCharacterLine(text), 1) - 1
	}
	return e
}

func (r *reader) redact(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

func (r *reader) fail(y *yaml.Node, format string, args ...any) error {
	return &syntaxError{r.firstLine + y.Line - 1, y.Column, fmt.Sprintf(format, args...)}
}

func (r *reader) node(y *yaml.Node) (*node, error) {
	if y.Kind == yaml.AliasNode {
		if y.Alias == nil {
			return nil, r.fail(y, "alias of nothing")
		}
		if r.inProgress[y.Alias] {
			return nil, r.fail(y, "an anchor contains itself")
		}
		y = y.Alias
	}
	if n, ok := r.done[y]; ok {
		return n, nil
	}
	if r.values++; r.values > maxValues {
		return nil, r.fail(y, "document has more than %d values", maxValues)
	}
	r.inProgress[y] = true
	n := &node{line: r.firstLine + y.Line - 1, column: y.Column}
	var err error
	switch y.Kind {
	case yaml.ScalarNode:
		err = r.scalar(y, n)
	case yaml.SequenceNode:
		n.shape = listShape
		for _, c := range y.Content {
			item, itemErr := r.node(c)
			if itemErr != nil {
				return nil, itemErr
			}
			n.items = append(n.items, item)
		}
	case yaml.MappingNode:
		n.shape = mapShape
		err = r.mapping(y, n)
	default:
		err = r.fail(y, "unexpected YAML node")
	}
	delete(r.inProgress, y)
	if err != nil {
		return nil, err
	}
	r.done[y] = n
	return n, nil
}

func (r *reader) scalar(y *yaml.Node, n *node) error {
	n.text = y.Value
	n.hidden = r.isSecret(y.Value)
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	switch {
	case y.Style&yaml.TaggedStyle != 0:
		v, ok := taggedScalar(y.Tag, y.Value)
		if !ok {
			return r.fail(y, "value does not fit its tag %s", quote(y.Tag))
		}
		n.scalar = v
		if s, isString := v.(string); isString {
			n.text = s
		}
	case y.Style&quoted != 0:
		n.scalar = y.Value
	default:
		n.scalar = plainScalar(y.Value)
	}
	return nil
}

func (r *reader) isSecret(s string) bool {
	for _, secret := range r.secrets {
		if strings.Contains(s, secret) {
			return true
		}
	}
	return false
}

func (r *reader) mapping(y *yaml.Node, n *node) error {
	index := map[string]int{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Tag == "!!merge" {
			merges = append(merges, v)
			continue
		}
		key, err := r.key(k)
		if err != nil {
			return err
		}
		value, err := r.node(v)
		if err != nil {
			return err
		}
		e := entry{key: key, line: r.firstLine + k.Line - 1, column: k.Column, value: value, hidden: r.isSecret(key)}
		if at, ok := index[key]; ok {
			r.repeated = append(r.repeated, e)
			n.entries[at] = e
			continue
		}
		index[key] = len(n.entries)
		n.entries = append(n.entries, e)
	}
	for _, m := range merges {
		if err := r.merge(m, n, index); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) key(y *yaml.Node) (string, error) {
	k, err := r.node(y)
	if err != nil {
		return "", err
	}
	if k.shape != scalarShape {
		return "", r.fail(y, "a mapping or list cannot be a key; quote text that contains braces")
	}
	switch v := k.scalar.(type) {
	case nil:
		return "", r.fail(y, "a key is empty")
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return k.text, nil
		}
	}
	return scalarString(k.scalar), nil
}

// merge adds the entries of a "<<" value that n does not have.
func (r *reader) merge(y *yaml.Node, n *node, index map[string]int) error {
	from, err := r.node(y)
	if err != nil {
		return err
	}
	sources := []*node{from}
	if from.shape == listShape {
		sources = from.items
	}
	for _, s := range sources {
		if s.shape != mapShape {
			return r.fail(y, "<< takes a mapping or a list of mappings")
		}
		for _, e := range s.entries {
			if _, ok := index[e.key]; ok {
				continue
			}
			if r.values++; r.values > maxValues {
				return r.fail(y, "document has more than %d values", maxValues)
			}
			index[e.key] = len(n.entries)
			n.entries = append(n.entries, e)
		}
	}
	return nil
}

// describe names the type of a value for messages, never the value.
func (n *node) describe() string {
	switch n.shape {
	case mapShape:
		return "a mapping"
	case listShape:
		return "a list"
	}
	switch n.scalar.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case string:
		return "a string"
	}
	return "a number"
}

var (
	errTooLarge = errors.New("value has too many parts once its aliases are followed")
	errNotJSON  = errors.New("infinity and NaN cannot be part of a resource")
)

// value returns what encoding/json would hold for n; budget is the number of
// values that may still be written, since aliases can make a small file large.
func (n *node) value(budget *int) (any, error) {
	if *budget--; *budget < 0 {
		return nil, errTooLarge
	}
	switch n.shape {
	case mapShape:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			v, err := e.value.value(budget)
			if err != nil {
				return nil, err
			}
			m[e.key] = v
		}
		return m, nil
	case listShape:
		l := make([]any, 0, len(n.items))
		for _, i := range n.items {
			v, err := i.value(budget)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		return l, nil
	}
	switch v := n.scalar.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errNotJSON
		}
	case string:
		// A long string behind many aliases costs as much as many values.
		if *budget -= len(v) / 100; *budget < 0 {
			return nil, errTooLarge
		}
	}
	return n.scalar, nil
}

// find returns the entry with the given key; with fold, one that differs in
// upper and lower case only when there is no exact one.
func (n *node) find(key string, fold bool) *node {
	var folded *node
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
		if fold && folded == nil && strings.EqualFold(e.key, key) {
			folded = e.value
		}
	}
	return folded
}
