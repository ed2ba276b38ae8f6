package esql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/translate/esql"
)

func parse(t *testing.T, query string) *esql.Query {
	t.Helper()
	q, diags := esql.Parse(diag.NewText("query", query))
	if q == nil {
		t.Fatalf("%s: %v", query, diags)
	}
	return q
}

func TestPatterns(t *testing.T) {
	for query, want := range map[string][]string{
		"FROM logs-*":                                  {"logs-*"},
		"from logs-*, .alerts-security.*":              {"logs-*", ".alerts-security.*"},
		"FROM logs-a.b_c-* METADATA _id":               {"logs-a.b_c-*"},
		"FROM logs-*\n,metrics-* | LIMIT 1":            {"logs-*", "metrics-*"},
		"FROM logs-*, -logs-x, logs-*":                 {"logs-*", "-logs-x"},
		`FROM "logs-*, metrics-*", """a"""`:            {"logs-*", "metrics-*", "a"},
		"FROM <logs-{now/d}> | LIMIT 1":                {"<logs-{now/d}>"},
		`FROM "<logs-{now/d{yyyy|+01:00}}>"`:           {"<logs-{now/d{yyyy|+01:00}}>"},
		"FROM remote:logs-*, *:x":                      {"remote:logs-*", "*:x"},
		`FROM remote:"logs-*"`:                         {"remote:logs-*"},
		"FROM logs-*::failures":                        {"logs-*"},
		"FROM logs-* // all of them | LIMIT 1":         {"logs-*"},
		"FROM logs-* /* or | these */, b":              {"logs-*", "b"},
		"FROM logs-*[METADATA _id, _index]":            {"logs-*"},
		"FROM logs [METADATA _id]":                     {"logs"},
		"TS k8s | STATS max(rate(n))":                  {"k8s"},
		"ROW a = 1":                                    nil,
		"SHOW INFO":                                    nil,
		"SET unmapped_fields = \"nullify\"; FROM a":    {"a"},
		"FROM a, (FROM b METADATA _id | WHERE c == 1)": {"a"},
	} {
		if diff := cmp.Diff(want, parse(t, query).Patterns()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestShape(t *testing.T) {
	documents := esql.Shape{Independent: true}
	made := esql.Shape{Rows: esql.Made}
	open := esql.Shape{Rows: esql.Open}
	for query, want := range map[string]esql.Shape{
		"FROM a": documents,
		"FROM a | WHERE b == 1 | EVAL c = 1 | KEEP b, c":           documents,
		"FROM a | GROK m \"%{WORD:w} | %{X:x}\"":                   documents,
		"FROM a | DISSECT m \"%{a}|%{b}\"":                         documents,
		"FROM a | WHERE KQL(\"a: b | c\")":                         documents,
		"FROM a | WHERE b RLIKE \"\"\"x|\"y\"\"\"\"\"":             documents,
		"FROM a | WHERE `b | STATS` == 1":                          documents,
		"FROM a | WHERE b == \"| STATS\" // | STATS x":             documents,
		"FROM a /* | STATS c = COUNT(*) */":                        documents,
		"FROM a | MV_EXPAND b":                                     documents,
		"FROM a | LOOKUP JOIN l ON b":                              documents,
		"FROM a | SORT @timestamp":                                 {Independent: true, Sorted: true},
		"FROM a | INLINE STATS c = COUNT(*) BY b":                  {},
		"FROM a | inlinestats c = COUNT(*) BY b":                   {},
		"FROM a | LIMIT 10":                                        {Limit: 10},
		"FROM a | LIMIT 10 | KEEP b":                               {Limit: 10},
		"FROM a | LIMIT 10 | WHERE b == 1":                         {},
		"FROM a | SAMPLE 0.1":                                      {},
		"FROM a | COMPLETION x = p WITH m":                         {},
		"FROM a | WHERE @timestamp > NOW() - 1 hour":               {Independent: true, Now: true},
		"FROM a | STATS c = COUNT(*)":                              made,
		"FROM a | stats c = count(*) where b == 1 by d":            made,
		"FROM a | SORT b | STATS c = COUNT(*)":                     made,
		"FROM a | STATS c = COUNT(*) BY b | SORT c DESC | LIMIT 5": {Rows: esql.Made, Sorted: true, Limit: 5},
		"FROM a | INLINE STATS c = COUNT(*) | STATS MAX(c)":        made,
		"ROW a = 1":                                         made,
		"FROM a | DROP _id":                                 made,
		"FROM a | DROP _*":                                  made,
		"FROM a | RENAME _id AS x":                          made,
		"FROM a | EVAL x = 1, _index = \"b\"":               made,
		"FROM a | EVAL x = _id == \"b\"":                    documents,
		"FROM a | FORK (WHERE b == 1) (STATS c = COUNT(*))": open,
		"FROM a, (FROM b | STATS c = COUNT(*))":             open,
		"FROM a | XYZZY b":                                  open,
		"FROM a | XYZZY b | STATS c = COUNT(*)":             made,
	} {
		if diff := cmp.Diff(want, parse(t, query).Shape()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct{ query, want string }{
		{"", "1:1 error the query has no source command: it begins with FROM"},
		{"  // nothing", "1:13 error the query has no source command: it begins with FROM"},
		{"| WHERE a == 1", "1:1 error the query has no source command: it begins with FROM"},
		{"WHERE a == 1", "1:1 error WHERE stands behind a pipe; a query begins with FROM"},
		{"FORM a", "1:1 error unknown source command FORM: is FROM meant?"},
		{"FROM", "1:1 error FROM names no index"},
		{"FROM METADATA _id", "1:1 error FROM names no index"},
		{"FROM a METADATA", "1:8 error METADATA names no field"},
		{"FROM a,", "1:6 error no index follows the last comma"},
		{"FROM a,,b", "1:1 error FROM has a comma too many"},
		{"FROM a b", "1:8 error a comma or a pipe is wanted before b"},
		{"FROM a |", "1:8 error no command follows the pipe"},
		{"FROM a\n| | LIMIT 1", "2:1 error no command follows the pipe"},
		{"FROM a\n| KEEP x\n  | WHER b == 1", "3:5 error unknown command WHER: is WHERE meant?"},
		{"FROM a | = 1", "1:10 error a command is wanted here, not ="},
		{"FROM a | FROM b", "1:10 error FROM begins a query and cannot stand behind a pipe"},
		{"FROM a | WHERE", "1:10 error WHERE has no arguments"},
		{"FROM a | WHERE b == \"x", "1:21 error the text is not closed: \" is missing"},
		{"FROM a | WHERE b == \"\"\"x", "1:21 error the string is not closed: \"\"\" is missing"},
		{"FROM a | WHERE `b == 1", "1:16 error the text is not closed: ` is missing"},
		{"FROM a | WHERE (b == 1", "1:16 error ( is not closed"},
		{"FROM a | WHERE b == 1)", "1:22 error ) closes nothing"},
		{"FROM a | WHERE b IN (1]", "1:23 error ] stands where ( has to be closed"},
		{"FROM a /* x", "1:8 error the comment is not closed"},
		{"SET a = 1 FROM b", "1:1 error the setting is not closed: ; is missing"},
		{"FROM a | XYZZY b", "1:10 warning the command XYZZY is not known here: whether its rows keep their document is seen when it runs"},
		{"ABRACADABRA a", "1:1 warning the source command ABRACADABRA is not known here: the indices that it reads are not known"},
		{"FROM a | DROP b, _id", "1:18 warning DROP drops _id or _index: alerts are identified by the values of their rows, as for an aggregating query"},
		{"FROM a | WHERE b == \"é\" AND (", "1:29 error ( is not closed"},
	} {
		_, diags := esql.Parse(diag.NewText("query", tt.query))
		var got []string
		for _, d := range diags {
			got = append(got, fmt.Sprintf("%d:%d %s %s", d.Line, d.Column, d.Severity, d.Message))
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.query, strings.Join(got, "\n"), tt.want)
		}
	}
}

// Unusual but valid text is left to Elasticsearch.
func TestNoFaults(t *testing.T) {
	for _, query := range []string{
		"from a|where b==1|keep *",
		"FROM a | WHERE b == \"\\\"\\\\\" | LIMIT 1",
		"FROM a | WHERE b == \"\"\"\"quoted\"\"\"\"",
		"FROM a | WHERE b::string LIKE \"x*\" AND c:\"y\"",
		"FROM a | EVAL `x``y` = 1, z = a.`b c`.d",
		"FROM a | WHERE b == ?p AND c > 1.5e-3 AND d < -5 minutes",
		"FROM a /* nested /* comment */ */ | LIMIT 1",
		"FROM a /* not /* nested */ | LIMIT 1",
		"FROM a | COMPLETION x = p WITH { \"inference_id\" : \"m\" }",
		"FROM a METADATA _score | FORK (WHERE b == 1 | LIMIT 1) (WHERE c == 2) | FUSE",
		"FROM a\r\n| LIMIT 1\r\n",
	} {
		if _, diags := esql.Parse(diag.NewText("query", query)); len(diags) > 0 {
			t.Errorf("%s: %v", query, diags)
		}
	}
}

func TestCommandAt(t *testing.T) {
	q := parse(t, "FROM a | INLINE STATS c = COUNT(*) | KEEP c")
	for offset, want := range map[int][2]string{
		0: {"FROM", "FROM"}, 5: {"", "FROM"}, 9: {"INLINE STATS", "INLINE STATS"}, 24: {"", "INLINE STATS"}, 37: {"KEEP", "KEEP"}, 42: {"", "KEEP"},
	} {
		named, within := q.CommandAt(offset)
		if got := [2]string{named, within}; got != want {
			t.Errorf("%d: %q, want %q", offset, got, want)
		}
	}
}
