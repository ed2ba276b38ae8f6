package pushdown_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// narrow are fields whose index leaves values out: for their length, or as they are none of its type.
var narrow = mapping.Table{
	"kw":            {Name: "kw", Type: mapping.Keyword, IgnoreAbove: 4},
	"folded":        {Name: "folded", Type: mapping.Keyword, IgnoreAbove: 4, Normalizer: "lowercase"},
	"n":             {Name: "n", Type: mapping.Long},
	"x":             {Name: "x", Type: mapping.Double},
	"ok":            {Name: "ok", Type: mapping.Boolean},
	"addr":          {Name: "addr", Type: mapping.IP},
	"text":          {Name: "text", Type: mapping.Text, Exact: "text.keyword"},
	"text.keyword":  {Name: "text.keyword", Path: "text", Type: mapping.Keyword, IgnoreAbove: 4},
	"plain":         {Name: "plain", Type: mapping.Text},
	"event.kind":    {Name: "event.kind", Type: mapping.Keyword},
	"event.dataset": {Name: "event.dataset", Type: mapping.Keyword},
}

// wider are the same names in another index: of other types, and objects.
var wider = mapping.Table{
	"kw":            {Name: "kw", Type: mapping.Object, Members: []string{"kw.x"}},
	"kw.x":          {Name: "kw.x", Type: mapping.Keyword},
	"folded":        {Name: "folded", Type: mapping.Keyword},
	"n":             {Name: "n", Type: mapping.Keyword, IgnoreAbove: 3},
	"x":             {Name: "x", Type: mapping.Long},
	"ok":            {Name: "ok", Type: mapping.Keyword},
	"text":          {Name: "text", Type: mapping.Keyword, IgnoreAbove: 6},
	"plain":         {Name: "plain", Type: mapping.Object, Members: []string{"plain.y"}},
	"plain.y":       {Name: "plain.y", Type: mapping.Long},
	"event.kind":    {Name: "event.kind", Type: mapping.Keyword},
	"event.dataset": {Name: "event.dataset", Type: mapping.Keyword},
}

// closed are fields of indices that map nothing but them: one drops what else there is, one notes it.
var closed = mapping.Table{
	"kw":            {Name: "kw", Type: mapping.Keyword},
	"event.kind":    {Name: "event.kind", Type: mapping.Keyword},
	"event.dataset": {Name: "event.dataset", Type: mapping.Keyword},
}

// hiding is what the indices of the test do with what they do not map.
func hiding(index, name string) mapping.Hiding {
	if _, mapped := closed.Field(name); mapped {
		return mapping.Maps
	}
	return map[string]mapping.Hiding{"drops": mapping.Drops, "notes": mapping.Notes}[index]
}

// TestNeverNarrower wants every event to be found whose row passes the search's condition, whatever its
// fields take of its values.
func TestNeverNarrower(t *testing.T) {
	names := []string{"kw", "folded", "n", "x", "ok", "addr", "text", "plain", "un.mapped"}
	// Neither what a number takes for no value ("") nor what it cuts off (4.5 in a long) is remembered anywhere.
	values := []any{"a", "ab", "abcdef", "ABCDEF", "abcdé", "4", "42", "4x", "true", "TRUE", "10.0.0.1", "10.0.0.999", "a b c d e", 4, 42, true, false}
	literals := []string{"a", "a*", "*f", "*", "abcdef", "ABCDEF", "4", "4*", "42", "4.5", "4x", "true", "TRUE", "t*", "10.0.0.0/8", "10.*", "10.0.0.999", `"a b*"`, "abcd?"}
	var search func(t *rapid.T, depth int) string
	search = func(t *rapid.T, depth int) string {
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case depth > 0 && kind == 0:
			return "NOT (" + search(t, depth-1) + ")"
		case depth > 0 && kind == 1:
			return "(" + search(t, depth-1) + " OR " + search(t, depth-1) + ")"
		case depth > 0 && kind == 2:
			return "(" + search(t, depth-1) + " " + search(t, depth-1) + ")"
		case kind == 3:
			return rapid.SampledFrom(names).Draw(t, "name") + " IN (" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(literals), 1, 3).Draw(t, "list"), ", ") + ")"
		}
		op := rapid.SampledFrom([]string{"=", "=", "!=", "<", ">="}).Draw(t, "op")
		return rapid.SampledFrom(names).Draw(t, "name") + op + rapid.SampledFrom(literals).Draw(t, "literal")
	}
	rapid.Check(t, func(t *rapid.T) {
		source := map[string]any{}
		index := rapid.SampledFrom([]string{"narrow", "wider", "drops", "notes"}).Draw(t, "index")
		tables := map[string]mapping.Table{"narrow": narrow, "wider": wider, "drops": closed, "notes": closed}
		if rapid.Bool().Draw(t, "alone") {
			tables = map[string]mapping.Table{index: tables[index]}
		}
		fields := mapping.NewIndexFields(tables, func(index, name string) bool { return hiding(index, name) == mapping.Maps }).Hide(hiding)
		for _, name := range names {
			if f, mapped := tables[index][name]; !mapped && hiding(index, name) == mapping.Maps || f.Type == mapping.Object {
				continue // no event of this index can have a value there
			}
			switch n := rapid.IntRange(0, 2).Draw(t, "count"); n {
			case 0:
			case 1:
				source[name] = rapid.SampledFrom(values).Draw(t, name)
			default:
				source[name] = rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(t, name)
			}
		}
		text := search(t, 2)
		data, err := json.Marshal(source)
		if err != nil {
			t.Fatal(err)
		}
		e := event.Event{Index: index, Source: data, Types: mapping.OfIndex(fields, index)}
		d, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		s, diags := spl.ParseText(diag.NewText("search", text), nil)
		if s == nil {
			t.Fatal(text, diags)
		}
		first, _ := splunk.First(s)
		view := pushdown.Map{}.Select(first.Where).Enforced()
		where, exact, diags := view.Lower(first.Where, fields)
		if where == nil {
			t.Fatal(text, diags)
		}
		pushed, _ := condition.Pushdown(where, fields)
		m, err := condition.Bind(pushed, fields)
		if err != nil {
			t.Fatal(text, err)
		}
		rows, diags := view.Rows(fields)
		if rows == nil {
			t.Fatal(diags)
		}
		passes := false
		now := time.Unix(100, 0)
		err = splunk.Run(t.Context(), s, splunk.Env{}, splunk.Events{rows.Row(d, 50)}, splunk.Window{Latest: now, Now: now}, func(splunk.Row) error {
			passes = true
			return nil
		})
		if err != nil {
			t.Fatal(text, err)
		}
		if found := m.Match(index, d); passes && !found {
			t.Fatalf("%s passes %s and is not found by %s", text, data, pushed)
		}
		whole, err := condition.Bind(where, fields)
		if err != nil {
			t.Fatal(text, err)
		}
		if exact && whole.Match(index, d) != passes {
			t.Fatal(fmt.Sprintf("%s on %s: the search says %v and the exact condition %s another", text, data, passes, where))
		}
	})
}
