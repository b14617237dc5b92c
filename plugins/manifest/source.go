package manifest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
)

// Parse reads a plugin.yaml. The syntax is strict: every key is a known one and
// appears once, every value has its type, and no anchors, aliases or tags are
// used. The error is a plugins.Errors with everything that is wrong, each with
// file and line, in the order of the lines. file is the name for messages.
//
// Three things may be left out: abi (then "1.0"), a kind's kind where the type
// leaves only one, and a kind's versions (then v1).
func Parse(file string, src []byte) (*proto.Manifest, error) {
	s := &source{file: file, lines: map[string]int{}, bad: map[string]bool{}}
	m := s.read(src)
	if m != nil {
		c := checker{strict: true}
		c.manifest(m)
		for _, f := range c.found {
			if !s.covered(f.path) {
				s.found = append(s.found, located{f, s.line(f.path)})
			}
		}
	}
	if len(s.found) > 0 {
		slices.SortStableFunc(s.found, func(a, b located) int { return cmp.Compare(a.line, b.line) })
		var out plugins.Errors
		for _, f := range s.found[:min(len(s.found), maxFindings)] {
			where := file
			if f.line > 0 {
				where = fmt.Sprintf("%s:%d", file, f.line)
			}
			out = append(out, f.refusal(where))
		}
		return nil, out
	}
	return m, nil
}

// located is a finding with its line, 0 when it concerns the whole file.
type located struct {
	finding
	line int
}

// source turns YAML nodes into a manifest. Paths are those of the manifest,
// such as "kinds[0].type".
type source struct {
	file  string
	lines map[string]int  // path -> line of its value
	bad   map[string]bool // paths that are wrong as YAML already: nothing more is said of them
	found []located
}

// add says that the value at path is wrong, so that it is not looked at again.
func (s *source) add(path string, line int, hint, format string, args ...any) {
	s.bad[path] = true
	s.say(path, line, hint, format, args...)
}

func (s *source) say(path string, line int, hint, format string, args ...any) {
	s.found = append(s.found, located{finding{plugins.ManifestInvalid, path, fmt.Sprintf(format, args...), hint}, line})
}

// covered reports whether something was said of path, or of what it is part of.
func (s *source) covered(path string) bool {
	for p := path; ; p = parent(p) {
		if s.bad[p] {
			return true
		}
		if p == "" {
			return false
		}
	}
}

// line returns the line of path or, when it is not in the file, of what it would be part of.
func (s *source) line(path string) int {
	for p := path; ; p = parent(p) {
		if l, ok := s.lines[p]; ok || p == "" {
			return l
		}
	}
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// read returns nil when there is no manifest in src to look further at.
func (s *source) read(src []byte) *proto.Manifest {
	if len(src) > MaxSource {
		s.add("", 0, "", "is %d bytes long, the limit is %d", len(src), MaxSource)
		return nil
	}
	var doc, next yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err == nil {
		err = loader.Load(&doc)
	}
	if err == nil {
		if err = loader.Load(&next); err == nil {
			s.add("", next.Line, "keep one", "has a second YAML document")
			return nil
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		var syntax *yaml.LoadError
		if errors.As(err, &syntax) && syntax.Mark.Line > 0 {
			s.add("", syntax.Mark.Line, "", "is not YAML: %s", clip(syntax.Message))
		} else {
			s.add("", 0, "", "is not YAML: %s", clip(err.Error()))
		}
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].ShortTag() == "!!null" {
		s.add("", 0, "", "is empty")
		return nil
	}
	m := &proto.Manifest{}
	s.manifest(doc.Content[0], m)
	return m
}

func (s *source) manifest(n *yaml.Node, m *proto.Manifest) {
	ok := s.object("", n, fields{
		"abi":         s.text(&m.ABI),
		"name":        s.text(&m.Name),
		"version":     s.text(&m.Version),
		"vendor":      s.text(&m.Vendor),
		"description": s.text(&m.Description),
		"license":     s.text(&m.License),
		"homepage":    s.text(&m.Homepage),
		"stability":   s.text(&m.Stability),
		"kinds": list(s, &m.Kinds, func(path string, n *yaml.Node, k *proto.Kind) {
			s.object(path, n, fields{
				"kind":       s.text(&k.Kind),
				"type":       s.text(&k.Type),
				"aliases":    s.texts(&k.Aliases),
				"versions":   s.texts(&k.Versions),
				"features":   s.texts(&k.Features),
				"operations": s.texts(&k.Operations),
			})
			if k.Kind == "" && s.lines[path+".kind"] == 0 {
				k.Kind = kindOfType(k.Type)
			}
			if s.lines[path+".versions"] == 0 {
				k.Versions = []string{"v1"}
			}
		}),
		"metadata": s.fieldList(&m.Metadata),
		"authProfiles": list(s, &m.AuthProfiles, func(path string, n *yaml.Node, a *proto.AuthProfile) {
			s.object(path, n, fields{
				"title":       s.text(&a.Title),
				"description": s.text(&a.Description),
				"metadata":    s.fieldList(&a.Metadata),
			})
		}),
		"capabilities": list(s, &m.Capabilities, func(path string, n *yaml.Node, c *proto.Capability) {
			s.object(path, n, fields{
				"name":     s.text(&c.Name),
				"required": s.boolean(&c.Required),
				"reason":   s.text(&c.Reason),
				"hints":    s.texts(&c.Hints),
			})
		}),
		"concurrency": func(path string, n *yaml.Node) {
			m.Concurrency = &proto.ConcurrencyModel{}
			s.object(path, n, fields{
				"mode":         s.mode(&m.Concurrency.Mode),
				"maxInflight":  s.count(&m.Concurrency.MaxInflight),
				"maxInstances": s.count(&m.Concurrency.MaxInstances),
			})
		},
		"limits": func(path string, n *yaml.Node) {
			m.Limits = &proto.ResourceLimits{}
			s.object(path, n, fields{
				"minMemory":       s.memory(&m.Limits.MinMemoryBytes),
				"suggestedMemory": s.memory(&m.Limits.SuggestedMemoryBytes),
			})
		},
	})
	if ok && s.lines["abi"] == 0 {
		m.ABI = "1.0"
	}
}

func (s *source) fieldList(dst *[]proto.MetadataField) reader {
	return list(s, dst, func(path string, n *yaml.Node, f *proto.MetadataField) {
		s.object(path, n, fields{
			"name":          s.text(&f.Name),
			"type":          s.text(&f.Type),
			"required":      s.boolean(&f.Required),
			"sensitive":     s.boolean(&f.Sensitive),
			"deprecated":    s.boolean(&f.Deprecated),
			"default":       s.literal(&f.Default),
			"example":       s.literal(&f.Example),
			"allowedValues": s.literals(&f.AllowedValues),
			"description":   s.text(&f.Description),
			"binding":       s.text(&f.Binding),
			"aliases":       s.texts(&f.Aliases),
		})
	})
}
