package elastic

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// capsAnswer is the answer of _field_caps.
type capsAnswer struct {
	Indices  []string                         `json:"indices"`
	Fields   map[string]map[string]capability `json:"fields"`
	Failures []struct {
		Indices []string `json:"indices"`
		Failure struct {
			Error cause `json:"error"`
		} `json:"failure"`
	} `json:"failures"`
}

// capability is one type of a field. Indices is absent if the field has the same type in all indices that
// have it.
type capability struct {
	Metadata bool     `json:"metadata_field"`
	Indices  []string `json:"indices"`
}

// fieldTypes holds the types of one field, each with the indices in which the field has it.
type fieldTypes map[mapping.Type][]string

// fields resolves fields in each index: their types from the field capabilities, which need only the
// privilege to read, and the rest from the mappings.
func (c *Client) fields(ctx context.Context, patterns, fields []string) (mapping.Fields, error) {
	op := "field capabilities of [" + shown(patterns) + "]"
	types := map[string]fieldTypes{}
	indices := map[string]bool{}
	var trouble []string
	for _, part := range patternChunks(patterns, maxPath) {
		answers, err := c.allCaps(ctx, op, part, fields)
		if err != nil {
			return mapping.Table{}, err
		}
		for _, a := range answers {
			a.addTo(types)
			for _, index := range a.Indices {
				indices[index] = true
			}
			for _, f := range a.Failures {
				trouble = append(trouble, fmt.Sprintf("[%s] %s", some(f.Indices), f.Failure.Error.root().text()))
			}
		}
	}
	for _, t := range types {
		t.sort()
	}
	whole := fieldTable(types, fields)
	var leaves []string
	for name := range whole {
		if types[name].anyValues() {
			leaves = append(leaves, name)
		}
	}
	t := tables{whole: whole, asked: fields, types: types}
	var err error
	if t.details, err = c.definitions(ctx, patterns, leaves); err != nil {
		return whole, err
	}
	if len(t.details) > 0 {
		if t.structures, err = c.structures(ctx, patterns); err != nil {
			return whole, err
		}
	}
	return t.fields(indices), partial(op, trouble)
}

// tooComplex is in the reason for which Elasticsearch refuses many patterns of names: it makes one automaton of them.
const tooComplex = "too complex to process"

// allCaps asks for fields, in halves if they are too many for one request.
func (c *Client) allCaps(ctx context.Context, op string, patterns, fields []string) ([]capsAnswer, error) {
	a, err := c.fieldCaps(ctx, op, patterns, fields)
	if err == nil {
		return []capsAnswer{a}, nil
	}
	if failure.KindOf(err) != failure.Rejected || !strings.Contains(err.Error(), tooComplex) || len(fields) < 2 {
		return nil, err
	}
	half := len(fields) / 2
	first, err := c.allCaps(ctx, op, patterns, fields[:half])
	if err != nil {
		return nil, err
	}
	second, err := c.allCaps(ctx, op, patterns, fields[half:])
	return append(first, second...), err
}

func (c *Client) fieldCaps(ctx context.Context, op string, patterns, fields []string) (capsAnswer, error) {
	yes := true
	body, err := search.JSON(map[string]any{"fields": wanted(fields)}, "")
	if err != nil {
		return capsAnswer{}, err
	}
	return call[capsAnswer](ctx, c, op, func() esapi.Request {
		return esapi.FieldCapsRequest{
			Index: escape(patterns), Body: bytes.NewReader(body), IgnoreUnavailable: &yes, AllowNoIndices: &yes,
		}
	})
}

// wanted adds related names to each field: its sub-fields, one of which may hold a text field's exact values,
// and its parents, which may be nested, flattened, or the field that it is a sub-field of.
func wanted(fields []string) []string {
	set := map[string]bool{}
	for _, name := range fields {
		set[name], set[name+".*"] = true, true
		for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
			set[name[:i]] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func (a capsAnswer) addTo(types map[string]fieldTypes) {
	for name, byType := range a.Fields {
		for typ, c := range byType {
			if c.Metadata || typ == "unmapped" {
				continue
			}
			indices := c.Indices
			if indices == nil {
				indices = a.Indices
			}
			if types[name] == nil {
				types[name] = fieldTypes{}
			}
			types[name][mapping.Type(typ)] = append(types[name][mapping.Type(typ)], indices...)
		}
	}
}

// fieldTable makes fields from their types. Of the names that the sub-field patterns match, only sub-fields
// are kept: the members of a requested object are other fields.
func fieldTable(types map[string]fieldTypes, asked []string) mapping.Table {
	table := mapping.Table{}
	for name, t := range types {
		table[name] = t.field(name)
	}
	keep := map[string]bool{}
	for _, name := range wanted(asked) {
		keep[name] = true
	}
	for _, pattern := range asked {
		if strings.Contains(pattern, "*") {
			keepMatching(keep, table, pattern)
		}
	}
	for name, f := range table {
		if types[above(name)].anyLeaf() {
			f.Path = above(name)
			table[name] = f
		}
	}
	for _, name := range asked {
		if f, ok := table[name]; ok && f.Type.Family() == mapping.FamilyObject {
			f.Members = members(table, name)
			table[name] = f
			for _, member := range f.Members {
				keep[member] = true
			}
		}
	}
	maps.DeleteFunc(table, func(name string, f mapping.Field) bool { return !keep[name] && f.Path == "" })
	return table
}

// keepMatching keeps the names that match a pattern with *, and their parents, which may be nested.
func keepMatching(keep map[string]bool, table mapping.Table, pattern string) {
	matches := condition.WildcardTest(pattern, false)
	for name := range table {
		if !matches(name) {
			continue
		}
		for ; name != ""; name = above(name) {
			keep[name] = true
		}
	}
}

// members returns the leaf fields below an object; an exists query on the object tests them.
func members(table mapping.Table, object string) []string {
	out := []string{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if strings.HasPrefix(name, object+".") && table[name].Type.Family() != mapping.FamilyObject {
			out = append(out, name)
		}
	}
	return out
}

func isLeaf(t mapping.Type) bool {
	return t.Family() != mapping.FamilyObject && t != mapping.Flattened
}

// above returns the parent of a name; "" for a top-level name.
func above(name string) string {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)]
}

func (t fieldTypes) sort() {
	for typ, indices := range t {
		slices.Sort(indices)
		t[typ] = slices.Compact(indices)
	}
}

// first returns the first index with a type.
func (t fieldTypes) first(typ mapping.Type) string {
	if len(t[typ]) == 0 {
		return "?"
	}
	return t[typ][0]
}

// anyLeaf reports whether the field is a leaf with sub-fields in some index, rather than an object.
func (t fieldTypes) anyLeaf() bool {
	for typ := range t {
		if isLeaf(typ) {
			return true
		}
	}
	return false
}

// anyValues reports whether the field has values in some index, rather than being an object in all of them.
func (t fieldTypes) anyValues() bool {
	for typ := range t {
		if typ.Family() != mapping.FamilyObject {
			return true
		}
	}
	return false
}

// field returns the field with the type of the first index by name.
func (t fieldTypes) field(name string) mapping.Field {
	types := slices.SortedFunc(maps.Keys(t), func(a, b mapping.Type) int {
		return strings.Compare(t.first(a)+" "+string(a), t.first(b)+" "+string(b))
	})
	return mapping.Field{Name: name, Type: types[0]}
}
