package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
)

// definitions holds the definitions of leaf fields from the mappings, by index and name. Field capabilities
// leave most of a definition out: a wildcard appears as a keyword, an alias as its target. An index without
// an entry has a mapping that the user may not read.
type definitions map[string]mapping.Table

// fieldMappingAnswer is the answer of _mapping/field, by index.
type fieldMappingAnswer map[string]struct {
	Mappings map[string]struct {
		Mapping map[string]json.RawMessage `json:"mapping"`
	} `json:"mappings"`
}

// definitions reads the definitions of leaf fields, including the targets of aliases. If the user may read
// documents but not mappings, this is logged, and fields can only be tested by searches.
func (c *Client) definitions(ctx context.Context, patterns, leaves []string) (definitions, error) {
	d := definitions{}
	err := c.define(ctx, d, patterns, leaves)
	if err == nil {
		err = c.define(ctx, d, patterns, d.targets())
	}
	switch {
	case failure.KindOf(err) == failure.Refused:
		c.warnUnread(ctx, patterns, err)
		return definitions{}, nil
	case err == nil && len(leaves) > 0 && len(d) == 0:
		// A user with the privilege on other indices only gets an empty answer, not an error.
		c.warnUnread(ctx, patterns, errors.New("no answer has a mapping: the privilege view_index_metadata may be missing"))
	}
	return d, err
}

// warnUnread logs, once for each client, that fields' definitions are unknown.
func (c *Client) warnUnread(ctx context.Context, patterns []string, err error) {
	c.mappingsWarned.Do(func() {
		c.log.WarnContext(ctx, "mappings may not be read: only searches can test fields",
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

// targets returns the targets of aliases, and the parent field of each target, as far as they are not known
// yet. The parent is a leaf field if the target is a sub-field.
func (d definitions) targets() []string {
	var out []string
	for _, table := range d {
		for _, f := range table {
			if f.Type != mapping.Alias {
				continue
			}
			for _, name := range []string{f.Path, above(f.Path)} {
				if _, known := table[name]; name != "" && !known && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
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
		if d[index] == nil {
			d[index] = mapping.Table{}
		}
		for name, field := range m.Mappings {
			for _, raw := range field.Mapping {
				f, err := mapping.ParseField(name, raw)
				if err != nil {
					// A parameter of an unexpected form, in a type that Tocsin does not know.
					f = mapping.Field{Name: name, Type: mapping.Object, Opaque: "its definition is not understood"}
				}
				d[index][name] = f
			}
		}
	}
}
