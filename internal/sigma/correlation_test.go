package sigma_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/match/correlation"
	"tocsin/internal/rule"
	"tocsin/internal/sigma"
)

const (
	ruleA = "title: A\nname: a\nlevel: high\nlogsource: {product: x}\ndetection: {s: {K: a}, condition: s}\n"
	ruleB = "---\ntitle: B\nname: b\nid: 0f1d7a34-5a1e-4d0b-9a60-0b8f1c2d3e4f\nlevel: low\nlogsource: {product: x}\ndetection: {s: {K: b}, condition: s}\n"
)

// correlations loads two rules and a correlation section.
func correlations(t *testing.T, section string, more ...string) *sigma.Library {
	t.Helper()
	text := ruleA + ruleB + "---\ntitle: C\nname: c\ncorrelation: " + section + "\n" + strings.Join(more, "")
	l, diags, err := sigma.Load(t.Context(), sigma.Options{LongestSpan: 168 * time.Hour}, diag.NewText("r.yml", text))
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	return l
}

func TestCorrelation(t *testing.T) {
	l := correlations(t, "{type: value_percentile, rules: [a, 0f1d7a34-5a1e-4d0b-9a60-0b8f1c2d3e4f], group-by: [ip, ip, H], timespan: 2w, generate: True,"+
		"\n  condition: {field: n, percentile: 99.5, gt: 100, lte: 200.5}, aliases: {ip: {a: src, b: dst}}}\n")
	c := l.Correlations[0]
	if !c.Diags.HasErrors() {
		t.Errorf("a timespan of two weeks is not refused: %v", c.Diags)
	}
	if c.Type != correlation.ValuePercentile || c.Span != 14*24*time.Hour || !c.Generate || c.Percentile.RatString() != "199/2" || !slices.Equal(c.Fields, []string{"n"}) ||
		!slices.Equal(c.GroupBy, []string{"ip", "H"}) || len(c.Compare) != 2 || c.Compare[1].Value.RatString() != "401/2" {
		t.Errorf("%+v", c)
	}
	if c.Rules[0].Rule != l.Rules[0] || c.Rules[1].Rule != l.Rules[1] {
		t.Errorf("the rules are not found: %v", c.Rules)
	}
	var fields []string
	for i := range c.Rules {
		fields = append(fields, c.FieldOf(&c.Rules[i], "ip"), c.FieldOf(&c.Rules[i], "H"))
	}
	if diff := cmp.Diff([]string{"src", "H", "dst", "H"}, fields); diff != "" {
		t.Errorf("aliases (-want +got):\n%s", diff)
	}
	r := c.Rule([]string{"logs-*"}, sigma.Grades())
	if r.Type != rule.TypeCorrelation || r.Severity != rule.High || !strings.HasPrefix(r.Query.Value, "correlation:") || !strings.HasPrefix(r.ID, "sigma-") {
		t.Errorf("the rule: %s %s %q %s", r.Type, r.Severity, r.Query.Value, r.ID)
	}
}

// TestCorrelationExpressions tells which sets of rules meet the condition.
func TestCorrelationExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"a and b": "ab", "a or b": "a b ab", "a and not b": "a", "not (a and b)": "- a b", "1 of them": "a b ab", "all of *": "ab", "A": "error", "a and": "error",
		"0f1d7a34-5a1e-4d0b-9a60-0b8f1c2d3e4f": "b ab",
	} {
		c := correlations(t, "{type: temporal, rules: [a, b], timespan: 5m, condition: '"+text+"'}").Correlations[0]
		var got []string
		switch {
		case c.Diags.HasErrors():
			got = []string{"error"}
		default:
			for i, name := range []string{"-", "a", "b", "ab"} {
				if c.Expr.Holds([]bool{i&1 > 0, i&2 > 0}) {
					got = append(got, name)
				}
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %v %s", text, c.Diags, diff)
		}
	}
}

// TestCorrelationFaults says what is wrong, and where.
func TestCorrelationFaults(t *testing.T) {
	const count = ", condition: {gte: 2}}"
	for section, want := range map[string]string{
		"{type: event_count, rules: [a], timespan: 5m}":                                                                                         "16:14: error: the correlation has no condition",
		"{type: event_count, rules: [a], condition: {gte: 2}}":                                                                                  "16:14: error: the correlation has no timespan",
		"{type: event_count, rules: [a], timespan: 5" + count:                                                                                   "16:56: error: the timespan \"5\" is no number with a unit",
		"{type: event_count, rules: [a], timespan: 5 m" + count:                                                                                 "the timespan \"5 m\" is no number",
		"{type: event_count, rules: [a], timespan: 1h30m" + count:                                                                               "the timespan \"1h30m\" is no number",
		"{type: event_count, rules: [a], timespan: 0s" + count:                                                                                  "a timespan of 0",
		"{type: event_count, rules: [a], timespan: 4294967295y" + count:                                                                         "too long",
		"{type: event_count, rules: [a], timespan: 169h" + count:                                                                                "16:56: error: the timespan is longer than the longest, 168h0m0s",
		"{type: event_count, rules: [a, z], timespan: 5m" + count:                                                                               "16:45: error: no rule has the id or name z",
		"{type: event_count, rules: [c], timespan: 5m" + count:                                                                                  "the correlation is about itself",
		"{type: event_count, rules: [a], timespan: 5m, condition: {gte: two}}":                                                                  "the bound \"two\" of gte is not a number",
		"{type: event_count, rules: [a], timespan: 5m, condition: {ge: 2}}":                                                                     "unknown operator ge of a condition: it is none of [gt gte lt lte eq neq]: did you mean gt?",
		"{type: event_count, rules: [a], timespan: 5m, condition: {}}":                                                                          "the condition has no bound",
		"{type: event_count, rules: [a], timespan: 5m, condition: a}":                                                                           "only the types temporal and temporal_ordered have an expression",
		"{type: value_count, rules: [a], timespan: 5m" + count:                                                                                  "the condition of value_count has no field",
		"{type: value_sum, rules: [a], timespan: 5m, condition: {gte: 2, field: [x, y]}}":                                                       "value_sum takes the numbers of one field",
		"{type: value_percentile, rules: [a], timespan: 5m, condition: {gte: 2, field: x}}":                                                     "the condition has no percentile",
		"{type: value_percentile, rules: [a], timespan: 5m, condition: {gte: 2, field: x, percentile: 101}}":                                    "the percentile \"101\" is no number from 0 to 100",
		"{type: temporal, rules: [a, b], timespan: 5m, condition: a and q}":                                                                     "16:77: error: q is no rule of the correlation",
		"{type: temporal, rules: [a, b], timespan: 5m, aliases: {ip: {z: src}}}":                                                                "the alias ip is of the rule z, which the correlation is not about",
		"{type: temporal, rules: [a, b], timespan: 5m, aliases: [x]}":                                                                           "aliases is not a map",
		"{type: temporal, rules: [a, b], timespan: 5m, generate: maybe}":                                                                        "generate is true or false, not maybe",
		"{type: temporal, rules: [a, b], timespan: 5m}\n---\ntitle: D\nname: a\nlogsource: {product: x}\ndetection: {s: {K: a}, condition: s}":  "2 rules have the id or name a",
		"{type: temporal, rules: [d], timespan: 5m}\n---\ntitle: D\nname: d\ncorrelation: {type: temporal, rules: [c], timespan: 5m}":           "the correlation is about itself, by way of d",
		"{type: temporal, rules: [d], timespan: 5m}\n---\ntitle: D\nname: d\nlogsource: {product: x}\ndetection: {s: {K|odd: a}, condition: s}": "the rule d cannot run",
	} {
		c := correlations(t, section).Correlations[0]
		if err := c.Diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", section, err, want)
		}
	}
}
