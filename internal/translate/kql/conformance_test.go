package kql_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/translate/kql"
)

// conformanceRow is one line of the shared KQL cases.
type conformanceRow struct {
	Query   string `json:"query"`
	Fields  string `json:"fields"`
	Options struct {
		AllowLeadingWildcards *bool  `json:"allowLeadingWildcards"`
		CaseInsensitive       bool   `json:"caseInsensitive"`
		NestedIgnoreUnmapped  bool   `json:"nestedIgnoreUnmapped"`
		DateFormatTZ          string `json:"dateFormatTZ"`
	} `json:"options"`
	DSL     any    `json:"dsl"`
	Message string `json:"es_message"`
}

func sharedFile(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("../../../../shared/conformance", name))
	if err != nil {
		t.Skipf("the shared cases are not here: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func readCases(t *testing.T, name string) []conformanceRow {
	t.Helper()
	var rows []conformanceRow
	lines := bufio.NewScanner(sharedFile(t, name))
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var row conformanceRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// stubFields are the fields of the shared cases as a mapping. Their type string is text, or keyword
// where the case says so.
func stubFields(t *testing.T) mapping.Table {
	t.Helper()
	var sets map[string][]struct {
		Name    string   `json:"name"`
		Type    string   `json:"type"`
		ESTypes []string `json:"esTypes"`
		SubType struct {
			Nested struct {
				Path string `json:"path"`
			} `json:"nested"`
		} `json:"subType"`
	}
	if err := json.NewDecoder(sharedFile(t, "kql_fields.json")).Decode(&sets); err != nil {
		t.Fatal(err)
	}
	types := map[string]mapping.Type{
		"number": mapping.Long, "boolean": mapping.Boolean, "date": mapping.Date, "string": mapping.Text,
	}
	table := mapping.Table{}
	for _, f := range sets["stub"] {
		typ := types[f.Type]
		if len(f.ESTypes) == 1 {
			typ = mapping.Type(f.ESTypes[0])
		}
		table[f.Name] = mapping.Field{Name: f.Name, Type: typ, Nested: f.SubType.Nested.Path}
	}
	return table
}

func (r conformanceRow) lower(t *testing.T) (*kql.Query, condition.Expr, diag.List) {
	t.Helper()
	text := diag.NewText("query", r.Query)
	q, diags := kql.Parse(text)
	if q == nil {
		return nil, nil, diags
	}
	o := r.Options
	opts := kql.Options{
		Fields: mapping.Untyped(), CaseInsensitive: o.CaseInsensitive, IgnoreUnmapped: o.NestedIgnoreUnmapped, TimeZone: o.DateFormatTZ,
		NoLeadingWildcards: o.AllowLeadingWildcards != nil && !*o.AllowLeadingWildcards,
	}
	if r.Fields == "stub" {
		opts.Fields = stubFields(t)
	}
	e, diags := kql.Lower(q, text, opts)
	return q, e, diags
}

func TestConformanceDSL(t *testing.T) {
	for _, name := range []string{"kql_dsl.jsonl", "kql_rules_dsl.jsonl"} {
		rows := readCases(t, name)
		for _, row := range rows {
			q, e, diags := row.lower(t)
			if e == nil {
				t.Errorf("%s: %v", row.Query, diags)
				continue
			}
			checkRoundTrip(t, q)
			got, want := normal(decoded(t, condition.DSL(e))), normal(row.DSL)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", row.Query, diff)
			}
		}
		t.Logf("%s: %d queries", name, len(rows))
	}
}

func TestConformanceRefuses(t *testing.T) {
	rows := readCases(t, "kql_parse_error.jsonl")
	for _, row := range rows {
		_, e, diags := row.lower(t)
		if e != nil || len(diags) == 0 {
			t.Errorf("accepted %q as %s", row.Query, e)
			continue
		}
		errs := slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
		if diff := cmp.Diff(row.Message, errs[0].Message); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.Query, diff)
		}
	}
	t.Logf("%d queries", len(rows))
}

// checkRoundTrip prints a tree and parses the text again: the second tree is the same.
func checkRoundTrip(t *testing.T, q *kql.Query) {
	t.Helper()
	again, diags := kql.Parse(diag.NewText("printed", q.String()))
	if again == nil {
		t.Errorf("the printed query is refused: %q\n%v", q.String(), diags)
		return
	}
	if diff := cmp.Diff(q, again, cmpopts.IgnoreTypes(diag.Span{})); diff != "" {
		t.Errorf("printed %q, read again (-first +second):\n%s", q.String(), diff)
	}
}

func decoded(t *testing.T, v any) any {
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

// normal removes differences in spelling from Query DSL: must is filter, one object stands for a
// list of it, a bool of one clause is that clause, a list in a list of the same operator is one,
// and order and number do not matter.
func normal(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = normal(element)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if key == "case_insensitive" && value == false {
				continue
			}
			out[key] = normal(value)
		}
		if b, ok := v["bool"].(map[string]any); ok {
			return normalBool(b)
		}
		return out
	}
	return v
}

func normalBool(clauses map[string]any) any {
	delete(clauses, "minimum_should_match")
	if must, ok := clauses["must"]; ok {
		clauses["filter"] = must
		delete(clauses, "must")
	}
	for op, clause := range clauses {
		members, isList := clause.([]any)
		if !isList {
			members = []any{clause}
		}
		flat := map[string]any{}
		for _, m := range members {
			m = normal(m)
			if inner, ok := m.(map[string]any)["bool "+op].(map[string]any); ok && op != "must_not" {
				maps.Copy(flat, inner)
				continue
			}
			flat[keyOf(m)] = m
		}
		if len(flat) == 1 && op != "must_not" {
			for _, only := range flat {
				return only
			}
		}
		if negated, ok := doubled(op, flat); ok {
			return negated
		}
		return map[string]any{"bool " + op: flat}
	}
	return nil
}

// doubled returns the operand of a double negation.
func doubled(op string, clauses map[string]any) (any, bool) {
	if op != "must_not" {
		return nil, false
	}
	for _, only := range clauses {
		inner, ok := only.(map[string]any)["bool must_not"].(map[string]any)
		for _, x := range inner {
			return x, ok
		}
	}
	return nil, false
}

func keyOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// TestConformancePlaces requires every error of the shared cases at the position where Kibana's
// parser stopped.
func TestConformancePlaces(t *testing.T) {
	for _, row := range readCases(t, "kql_parse_error.jsonl") {
		_, _, diags := row.lower(t)
		for _, d := range diags {
			if d.Line != 1 || d.Column < 1 || d.Column > len(row.Query)+1 {
				t.Errorf("%q: %s", row.Query, d.Place())
			}
			found := strings.TrimSuffix(row.Message[strings.LastIndex(row.Message, "but ")+1:], " found.")
			if strings.HasPrefix(d.Message, "Expected") && !strings.Contains(found, "end of input") {
				if c := row.Query[d.Column-1 : d.Column]; !slices.Contains(strings.Split(found, ""), c) {
					t.Errorf("%q: points at %q", row.Query, c)
				}
			}
		}
	}
}
