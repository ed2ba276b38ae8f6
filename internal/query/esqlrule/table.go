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

// rowTable is an answer of ES|QL, with what its columns are to a document.
type rowTable struct {
	search.Rows
	// fields are the places of the columns that are fields, by name, so that a field comes before those
	// below it; places are those of them that are places in a document: message.keyword beside message
	// is none.
	fields, places []int
}

// metadata are the columns that are no fields of a document.
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

// over makes into a document with the values of its row, where these say something else. It returns the
// fields that do.
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

// document is a row as a document of its own.
func (t rowTable) document(row []any) (json.RawMessage, error) {
	source := map[string]any{}
	for _, i := range t.fields {
		if row[i] != nil {
			event.Put(source, t.Columns[i].Name, row[i])
		}
	}
	return search.JSON(source, "") //nolint:wrapcheck // it says what it was doing
}

// same reports whether a document has the values of a column, in whatever order and however often.
func same(source map[string]any, c search.Column, value any) bool {
	have := event.Lookup(source, c.Name)
	if strings.HasPrefix(c.Type, "geo_") || strings.HasPrefix(c.Type, "cartesian_") {
		// The document may write it as an object, the row has it as text.
		return len(have)+len(event.Objects(source, c.Name)) > 0
	}
	return len(have) > 0 && texts(have) == texts(listOf(value))
}

// texts joins the different values of a list in order.
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

// sortByTime orders rows that the query does not: by the first of the named columns that has a time,
// and where none does by their values, so that the same rows come in the same order whenever they
// are made.
func (t rowTable) sortByTime(names ...string) {
	type keyed struct {
		time, values string
		row          []any
	}
	all := make([]keyed, len(t.Values))
	for i, row := range t.Values {
		all[i] = keyed{time: "~", values: t.canonical(row), row: row} // behind every time
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

// canonical writes what a row says, independently of the order of its columns and of the values in
// each, of columns without a value, and of the last digits of a floating-point number, which depend
// on the order in which numbers were added up.
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

// significant is the number of digits of a floating-point number that tell rows apart.
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
