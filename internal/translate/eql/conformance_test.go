package eql_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/eql"
)

// conformanceRow is one EQL case, in the form of a line of the shared cases.
type conformanceRow struct {
	Query string `json:"query"`
	Stage string `json:"stage"`

	Expression string `json:"expression"`
	Expected   any    `json:"expected"`

	Name         string            `json:"name"`
	Fields       map[string]string `json:"fields"`
	ConditionDSL any               `json:"condition_dsl"`
	PostFilter   bool              `json:"post_filter"`

	// table holds the fields of a case of the repository.
	table mapping.Fields
}

func (r conformanceRow) String() string { return r.Name + "\n" + r.Query + r.Expression }

// readShared reads a file of the shared cases.
func readShared(t *testing.T, name string) []conformanceRow {
	t.Helper()
	rows, err := conformance.Shared[conformanceRow](name)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// readWritten reads the repository's cases that have a key.
func readWritten(t *testing.T, key string) []conformanceRow {
	t.Helper()
	texts, err := conformance.Written("eql", key)
	if err != nil {
		t.Fatal(err)
	}
	var rows []conformanceRow
	for _, x := range texts {
		row := conformanceRow{Name: x.Name, Query: x.Text, Stage: "parse"}
		switch key {
		case "value":
			row.Query, row.Expression = "", x.Text
			err = json.Unmarshal([]byte(x.Value(key)), &row.Expected)
		case "dsl":
			row.PostFilter = x.Value("matched") == "again"
			err = json.Unmarshal([]byte(x.Value(key)), &row.ConditionDSL)
			row.table = writtenFields(t, x.Value("dataset"))
		}
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		rows = append(rows, row)
	}
	return rows
}

func writtenFields(t *testing.T, dataset string) mapping.Fields {
	t.Helper()
	set, err := conformance.WrittenDataset(dataset)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := set.Fields()
	if err != nil {
		t.Fatal(err)
	}
	return fields.Merged().Fields
}

func TestConformanceAccepts(t *testing.T) {
	conformance.Run(t, readWritten(t, "finds"), readShared(t, "eql_parse_ok.jsonl"), func(row conformanceRow) error {
		q, diags := eql.Parse(diag.NewText("query", row.Query))
		if diags.HasErrors() {
			return diags.Err()
		}
		checkRoundTrip(t, q)
		return nil
	})
}

// TestConformanceRefuses is about queries that are rejected whatever the fields.
func TestConformanceRefuses(t *testing.T) {
	shared := readShared(t, "eql_parse_error.jsonl")
	shared = slices.DeleteFunc(shared, func(row conformanceRow) bool { return row.Stage != "parse" })
	conformance.Run(t, readWritten(t, "syntax"), shared, func(row conformanceRow) error {
		if q, diags := eql.Parse(diag.NewText("query", row.Query)); !diags.HasErrors() {
			return fmt.Errorf("accepted as %s", q)
		}
		return nil
	})
}

// checkRoundTrip prints a tree and parses the text again: the second tree prints the same.
func checkRoundTrip(t *testing.T, q *eql.Query) {
	t.Helper()
	text := q.String()
	again, diags := eql.Parse(diag.NewText("printed", text))
	if diags.HasErrors() {
		var b strings.Builder
		_ = diag.Render(&b, diags)
		t.Errorf("the printed query is refused:\n%s", b.String())
		return
	}
	if again.String() != text {
		t.Errorf("printed %s\nagain   %s", text, again.String())
	}
}

func TestConformanceFolds(t *testing.T) {
	conformance.Run(t, readWritten(t, "value"), readShared(t, "eql_fold.jsonl"), func(row conformanceRow) error {
		q, diags := eql.Parse(diag.NewText("query", "any where ("+row.Expression+") == 0"))
		if diags.HasErrors() {
			return diags.Err()
		}
		comparison, ok := q.Event.Where.(*eql.Comparison)
		if !ok {
			return fmt.Errorf("parsed as %T", q.Event.Where)
		}
		got, err := eql.Fold(comparison.X)
		if n, isWhole := got.(int64); isWhole {
			got = float64(n)
		}
		if err != nil || got != row.Expected {
			return fmt.Errorf("%v, %w; want %v", got, err, row.Expected)
		}
		return nil
	})
}

func TestConformanceDSL(t *testing.T) {
	conformance.Run(t, readWritten(t, "dsl"), readShared(t, "eql_dsl.jsonl"), func(row conformanceRow) error {
		fields := row.table
		if fields == nil {
			fields = tableOf(row.Fields)
		}
		text := diag.NewText("query", row.Query)
		q, diags := eql.Parse(text)
		if diags.HasErrors() {
			return diags.Err()
		}
		q.Event.Any = true // the expected condition omits the category
		q.Pipes = nil
		e, diags := eql.Lower(q, text, eql.Options{Fields: fields})
		if e == nil {
			return diags.Err()
		}
		superset, exact := condition.Pushdown(e, fields)
		if exact == row.PostFilter {
			return fmt.Errorf("exact is %t", exact)
		}
		if row.ConditionDSL == nil {
			return nil
		}
		got, want := normal(roundTrip(t, condition.DSL(superset))), normal(row.ConditionDSL)
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New("(-want +got):\n" + diff)
		}
		return nil
	})
}

// tableOf makes a mapping from the rows' short form: "text+.keyword" is text with a sub-field.
func tableOf(types map[string]string) mapping.Table {
	table := mapping.Table{}
	for name, typ := range types {
		typ, sub, hasSub := strings.Cut(typ, "+")
		f := mapping.Field{Name: name, Type: mapping.Type(typ)}
		if hasSub {
			f.Exact = name + sub
			table[f.Exact] = mapping.Field{Name: f.Exact, Type: mapping.Keyword, Path: name}
		}
		table[name] = f
	}
	return table
}

func roundTrip(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// normal removes differences in spelling from Query DSL: must is filter, a wildcard's pattern has
// two names, a doubled must_not cancels out, flags have a number, lists of one stand for their
// element.
func normal(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = normal(element)
		}
		return out
	case map[string]any:
		return normalObject(v)
	}
	return v
}

func normalObject(v map[string]any) any {
	out := map[string]any{}
	for key, value := range v {
		value = normal(value)
		switch key {
		case "must":
			key = "filter"
		case "wildcard":
			if clause, ok := value.(map[string]any); ok {
				for field, c := range clause {
					if parameters, ok := c.(map[string]any); ok && parameters["wildcard"] != nil {
						parameters["value"] = parameters["wildcard"]
						delete(parameters, "wildcard")
						clause[field] = parameters
					}
				}
			}
		case "minimum_should_match", "flags", "flags_value", "boost", "rewrite":
			continue
		}
		out[key] = value
	}
	not, isNot := out["must_not"].([]any)
	if isNot && len(out) == 1 && len(not) == 1 {
		if inner, ok := not[0].(map[string]any); ok {
			if b, ok := inner["bool"].(map[string]any); ok {
				if again, ok := b["must_not"].([]any); ok && len(b) == 1 && len(again) == 1 {
					return map[string]any{"double": again[0]}
				}
			}
		}
	}
	if b, ok := out["bool"].(map[string]any); ok && b["double"] != nil {
		return b["double"]
	}
	return out
}

// TestConformanceCovers wants a case of the repository for every function, in both forms.
func TestConformanceCovers(t *testing.T) {
	var all strings.Builder
	for _, key := range []string{"finds", "value"} {
		for _, row := range readWritten(t, key) {
			all.WriteString(strings.ToLower(row.Query + row.Expression + "\n"))
		}
	}
	for _, name := range functionNames(t) {
		if !strings.Contains(all.String(), name+"(") {
			t.Errorf("no case has %s", name)
		}
		if hasFold(name) && !strings.Contains(all.String(), name+"~(") {
			t.Errorf("no case has %s~", name)
		}
	}
}
