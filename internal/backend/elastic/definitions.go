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

// definitions are what mappings say of leaves, by index and name. The field capabilities leave most
// of that out: they call a wildcard a keyword and an alias what it points to. An index that is not in
// it has a mapping that may not be read.
type definitions map[string]mapping.Table

// fieldMappingAnswer is the answer of _mapping/field, by index.
type fieldMappingAnswer map[string]struct {
	Mappings map[string]struct {
		Mapping map[string]json.RawMessage `json:"mapping"`
	} `json:"mappings"`
}

// definitions reads the definitions of leaves, and of what aliases among them point to. Who may read
// documents need not be allowed to read mappings: then the log says so, and only searches can tell
// what the fields hold.
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
		// Who may read the mappings of other indices only is not refused but told nothing.
		c.warnUnread(ctx, patterns, errors.New("no answer has a mapping: the privilege view_index_metadata may be missing"))
	}
	return d, err
}

// warnUnread says, once for a client, what cannot be known of fields.
func (c *Client) warnUnread(ctx context.Context, patterns []string, err error) {
	c.blind.Do(func() {
		c.log.WarnContext(ctx, "may not read mappings: only searches can test fields",
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
					// A parameter of another shape, in a type that is not ours to know.
					f = mapping.Field{Name: name, Type: mapping.Object, Opaque: "its definition is not understood"}
				}
				d[index][name] = f
			}
		}
	}
}
