package eql_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/eql"
)

// textFields have every type of which string() makes a text.
var textFields = mapping.Table{
	"date": {Name: "date", Type: mapping.Date}, "nanos": {Name: "nanos", Type: mapping.DateNanos},
	"day":  {Name: "day", Type: mapping.Date, Format: "dd.MM.yyyy"},
	"long": {Name: "long", Type: mapping.Long}, "double": {Name: "double", Type: mapping.Double}, "float": {Name: "float", Type: mapping.Float},
	"b": {Name: "b", Type: mapping.Boolean}, "ip": {Name: "ip", Type: mapping.IP}, "k": {Name: "k", Type: mapping.Keyword}, "v": {Name: "v", Type: mapping.Version},
}

// What string() and concat() make of values is what Java makes of the values that Elasticsearch keeps.
func TestTextsOfValues(t *testing.T) {
	for _, tt := range []struct{ field, raw, want string }{
		{"date", `"2026-01-01"`, "2026-01-01T00:00Z"},
		{"date", `"2026-01-01T12:30:00Z"`, "2026-01-01T12:30Z"},
		{"date", `"2026-01-01T12:30:05Z"`, "2026-01-01T12:30:05Z"},
		{"date", `"2026-01-01T12:30:00.5Z"`, "2026-01-01T12:30:00.500Z"},
		{"date", `"2026-01-01T12:30:00.123456Z"`, "2026-01-01T12:30:00.123Z"},
		{"date", `"2026-01-01T01:30:00+02:00"`, "2025-12-31T23:30Z"},
		{"date", `1767225600001`, "2026-01-01T00:00:00.001Z"},
		{"date", `"0999-01-01"`, "0999-01-01T00:00Z"},
		{"date", `253402300800000`, "+10000-01-01T00:00Z"},
		{"date", `"-0001-01-01"`, "-0001-01-01T00:00Z"},
		{"day", `"01.02.2026"`, "2026-02-01T00:00Z"},
		{"nanos", `"2026-01-01T00:00:00.123456789Z"`, "2026-01-01T00:00:00.123456789Z"},
		{"nanos", `"2026-01-01T00:00:00.123456Z"`, "2026-01-01T00:00:00.123456Z"},
		{"nanos", `"2026-01-01T00:00:00.120Z"`, "2026-01-01T00:00:00.120Z"},
		{"nanos", `"2026-01-01"`, "2026-01-01T00:00Z"},
		{"long", `5`, "5"},
		{"long", `5.7`, "5"},
		{"long", `9007199254740993`, "9007199254740993"},
		{"double", `1`, "1.0"},
		{"double", `1e7`, "1.0E7"},
		{"double", `0.0001`, "1.0E-4"},
		{"double", `123456.5`, "123456.5"},
		{"float", `0.1`, "0.10000000149011612"},
		{"b", `true`, "true"},
		{"b", `"false"`, "false"},
		{"ip", `"::ffff:10.0.0.1"`, "10.0.0.1"},
		{"ip", `"2001:DB8:0:0::1"`, "2001:db8::1"},
		{"k", `1.50`, "1.50"},
		{"v", `"1.2.3"`, "1.2.3"},
	} {
		source := fmt.Sprintf(`{%q: %s}`, tt.field, tt.raw)
		for query, want := range map[string]bool{
			fmt.Sprintf(`any where string(%s) == %q`, tt.field, tt.want):                                  true,
			fmt.Sprintf(`any where concat(%s, "|", %s) == "%s|%s"`, tt.field, tt.field, tt.want, tt.want): true,
			fmt.Sprintf(`any where length(string(%s)) == %d`, tt.field, len(tt.want)):                     true,
			fmt.Sprintf(`any where string(%s) == "%sx"`, tt.field, tt.want):                               false,
		} {
			if got := matches(t, conditionOn(t, query), textFields, source); got != want {
				t.Errorf("%s of %s: %t", query, source, got)
			}
		}
	}
}

func matches(t *testing.T, e condition.Expr, fields mapping.Fields, source string) bool {
	t.Helper()
	m, err := condition.Compile(e, fields)
	if err != nil {
		t.Fatal(err)
	}
	d, err := (&event.Event{Source: json.RawMessage(source)}).Document()
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return m.Match(d)
}

// TestTextOfDate: the text of a date is a date, the same one, and has no zeros at its end.
func TestTextOfDate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 4_102_444_800).Draw(rt, "second"), 0).UTC()
		if rapid.Bool().Draw(rt, "minute") {
			at = at.Truncate(time.Minute)
		}
		at = at.Add(rapid.SampledFrom([]time.Duration{0, time.Millisecond, 120 * time.Millisecond, 123 * time.Microsecond, 1}).Draw(rt, "fraction"))
		layout := "2006-01-02T15:04Z"
		switch {
		case at.Nanosecond()%1000 != 0:
			layout = "2006-01-02T15:04:05.000000000Z"
		case at.Nanosecond()%1_000_000 != 0:
			layout = "2006-01-02T15:04:05.000000Z"
		case at.Nanosecond() != 0:
			layout = "2006-01-02T15:04:05.000Z"
		case at.Second() != 0:
			layout = "2006-01-02T15:04:05Z"
		}
		query := fmt.Sprintf(`any where string(nanos) == %q`, at.Format(layout))
		if !matches(t, conditionOn(t, query), textFields, fmt.Sprintf(`{"nanos": %q}`, at.Format(time.RFC3339Nano))) {
			rt.Fatal(query)
		}
	})
}

// conditionOn is the condition of an event query over the fields of texts.
func conditionOn(t *testing.T, text string) condition.Expr {
	t.Helper()
	source := diag.NewText("query", text)
	q, diags := eql.Parse(source)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	e, diags := eql.Lower(q, source, eql.Options{Fields: textFields})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}
