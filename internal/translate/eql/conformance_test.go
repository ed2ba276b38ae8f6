package eql_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/translate/eql"
)

// conformanceRow is one line of the shared EQL cases.
type conformanceRow struct {
	Query string `json:"query"`
	Stage string `json:"stage"`
	Kind  string `json:"kind"`

	Expression string `json:"expression"`
	Expected   any    `json:"expected"`

	Name         string            `json:"name"`
	Fields       map[string]string `json:"fields"`
	ConditionDSL any               `json:"condition_dsl"`
	PostFilter   bool              `json:"post_filter"`
}

// readCases reads a file of the shared cases; they are not part of this repository.
func readCases(t *testing.T, name string) []conformanceRow {
	t.Helper()
	f, err := os.Open(filepath.Join("../../../../shared/conformance", name))
	if err != nil {
		t.Skipf("the shared cases are not here: %v", err)
	}
	defer func() { _ = f.Close() }()
	var rows []conformanceRow
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row conformanceRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestConformanceAccepts(t *testing.T) {
	for _, row := range readCases(t, "eql_parse_ok.jsonl") {
		q, diags := eql.Parse(diag.NewText("query", row.Query))
		if diags.HasErrors() {
			t.Errorf("refused %s\n%v", row.Query, diags)
			continue
		}
		checkRoundTrip(t, q)
	}
}

func TestConformanceRefuses(t *testing.T) {
	refused, all := 0, 0
	for _, row := range readCases(t, "eql_parse_error.jsonl") {
		if row.Stage != "parse" {
			continue
		}
		all++
		if q, diags := eql.Parse(diag.NewText("query", row.Query)); diags.HasErrors() {
			refused++
		} else {
			t.Errorf("accepted (%s) %s\nas %s", row.Kind, row.Query, q)
		}
	}
	t.Logf("%d of %d refused", refused, all)
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
	rows := readCases(t, "eql_fold.jsonl")
	for _, row := range rows {
		q, diags := eql.Parse(diag.NewText("query", "any where ("+row.Expression+") == 0"))
		if diags.HasErrors() {
			t.Errorf("%s: %v", row.Expression, diags)
			continue
		}
		comparison, ok := q.Event.Where.(*eql.Comparison)
		if !ok {
			t.Errorf("%s: parsed as %T", row.Expression, q.Event.Where)
			continue
		}
		got, err := eql.Fold(comparison.X)
		if n, isWhole := got.(int64); isWhole {
			got = float64(n)
		}
		if err != nil || got != row.Expected {
			t.Errorf("%s = %v, %v; want %v", row.Expression, got, err, row.Expected)
		}
	}
	t.Logf("%d folds", len(rows))
}

func TestConformanceDSL(t *testing.T) {
	rows := readCases(t, "eql_dsl.jsonl")
	for _, row := range rows {
		fields := tableOf(row.Fields)
		text := diag.NewText("query", row.Query)
		q, diags := eql.Parse(text)
		if diags.HasErrors() {
			t.Errorf("%s: %v", row.Query, diags)
			continue
		}
		q.Event.Any = true // the expected condition omits the category
		q.Pipes = nil
		e, diags := eql.Lower(q, text, eql.Options{Fields: fields})
		if e == nil {
			t.Errorf("%s: %v", row.Query, diags)
			continue
		}
		superset, exact := condition.Pushdown(e, fields)
		if exact == row.PostFilter {
			t.Errorf("%s: %s\nexact is %t", row.Name, row.Query, exact)
		}
		if row.ConditionDSL == nil {
			continue
		}
		got, want := normal(roundTrip(t, condition.DSL(superset))), normal(row.ConditionDSL)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", row.Name, row.Query, diff)
		}
	}
	t.Logf("%d conditions", len(rows))
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
