package batch_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// keywords are mappings of a field that index different values.
var keywords = []mapping.Field{
	{Type: mapping.Keyword},
	{Type: mapping.Keyword, Normalizer: "lowercase"},
	{Type: mapping.Keyword, IgnoreAbove: 2},
	{Type: mapping.Keyword, NullValue: "NONE"},
	{Type: mapping.Keyword, Path: "other"},
	{Type: mapping.Long},
	{Type: mapping.Boolean},
	{Type: mapping.Flattened},
	{Type: mapping.Object},
}

// drawTables draws the tables of indices, of which some lack some fields.
func drawTables(t *rapid.T, indices, names []string) map[string]mapping.Table {
	tables := map[string]mapping.Table{}
	for _, index := range indices {
		table := mapping.Table{
			"@timestamp": {Name: "@timestamp", Type: mapping.Date},
			"other":      {Name: "other", Type: mapping.Keyword},
		}
		for _, name := range names {
			if rapid.IntRange(0, 3).Draw(t, "mapped") > 0 {
				f := rapid.SampledFrom(keywords).Draw(t, index+" "+name)
				f.Name = name
				table[name] = f
			}
		}
		for name, f := range table {
			if f.Type == mapping.Object {
				f.Members = []string{}
				if m, ok := table[name+".k"]; ok && m.Type != mapping.Object {
					f.Members = append(f.Members, m.Name)
				}
				table[name] = f
			}
		}
		tables[index] = table
	}
	return tables
}

// TestScanReadsEachIndexByItsOwn: an event is a hit exactly if it matches under the mapping of its
// own index, whatever other indices and conditions there are.
func TestScanReadsEachIndexByItsOwn(t *testing.T) {
	names := []string{"x", "y", "x.k"}
	values := []string{`"abc"`, `"ABC"`, `"a"`, `null`, `7`, `true`, `{"k":"abc"}`, `["a","ABC"]`}
	rapid.Check(t, func(rt *rapid.T) {
		indices := []string{"logs-a", "logs-b", "logs-c"}[:rapid.IntRange(1, 3).Draw(rt, "indices")]
		tables := drawTables(rt, indices, names)
		var fields mapping.Fields = mapping.NewIndexFields(tables, func(string, string) bool { return false })
		if rapid.Bool().Draw(rt, "layered") {
			fields = mapping.Over(mapping.Table{"z": {Name: "z", Type: mapping.Keyword}}, fields)
		}
		lines, all := drawEvents(rt, indices, values)
		events := open(rt, lines...)
		var requests []search.Request
		for range rapid.IntRange(1, 12).Draw(rt, "requests") {
			requests = append(requests, search.Request{
				Patterns: []string{rapid.SampledFrom([]string{"logs-*", "logs-a"}).Draw(rt, "patterns")},
				Where:    drawCondition(rt, names, 2), Time: within(0, 1000), FieldTypes: fields,
			})
		}
		answers, _, err := batch.Scan(rt.Context(), events, requests, batch.ScanOptions{Slices: 2})
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range requests {
			want, judged := judge(rt, r, tables, all)
			if !judged {
				if answers.Knows(r) {
					rt.Errorf("%s was answered, though only a search can", r.Asked())
				}
				continue
			}
			if !answers.Knows(r) {
				rt.Fatalf("%s: not answered: %s", r.Asked(), answers.Why(r))
			}
			if diff := cmp.Diff(want, found(rt, answers, r)); diff != "" {
				rt.Errorf("%s (-own mapping +scan):\n%s\n%v", r.Asked(), diff, tables)
			}
		}
	})
}

func drawEvents(t *rapid.T, indices, values []string) (lines []string, events []event.Event) {
	for n := range rapid.IntRange(0, 30).Draw(t, "events") {
		e := event.Event{Index: rapid.SampledFrom(indices).Draw(t, "index"), ID: strconv.Itoa(n)}
		members := []string{fmt.Sprintf(`"@timestamp":"2026-01-15T12:%02d:00Z"`, n%10+1)}
		for _, name := range []string{"x", "y", "other"} {
			if rapid.Bool().Draw(t, "has") {
				members = append(members, fmt.Sprintf("%q:%s", name, rapid.SampledFrom(values).Draw(t, name)))
			}
		}
		e.Source = []byte("{" + strings.Join(members, ",") + "}")
		lines = append(lines, fmt.Sprintf(`{"_index":%q,"_id":%q,"_source":%s}`, e.Index, e.ID, e.Source))
		events = append(events, e)
	}
	return lines, events
}

func drawCondition(t *rapid.T, names []string, depth int) condition.Expr {
	name := rapid.SampledFrom(names).Draw(t, "field")
	if depth > 0 && rapid.Bool().Draw(t, "operator") {
		a, b := drawCondition(t, names, depth-1), drawCondition(t, names, depth-1)
		switch rapid.IntRange(0, 2).Draw(t, "which") {
		case 0:
			return condition.And{a, b}
		case 1:
			return condition.Or{a, b}
		}
		return condition.Not{X: a}
	}
	switch rapid.IntRange(0, 4).Draw(t, "leaf") {
	case 0:
		return condition.Exists{Field: name}
	case 1:
		return condition.Term{Field: name, Value: rapid.SampledFrom([]string{"abc", "ABC", "NONE", "7", "true"}).Draw(t, "value")}
	case 2:
		return condition.Wildcard{Field: name, Pattern: "a*"}
	case 3:
		return condition.Term{Field: name, Value: "ABC", Fold: true}
	}
	return condition.Range{Field: name, Gte: "5", Lt: "b"}
}

// judge matches every event by itself under the table of its index; false if the condition does not
// compile for some index that the request covers.
func judge(t *rapid.T, r search.Request, tables map[string]mapping.Table, events []event.Event) (ids []string, judged bool) {
	matchers := map[string]*condition.Matcher{}
	for index, table := range tables {
		m, err := condition.Compile(r.Filter(), table)
		if err != nil {
			return nil, false // Ways are bound whether or not the patterns cover their indices.
		}
		matchers[index] = m
	}
	ids = []string{}
	for minute := range 11 {
		for _, e := range events {
			doc, err := e.Document()
			if err != nil {
				t.Fatal(err)
			}
			covered := r.Patterns[0] == "logs-*" || e.Index == r.Patterns[0]
			if covered && strings.Contains(string(e.Source), fmt.Sprintf("12:%02d:", minute)) && matchers[e.Index].Match(doc) {
				ids = append(ids, e.Index+"/"+e.ID)
			}
		}
	}
	return ids, true
}

// TestAnswersAreOfWhoAsks: two equal requests with different fields each get their own field types.
func TestAnswersAreOfWhoAsks(t *testing.T) {
	events := open(t, line(1, "logs-a", "a", 1))
	field := func(name string) mapping.Fields {
		return mapping.NewIndexFields(map[string]mapping.Table{"logs-a": {
			"@timestamp":   {Name: "@timestamp", Type: mapping.Date},
			"process.name": {Name: "process.name", Type: mapping.Keyword}, name: {Name: name, Type: mapping.Text},
		}}, func(string, string) bool { return true })
	}
	ask := func(name string) search.Request {
		return search.Request{Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 10), FieldTypes: field(name)}
	}
	answers, _, err := batch.Scan(t.Context(), events, []search.Request{ask("message"), ask("other")}, batch.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"message", "other"} {
		_, err := answers.Search(t.Context(), ask(name), func(page []event.Event) (bool, error) {
			if _, known := page[0].Types.Field(name); !known {
				t.Errorf("the one who asks for [%s] is told of another's fields", name)
			}
			return true, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
