package esqlrule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// rowTable is an answer of ES|QL, and what its columns mean in a document.
type rowTable struct {
	search.Rows
	// fields are the numbers of the columns that are fields, by name, so that a field comes before its subfields. places
	// leaves out subfields that have no place of their own in a document, such as message.keyword beside message.
	fields, places []int
}

// metadata are the columns that are not fields of a document.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_version": true, "_source": true, "_score": true, "_ignored": true, "_index_mode": true,
	"_tsid": true, "_size": true, "_fork": true,
}

func newRowTable(rows search.Rows) rowTable {
	t := rowTable{Rows: rows}
	names := map[string]bool{}
	for i, c := range rows.Columns {
		names[c.Name] = true
		if !metadata[c.Name] {
			t.fields = append(t.fields, i)
		}
	}
	slices.SortStableFunc(t.fields, func(a, b int) int { return strings.Compare(rows.Columns[a].Name, rows.Columns[b].Name) })
	for _, i := range t.fields {
		if !belowAny(rows.Columns[i].Name, names) {
			t.places = append(t.places, i)
		}
	}
	return t
}

func belowAny(name string, names map[string]bool) bool {
	for i, c := range name {
		if c == '.' && names[name[:i]] {
			return true
		}
	}
	return false
}

// over writes into a document the values of its row that differ. It returns the fields that it has written.
func (t rowTable) over(row []any, e, into *event.Event) (put mapping.Table, err error) {
	doc, err := e.Document()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the event
	}
	put = mapping.Table{}
	for _, i := range t.places {
		if name := t.Columns[i].Name; row[i] != nil && !same(doc.Source, t.Columns[i], row[i]) {
			event.Put(doc.Source, name, row[i])
			put[name] = mapping.Field{Name: name}
		}
	}
	into.Source, err = search.JSON(doc.Source, "")
	return put, err //nolint:wrapcheck // it says what it was doing
}

// document returns a row as a document.
func (t rowTable) document(row []any) (json.RawMessage, error) {
	source := map[string]any{}
	for _, i := range t.fields {
		if row[i] != nil {
			event.Put(source, t.Columns[i].Name, row[i])
		}
	}
	return search.JSON(source, "") //nolint:wrapcheck // it says what it was doing
}

// same reports whether a document has the values of a column, regardless of order and repetition.
func same(source map[string]any, c search.Column, value any) bool {
	have := event.Lookup(source, c.Name)
	if strings.HasPrefix(c.Type, "geo_") || strings.HasPrefix(c.Type, "cartesian_") {
		// The document may write it as an object, the row has it as text.
		return len(have)+len(event.Objects(source, c.Name)) > 0
	}
	return len(have) > 0 && texts(have) == texts(listOf(value))
}

// texts joins the different values of a list, sorted.
func texts(values []any) string {
	var out []string
	for _, v := range values {
		if text, ok := mapping.ScalarText(v); ok {
			out = append(out, strconv.Quote(text))
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ",")
}

func listOf(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// sortByTime sorts rows that the query does not sort: by the first of the named columns that has a time, or else by their
// values, so that the same rows always come in the same order.
func (t rowTable) sortByTime(names ...string) {
	type keyed struct {
		time, values string
		row          []any
	}
	all := make([]keyed, len(t.Values))
	for i, row := range t.Values {
		all[i] = keyed{time: "~", values: t.canonical(row), row: row} // after every time
		for _, name := range slices.Backward(names) {
			if at := t.Column(name); at >= 0 && row[at] != nil {
				all[i].time = fmt.Sprint(listOf(row[at])[0])
			}
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		return cmp.Or(strings.Compare(a.time, b.time), strings.Compare(a.values, b.values))
	})
	for i := range all {
		t.Values[i] = all[i].row
	}
}

// canonical returns the values of a row as text. It does not depend on the order of columns and of the values in them, on
// columns without values, or on the last digits of floating-point numbers, which depend on the order of additions.
func (t rowTable) canonical(row []any) string {
	var b strings.Builder
	for _, i := range t.fields {
		if row[i] == nil {
			continue
		}
		list := listOf(row[i])
		values := make([]string, len(list))
		for n, v := range list {
			values[n] = canonicalValue(v)
		}
		slices.Sort(values)
		fmt.Fprintf(&b, "%q:%s\n", t.Columns[i].Name, strings.Join(values, ","))
	}
	return b.String()
}

// significant is the number of digits of floating-point numbers by which rows are distinguished.
const significant = 12

func canonicalValue(v any) string {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return strconv.FormatFloat(f, 'g', significant, 64)
		}
		return v.String()
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}
