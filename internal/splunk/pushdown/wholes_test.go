package pushdown_test

import (
	"testing"

	"tocsin/internal/match/mapping"
)

// TestWhereOverText wants a map to tell events by a text that an index analyses, by the keyword beside it.
func TestWhereOverText(t *testing.T) {
	m := loadText(t, "[[source]]\nname = \"a\"\nwhen = { sourcetype = \"a\" }\nwhere = \"tag:process and not tag:x\"\n")
	fields := mapping.Table{
		"tag":         {Name: "tag", Type: mapping.Text, Exact: "tag.keyword"},
		"tag.keyword": {Name: "tag.keyword", Path: "tag", Type: mapping.Keyword},
		"sourcetype":  {Name: "sourcetype", Type: mapping.Keyword},
	}
	x := parse(t, "sourcetype=a")
	view := m.Select(x)
	where, _, diags := view.Lower(x, fields)
	if where == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	rows, diags := view.Rows(fields)
	if rows == nil {
		t.Fatal(diags)
	}
	for source, want := range map[string]string{`{"tag": ["process", "report"]}`: "a", `{"tag": "process report"}`: "", `{"tag": ["process", "x"]}`: ""} {
		if got := rows.Row(document(t, source), 1).Get("sourcetype").String(); got != want {
			t.Errorf("%s is of %q, want %q; told by %s", source, got, want, where)
		}
	}
}
