package spl_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

func TestOrder(t *testing.T) {
	for search, want := range map[string]string{
		"a=1":                             "",
		"a=1 | eval z=1, b=2 | table b z": "b z",
		"a=1 | stats count as n max(x) by u, h | eval r=n/2 | rename u AS who": "who h n max(x) r",
		"a=1 | table c a* b | lookup t k OUTPUT v":                             "c b v",
		"a=1 | top limit=3 u by h":                                             "h u count percent",
		"a=1 | chart count over h by u":                                        "h",
		"a=1 | timechart span=1h count":                                        "_time count",
		"a=1 | stats count by h | fields - h":                                  "h count",
		"a=1 | table x y | xyseries x y z":                                     "x",
		"a=1 | untable x y z | eval q=1":                                       "x y z q",
		"a=1 | table x | transpose 3 column_name=what":                         "what",
		"a=1 | table x | transpose":                                            "column",
		"a=1 | chart max(v) as m count over h":                                 "h m count",
		"a=1 | table x y | fields y":                                           "y",
		"a=1 | table x y | rename x AS y2, q AS r":                             "y2 y",
		"a=1 | table x | eval {x}=1, y=2, x=3":                                 "x y",
		"a=1 | table x | eventstats count as n by x":                           "x n",
		"a=1 | table x | streamstats sum(x)":                                   "x sum(x)",
		"a=1 | rare x showcount=t by h":                                        "h x count percent",
		"a=1 | table x | sort x | head 3 | where x=1":                          "x",
		"|tstats count from datamodel=Web by x":                                "x count",
	} {
		s, diags := spl.ParseText(diag.NewText("f", search), macros)
		if s == nil {
			t.Fatalf("%s: %v", search, diags)
		}
		if got := strings.Join(spl.Order(s), " "); got != want {
			t.Errorf("%s: %q, want %q", search, got, want)
		}
	}
}
