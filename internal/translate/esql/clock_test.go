package esql_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/esql"
)

func TestClock(t *testing.T) {
	for query, want := range map[string]int{
		`FROM a | WHERE KQL("d >= now-10m")`:                            1,
		`FROM a | WHERE a == 1 AND qstr("d:[now\\/d TO *]")`:            1,
		`FROM a | WHERE MATCH(d, "now/d", {"operator": "AND"})`:         1,
		`FROM a | WHERE d : "now-1d/d"`:                                 1,
		`FROM a | WHERE TRANGE(1h)`:                                     1,
		`FROM "<a-{now/d}>" | WHERE d >= NOW() - 10 minutes`:            0,
		`FROM a | WHERE process.args == "now-10m"`:                      0,
		`FROM a | WHERE KQL("host.name: nowhere or x.now: knownow-1d")`: 0,
	} {
		q, diags := esql.Parse(diag.NewText("q", query))
		found := 0
		for _, d := range diags {
			if d.Code == esql.CodeClock && d.Severity == diag.Warning {
				found++
			}
		}
		if q == nil || found != want {
			t.Errorf("%s: %v", query, diags)
		}
	}
}
