package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/failure"
	"tocsin/internal/mapping"
)

// definition is what a mapping says of a field beyond its type, and what the field capabilities
// leave out: they call a wildcard a keyword and an alias what it points to.
type definition struct {
	Type        mapping.Type `json:"type"`
	Path        string       `json:"path"`
	IgnoreAbove int          `json:"ignore_above"`
	Normalizer  string       `json:"normalizer"`
	NullValue   any          `json:"null_value"`
	Value       *string      `json:"value"`
	Format      string       `json:"format"`

	// opaque says why only a search can test the field.
	opaque string
}

// definitions holds the definitions of each field by index.
type definitions map[string]map[string]definition

// fieldMappingAnswer is the answer of _mapping/field, by index.
type fieldMappingAnswer map[string]struct {
	Mappings map[string]struct {
		FullName string                     `json:"full_name"`
		Mapping  map[string]json.RawMessage `json:"mapping"`
	} `json:"mappings"`
}

// definitions reads the definitions of the leaves in a table, and of what aliases among them point
// to. Who may read documents need not be allowed to read mappings: then the log says so, and the
// types have to do.
func (c *Client) definitions(ctx context.Context, patterns []string, table mapping.Table) (definitions, error) {
	var leaves []string
	for name, f := range table {
		if f.Type.Family() != mapping.FamilyObject {
			leaves = append(leaves, name)
		}
	}
	d := definitions{}
	err := c.define(ctx, d, patterns, leaves)
	if err == nil {
		err = c.define(ctx, d, patterns, d.targets())
	}
	switch {
	case failure.KindOf(err) == failure.Refused:
		c.warnBlind(ctx, patterns, err)
		return definitions{}, nil
	case err == nil && len(leaves) > 0 && len(d) == 0:
		// Who may read the mappings of other indices only is not refused but told nothing.
		c.warnBlind(ctx, patterns, errors.New("no answer has a mapping: the privilege view_index_metadata may be missing"))
	}
	return d, err
}

// warnBlind says, once for a client, what cannot be known of fields.
func (c *Client) warnBlind(ctx context.Context, patterns []string, err error) {
	c.blind.Do(func() {
		c.log.WarnContext(ctx, "may not read mappings: ignore_above, normalizers and constants stay unknown",
			"patterns", shown(patterns), "error", err)
	})
}

func (c *Client) define(ctx context.Context, d definitions, patterns, names []string) error {
	slices.Sort(names)
	for _, part := range patternChunks(patterns, maxPath/2) {
		for _, some := range chunks(names, maxPath/2) {
			a, err := c.fieldMapping(ctx, part, some)
			if err != nil && !notFound(err) {
				return err
			}
			d.add(a)
		}
	}
	return nil
}

// targets returns what aliases point to, and the field above it, which is a leaf where the target
// is a sub-field, as far as they are not known yet.
func (d definitions) targets() []string {
	var out []string
	for _, byIndex := range d {
		for _, def := range byIndex {
			if def.Type != mapping.Alias {
				continue
			}
			for _, name := range []string{def.Path, above(def.Path)} {
				if name != "" && d[name] == nil && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// source returns where the values of an alias's target stand: a sub-field's at the field above it.
func (d definitions) source(target, index string) string {
	if _, isLeaf := d[above(target)][index]; isLeaf {
		return above(target)
	}
	return target
}

func (c *Client) fieldMapping(ctx context.Context, patterns, names []string) (fieldMappingAnswer, error) {
	yes := true
	op := "mapping of [" + shown(patterns) + "]"
	return call[fieldMappingAnswer](ctx, c, op, func() esapi.Request {
		return esapi.IndicesGetFieldMappingRequest{
			Index: escape(patterns), Fields: escape(names), IgnoreUnavailable: &yes, AllowNoIndices: &yes,
		}
	})
}

func (d definitions) add(a fieldMappingAnswer) {
	for index, m := range a {
		for name, field := range m.Mappings {
			for _, raw := range field.Mapping {
				var def definition
				if json.Unmarshal(raw, &def) != nil {
					continue // A parameter of another shape, in a type that is not ours to know.
				}
				if f, err := mapping.ParseField(name, raw); err == nil {
					def.opaque = f.Opaque
				}
				if d[name] == nil {
					d[name] = map[string]definition{}
				}
				d[name][index] = def
			}
		}
	}
}

// complete puts the definitions into the fields of a table; indices is the number of indices that
// the table speaks of.
func (d definitions) complete(table mapping.Table, indices int) {
	for name, f := range table {
		if len(d[name]) > 0 {
			table[name] = d.completed(f, indices)
		}
	}
}

// completed merges the definitions of one field. Where indices differ, the first by name decides,
// but dates may have every index's format, the longest ignore_above counts, and a constant is one only when all indices have it.
func (d definitions) completed(f mapping.Field, indices int) mapping.Field {
	types := map[mapping.Type]bool{}
	var constants []string
	for _, index := range slices.Sorted(maps.Keys(d[f.Name])) {
		def := d[f.Name][index]
		if def.Type == mapping.Alias {
			f.Path = d.source(def.Path, index)
			def = d[def.Path][index]
		}
		if def.Type.Family() != f.Type.Family() {
			continue
		}
		if len(types) == 0 {
			f.Normalizer, f.NullValue, f.Format, f.IgnoreAbove = def.Normalizer, def.NullValue, def.Format, def.IgnoreAbove
		}
		if def.Format != f.Format && f.Type.Family() == mapping.FamilyDate {
			f.Format = mapping.JoinFormats(f.DateFormat(), mapping.Field{Type: def.Type, Format: def.Format}.DateFormat())
		}
		if def.IgnoreAbove == 0 || f.IgnoreAbove != 0 && def.IgnoreAbove > f.IgnoreAbove {
			f.IgnoreAbove = def.IgnoreAbove
		}
		types[def.Type] = true
		f.Opaque = cmp.Or(f.Opaque, def.opaque)
		if def.Value != nil {
			constants = append(constants, *def.Value)
		}
	}
	f.Type = exactType(f.Type, types)
	if len(constants) == indices && indices > 0 && len(slices.Compact(constants)) == 1 {
		f.Constant = &constants[0]
	}
	return f
}

// exactType names the type that the field capabilities give only the family of. A field that is a
// constant anywhere counts as one: its values need not stand in the documents.
func exactType(family mapping.Type, types map[mapping.Type]bool) mapping.Type {
	if types[mapping.ConstantKeyword] {
		return mapping.ConstantKeyword
	}
	if len(types) == 1 {
		for t := range types {
			return t
		}
	}
	return family
}
