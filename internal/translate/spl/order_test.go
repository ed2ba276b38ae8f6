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
