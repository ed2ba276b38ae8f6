package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Structure holds the properties of an index's mapping besides its fields: its rules for unmapped
// values, copied values, computed fields, and what it keeps of a source. The zero value is an index
// with every setting at its default.
type Structure struct {
	root       structureNode
	source     sourceSettings
	runtime    map[string]json.RawMessage
	copyTarget map[string]string
	// synthetic and beyondLimit are settings of the index.
	synthetic, beyondLimit bool
}

// structureNode is an object or a field of a mapping.
type structureNode struct {
	Dynamic    any                        `json:"dynamic"`
	Enabled    flag                       `json:"enabled"`
	CopyTo     names                      `json:"copy_to"`
	Properties map[string]json.RawMessage `json:"properties"`
	children   map[string]*structureNode
}

// sourceSettings is the _source parameter of a mapping.
type sourceSettings struct {
	Enabled  flag   `json:"enabled"`
	Mode     string `json:"mode"`
	Includes names  `json:"includes"`
	Excludes names  `json:"excludes"`
}

// ParseStructure parses the structure of a mapping: {"properties": …}. Fields may be missing,
// except those with copy_to.
func ParseStructure(data []byte) (*Structure, error) {
	var top struct {
		Source  sourceSettings             `json:"_source"`
		Runtime map[string]json.RawMessage `json:"runtime"`
	}
	s := &Structure{copyTarget: map[string]string{}}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	s.source, s.runtime = top.Source, top.Runtime
	if err := s.root.read(data, "", s.copyTarget); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	s.synthetic = top.Source.Mode == "synthetic"
	return s, nil
}

func (n *structureNode) read(data []byte, name string, targets map[string]string) error {
	if err := json.Unmarshal(data, n); err != nil {
		return fmt.Errorf("field [%s]: %w", name, err)
	}
	for _, to := range n.CopyTo {
		targets[to] = name
	}
	n.children = make(map[string]*structureNode, len(n.Properties))
	prefix := name
	if prefix != "" {
		prefix += "."
	}
	for _, key := range slices.Sorted(maps.Keys(n.Properties)) {
		child := &structureNode{}
		if err := child.read(n.Properties[key], prefix+key, targets); err != nil {
			return err
		}
		n.children[key] = child
	}
	n.Properties = nil
	return nil
}

// Settings adds the relevant settings of the index, by their flat names, as in the answer of GET
// _settings?flat_settings=true.
func (s *Structure) Settings(flat map[string]string) {
	switch flat["index.mapping.source.mode"] {
	case "synthetic":
		s.synthetic = true
	case "stored":
		s.synthetic = false
	case "disabled":
		s.source.Enabled = flag("false")
	case "":
		mode := flat["index.mode"]
		s.synthetic = s.synthetic || s.source.Mode == "" && (mode == "logsdb" || mode == "time_series")
	}
	s.beyondLimit = flat["index.mapping.total_fields.ignore_dynamic_beyond_limit"] == "true"
}

// Dynamic reports whether the index maps a value under a name that it has no field for, or rejects
// the document: then an unmapped name has no values.
func (s *Structure) Dynamic(name string) bool { return s.Hiding(name) == Maps }

// Hiding tells what becomes of a value under a name that the index has no field for.
func (s *Structure) Hiding(name string) Hiding {
	switch {
	case !s.maps(name):
		return Drops
	case s.beyondLimit:
		return Notes
	}
	return Maps
}

// maps reports whether mappings are made for a name.
func (s *Structure) maps(name string) bool {
	if !s.root.Enabled.orTrue() {
		return false
	}
	node, open := &s.root, true
	for {
		if !node.Enabled.orTrue() {
			return false
		}
		if node.Dynamic != nil {
			open = fmt.Sprint(node.Dynamic) != "false"
		}
		next := node.child(&name)
		if next == nil {
			return open
		}
		node = next
	}
}

// child returns the object that a name leads to, and removes its part from the name. A property may
// contain dots, so the longest match wins.
func (n *structureNode) child(name *string) *structureNode {
	for i := len(*name); i > 0; i = strings.LastIndexByte((*name)[:i], '.') {
		if c := n.children[(*name)[:i]]; c != nil {
			*name = strings.TrimPrefix((*name)[i:], ".")
			return c
		}
	}
	return nil
}

// Runtime reports whether a field is computed.
func (s *Structure) Runtime(name string) bool { return s.runtime[name] != nil }

// Apply sets Unsourced for the index's fields that have values missing in its sources.
func (s *Structure) Apply(t Table) {
	for name, f := range t {
		if f.Constant != nil || f.IsMetadata() || f.Type.Family() == FamilyObject {
			continue
		}
		if f.Unsourced, f.DocValued = s.unsourced(&f); f.Unsourced != "" {
			t[name] = f
		}
	}
}

// unsourced returns why values of a field are missing in a source, "" when none are; docValued
// means that sources have none of them.
func (s *Structure) unsourced(f *Field) (reason string, docValued bool) {
	source := f.Source()
	switch {
	case s.Runtime(f.Name), s.Runtime(source):
		return "it is computed by a runtime field", false
	case !s.source.Enabled.orTrue(), s.source.Mode == "disabled":
		return "the index keeps no _source", true
	case s.synthetic:
		return "the index has a synthetic _source", false
	case s.leavesOut(source):
		return "_source excludes it", true
	}
	for to, from := range s.copyTarget {
		if source == to || f.Type == Flattened && strings.HasPrefix(source, to+".") {
			return fmt.Sprintf("it also has values copied from [%s]", from), false
		}
	}
	return "", false
}

// leavesOut reports whether a stored source lacks the value at a name.
func (s *Structure) leavesOut(name string) bool {
	below := func(pattern string) bool { return strings.HasPrefix(pattern, name+".") }
	return len(s.source.Includes) > 0 && !matchesPath(s.source.Includes, name) ||
		matchesPath(s.source.Excludes, name) || slices.ContainsFunc(s.source.Excludes, below)
}

// matchesPath reports whether a pattern matches a name or one of its parents.
func matchesPath(patterns []string, name string) bool {
	for _, p := range patterns {
		p = strings.TrimSuffix(p, ".*")
		for at := name; at != ""; at = parentOf(at) {
			if Glob(p, at) {
				return true
			}
		}
	}
	return false
}
