package kql_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/kql"
)

// conformanceRow is one KQL case, in the form of a line of the shared cases.
type conformanceRow struct {
	// name and table belong to a case of the repository.
	name  string
	table mapping.Fields

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

func (r conformanceRow) String() string { return r.name + " " + r.Query }

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
	texts, err := conformance.Written("kql", key)
	if err != nil {
		t.Fatal(err)
	}
	var rows []conformanceRow
	for _, x := range texts {
		set, err := conformance.WrittenDataset(x.Value("dataset"))
		if err != nil {
			t.Fatal(err)
		}
		table, err := set.Fields()
		if err != nil {
			t.Fatal(err)
		}
		row := conformanceRow{name: x.Name, Query: x.Text, table: table.Merged().Fields, Message: x.Value(key)}
		if key == "dsl" {
			if err := json.Unmarshal([]byte(x.Value(key)), &row.DSL); err != nil {
				t.Fatalf("%s: %v", x.Name, err)
			}
		}
		rows = append(rows, row)
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
	data, err := conformance.SharedFile("kql_fields.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &sets); err != nil {
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
	switch {
	case r.table != nil:
		opts.Fields = r.table
	case r.Fields == "stub":
		opts.Fields = stubFields(t)
	}
	e, diags := kql.Lower(q, text, opts)
	return q, e, diags
}

func TestConformanceDSL(t *testing.T) {
	shared := append(readShared(t, "kql_dsl.jsonl"), readShared(t, "kql_rules_dsl.jsonl")...)
	conformance.Run(t, readWritten(t, "dsl"), shared, func(row conformanceRow) error {
		q, e, diags := row.lower(t)
		if e == nil {
			return diags.Err()
		}
		checkRoundTrip(t, q)
		if diff := cmp.Diff(normal(row.DSL), normal(decoded(t, condition.DSL(e)))); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}

func TestConformanceRefuses(t *testing.T) {
	conformance.Run(t, readWritten(t, "error"), readShared(t, "kql_parse_error.jsonl"), func(row conformanceRow) error {
		_, e, diags := row.lower(t)
		if e != nil || len(diags) == 0 {
			return fmt.Errorf("accepted as %s", e)
		}
		errs := slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
		got := errs[0].Message
		if row.name != "" {
			got = errs[0].Place() + " " + got
			row.Message = "query:" + row.Message
		}
		if diff := cmp.Diff(row.Message, got); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
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
	for _, row := range readShared(t, "kql_parse_error.jsonl") {
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
