package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// definition is the part of a mapping's field definition that matters here.
type definition struct {
	Type        Type                  `json:"type"`
	Properties  map[string]definition `json:"properties"`
	Fields      map[string]definition `json:"fields"`
	Path        string                `json:"path"`
	IgnoreAbove int                   `json:"ignore_above"`
	Normalizer  string                `json:"normalizer"`
	NullValue   any                   `json:"null_value"`
	Value       *string               `json:"value"`
	Format      string                `json:"format"`
}

// Parse reads an Elasticsearch mapping: {"properties": …}, {"mappings": {…}}, or the answer of
// GET _mapping, whose indices are merged. A field that indices map differently gets a Conflict.
func Parse(data []byte) (Table, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	if _, ok := top["properties"]; ok {
		return parseOne(data)
	}
	if inner, ok := top["mappings"]; ok {
		return Parse(inner)
	}
	merged := Table{}
	for _, index := range slices.Sorted(maps.Keys(top)) {
		one, err := parseIndex(top[index])
		if err != nil {
			return nil, fmt.Errorf("mapping of index %s: %w", index, err)
		}
		merged.merge(index, one)
	}
	return merged, nil
}

// parseIndex reads one index of a GET _mapping answer.
func parseIndex(data []byte) (Table, error) {
	var index struct {
		Mappings   json.RawMessage `json:"mappings"`
		Properties json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("expected an object with \"properties\" or \"mappings\": %w", err)
	}
	switch {
	case index.Mappings != nil:
		return parseOne(index.Mappings)
	case index.Properties != nil:
		return parseOne(data)
	}
	return nil, fmt.Errorf("neither \"properties\" nor \"mappings\" in it")
}

func parseOne(data []byte) (Table, error) {
	var root definition
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	table := Table{}
	table.addProperties("", root.Properties)
	table.resolveAliases()
	return table, nil
}

func (t Table) addProperties(prefix string, properties map[string]definition) {
	for name, def := range properties {
		t.add(prefix+name, def)
	}
}

func (t Table) add(name string, def definition) {
	if def.Type == "" {
		def.Type = Object
	}
	f := def.field(name)
	if def.Type.Family() == FamilyObject {
		t[name] = f
		t.addProperties(name+".", def.Properties)
		return
	}
	exact := 0
	for sub, subDef := range def.Fields {
		subField := subDef.field(name + "." + sub)
		subField.Path = name
		t[subField.Name] = subField
		if subField.Type.Family() == FamilyString && subField.Normalizer == "" {
			exact++
			f.Exact = subField.Name
		}
	}
	if exact > 1 || f.Type.Family() != FamilyText {
		f.Exact = ""
	}
	t[name] = f
}

func (d definition) field(name string) Field {
	return Field{
		Name: name, Type: d.Type, Path: d.Path, IgnoreAbove: d.IgnoreAbove, Normalizer: d.Normalizer,
		NullValue: d.NullValue, Constant: d.Value, Format: d.Format,
	}
}

// resolveAliases gives every alias the properties of its target, read at the target's place.
func (t Table) resolveAliases() {
	for name, f := range t {
		if f.Type != Alias {
			continue
		}
		target, ok := t[f.Path]
		if !ok {
			continue
		}
		path := target.Source()
		target.Name, target.Path = name, path
		t[name] = target
	}
}

// merge adds the fields of one index. Types of one family are compatible: the first stays.
func (t Table) merge(index string, other Table) {
	for name, f := range other {
		have, ok := t[name]
		if !ok {
			f.Conflict = nil
			t[name] = f
			continue
		}
		if have.Type.Family() != f.Type.Family() {
			have.Conflict = append(have.Conflict, fmt.Sprintf("%s in [%s]", f.Type, index))
			t[name] = have
		}
	}
}
