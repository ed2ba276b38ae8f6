package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// definition is the relevant part of a field's definition in a mapping.
type definition struct {
	Type            Type                       `json:"type"`
	Properties      map[string]json.RawMessage `json:"properties"`
	Fields          map[string]json.RawMessage `json:"fields"`
	Runtime         map[string]json.RawMessage `json:"runtime"`
	Path            string                     `json:"path"`
	IgnoreAbove     number                     `json:"ignore_above"`
	ScalingFactor   number                     `json:"scaling_factor"`
	Normalizer      string                     `json:"normalizer"`
	NullValue       any                        `json:"null_value"`
	Value           any                        `json:"value"`
	Format          string                     `json:"format"`
	Enabled         flag                       `json:"enabled"`
	Dynamic         dynamic                    `json:"dynamic"`
	Subobjects      flag                       `json:"subobjects"`
	Script          json.RawMessage            `json:"script"`
	Index           flag                       `json:"index"`
	DocValues       flag                       `json:"doc_values"`
	IncludeInParent flag                       `json:"include_in_parent"`
	IncludeInRoot   flag                       `json:"include_in_root"`
	CopyTo          names                      `json:"copy_to"`
	Analyzer        string                     `json:"analyzer"`
	SearchAnalyzer  string                     `json:"search_analyzer"`
	PhraseAnalyzer  string                     `json:"search_quote_analyzer"`
	IndexOptions    string                     `json:"index_options"`
	Gap             json.RawMessage            `json:"position_increment_gap"`
}

// Parse returns [Indices.Merged] of a mapping file: the fields for documents of all its indices.
func Parse(data []byte) (Table, error) {
	x, err := ParseIndices(data)
	if err != nil {
		return nil, err
	}
	return x.Merged().Fields, nil
}

func isMapping(object map[string]json.RawMessage) bool {
	for _, key := range []string{"properties", "runtime", "dynamic_templates", "dynamic"} {
		if object[key] != nil {
			return true
		}
	}
	return false
}

// parseIndex parses one index of a GET _mapping answer.
func parseIndex(data []byte) (*Mapping, error) {
	var index map[string]json.RawMessage
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("expected an object with \"properties\" or \"mappings\": %w", err)
	}
	switch {
	case index["mappings"] != nil:
		m, err := parseOne(index["mappings"])
		if err == nil && bytes.Contains(index["settings"], []byte(`"analysis"`)) {
			m.Fields.analyzedElsewhere()
		}
		return m, err
	case isMapping(index):
		return parseOne(data)
	case index[seriesKey] != nil: // it has no mapping
		return &Mapping{Fields: Table{}}, nil
	}
	return nil, errors.New("neither \"properties\" nor \"mappings\" in it")
}

// analyzedElsewhere marks texts whose terms depend on index settings, which may give the default analyser another meaning.
func (t Table) analyzedElsewhere() {
	for name, f := range t {
		if f.Type.Family() == FamilyText && f.Analyzer == "" {
			f.Analyzer = "index settings"
			t[name] = f
		}
	}
}

// parseOne parses a mapping from its root.
func parseOne(data []byte) (*Mapping, error) {
	root, err := parseDefinition(data)
	if err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	p := parser{table: Table{}, objects: map[string]objectRules{"": root.rules()}}
	m := &Mapping{Fields: p.table}
	m.dynamic.objects = p.objects
	if !root.Enabled.orTrue() {
		return m, nil
	}
	if err := m.dynamic.parse(data); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	if err := p.properties("", "", root.Properties); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	for _, c := range p.copies {
		_, ok := p.table[c.to]
		switch {
		case ok:
			p.table.copy(c)
		case !NewInferred(m).Settled(c.to): // otherwise the enclosing object makes no fields
			p.table[c.to] = Field{Name: c.to, Opaque: copiedReason(c)}
		}
	}
	for name, data := range root.Runtime {
		def, err := parseDefinition(data)
		if err != nil {
			return nil, fmt.Errorf("parse mapping: runtime field [%s]: %w", name, err)
		}
		if m.dynamic.runtime == nil {
			m.dynamic.runtime, m.dynamic.shadowed = map[string]bool{}, Table{}
		}
		if f, ok := p.table[name]; ok {
			m.dynamic.shadowed[name] = f
		}
		p.table[name] = def.runtimeField(name)
		m.dynamic.runtime[name] = true
	}
	p.table.resolveAliases()
	p.table.setMembers()
	return m, nil
}

// copy adds the values that are copied to a field, also to its sub-fields.
func (t Table) copy(c copied) {
	for name, f := range t {
		if f.Source() != c.to {
			continue
		}
		if f.Type == Flattened {
			f.Opaque = copiedReason(c)
		}
		f.Copied = append(slices.Clip(f.Copied), c.from)
		t[name] = f
	}
}

// runtimeField returns a field that is computed at query time: by a script, or from the source.
func (d definition) runtimeField(name string) Field {
	f := Field{Name: name, Type: d.Type, Format: d.Format}
	if d.Script != nil {
		f.Opaque = "it is computed by a runtime field"
	}
	return f
}

// rules returns an object's rules for the fields below it.
func (d definition) rules() objectRules {
	return objectRules{d.Dynamic, !d.Enabled.orTrue(), !d.Subobjects.orTrue()}
}

// ParseField parses the definition of one field, as in a mapping under the field's name. Sub-fields
// and members are left out.
func ParseField(name string, definition []byte) (Field, error) {
	def, err := parseDefinition(definition)
	if err != nil {
		return Field{}, fmt.Errorf("field [%s]: %w", name, err)
	}
	return def.field(name), nil
}

func parseDefinition(data []byte) (definition, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var def definition
	if err := dec.Decode(&def); err != nil {
		return def, fmt.Errorf("not a definition: %w", err)
	}
	return def, nil
}

// parser collects the fields of one mapping.
type parser struct {
	table   Table
	objects map[string]objectRules
	copies  []copied
}

// copied is one copy_to.
type copied struct{ from, to string }

func copiedReason(c copied) string { return fmt.Sprintf("it also has values copied from [%s]", c.from) }

// properties adds the fields of an object; nested is the nearest nested object above.
func (p *parser) properties(prefix, nested string, properties map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		def, err := parseDefinition(properties[name])
		if err != nil {
			return fmt.Errorf("field [%s]: %w", prefix+name, err)
		}
		if err := p.add(prefix+name, nested, def); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) add(name, nested string, def definition) error {
	for _, to := range def.CopyTo {
		p.copies = append(p.copies, copied{name, to})
	}
	f := def.field(name)
	f.Nested = nested
	if f.Type.Family() == FamilyObject {
		return p.object(f, def)
	}
	exact := 0
	for _, sub := range slices.Sorted(maps.Keys(def.Fields)) {
		subDef, err := parseDefinition(def.Fields[sub])
		if err != nil {
			return fmt.Errorf("field [%s]: multi-field [%s]: %w", name, sub, err)
		}
		subField := subDef.field(name + "." + sub)
		subField.Path, subField.Nested = name, nested
		p.table[subField.Name] = subField
		if subField.Type.Family() == FamilyString && subField.Normalizer == "" {
			exact++
			f.Exact = subField.Name
		}
	}
	if exact > 1 || f.Type.Family() != FamilyText {
		f.Exact = ""
	}
	p.table[name] = f
	return nil
}

// object adds an object and the fields below it, unless it is disabled.
func (p *parser) object(f Field, def definition) error {
	p.table[f.Name] = f
	rules := def.rules()
	if rules != (objectRules{}) {
		p.objects[f.Name] = rules
	}
	if rules.disabled {
		return nil
	}
	nested := f.Nested
	if f.Type == Nested && !def.IncludeInParent.orFalse() && !def.IncludeInRoot.orFalse() {
		nested = f.Name
	}
	return p.properties(f.Name+".", nested, def.Properties)
}

// analyzer returns what makes the terms of a text, if the mapping says it.
func (d definition) analyzer() string {
	for _, name := range []string{d.Analyzer, d.SearchAnalyzer, d.PhraseAnalyzer} {
		if name != "" && name != Standard {
			return name
		}
	}
	switch {
	case d.IndexOptions == "docs" || d.IndexOptions == "freqs":
		return "index_options " + d.IndexOptions // without positions
	case d.Gap != nil:
		return "position_increment_gap"
	}
	return ""
}

func (d definition) field(name string) Field {
	if d.Type == Unknown {
		d.Type = Object
	}
	f := Field{
		Name: name, Type: d.Type, Path: d.Path, IgnoreAbove: int(d.IgnoreAbove), Normalizer: d.Normalizer,
		NullValue: d.NullValue, Format: d.Format, ScalingFactor: float64(d.ScalingFactor),
	}
	if d.Type.Family() == FamilyText {
		f.Analyzer = d.analyzer()
	}
	if text, ok := ScalarText(d.Value); ok && d.Type == ConstantKeyword {
		f.Constant = &text
	}
	family := d.Type.Family()
	switch {
	case d.Index.orTrue():
	case !d.DocValues.orTrue(), family == FamilyText:
		f.Opaque = "it is neither indexed nor has doc values"
	case family == FamilyString:
		f.DocValuesOnly = true
	}
	return f
}
