package splunk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/splunk"
)

// TestOthersAreOne requires that the column for all others aggregates their events together.
func TestOthersAreOne(t *testing.T) {
	functions := []string{
		"count(n)", "sum(n)", "avg(n)", "min(n)", "max(n)", "min(m)", "max(m)", "range(n)", "dc(m)", "values(m)", "stdev(n)", "stdevp(n)", "var(n)", "varp(n)", "sumsq(n)",
		"median(n)", "p90(n)", "exactperc25(n)", "earliest(n)", "latest(n)", "earliest_time(n)", "latest_time(n)", "count(eval(n>3))", "avg(eval(n*2))",
	}
	rapid.Check(t, func(rt *rapid.T) {
		events := make(splunk.Events, rapid.IntRange(1, 40).Draw(rt, "events"))
		for i := range events {
			events[i] = splunk.Row{
				"_time": splunk.Number(float64(1000 + i)), "g": splunk.Text(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "g")),
				"h": splunk.Text(fmt.Sprint("h", rapid.IntRange(1, 6).Draw(rt, "h"))),
			}
			if n := rapid.IntRange(-1, 9).Draw(rt, "n"); n >= 0 {
				events[i]["n"], events[i]["m"] = splunk.Number(float64(n)), splunk.Text(rapid.SampledFrom([]string{"x", "y", "10", "9"}).Draw(rt, "m"))
			}
		}
		f := rapid.SampledFrom(functions).Draw(rt, "function")
		rows := func(search string) map[string]map[string]any {
			got, err := run(t.Context(), t, search, env(), events)
			if err != nil {
				rt.Fatalf("%s: %v", search, err)
			}
			out := map[string]map[string]any{}
			for _, row := range got {
				fields := row.(map[string]any)
				out[fmt.Sprint(fields["g"])] = fields
			}
			return out
		}
		limit := rapid.IntRange(1, 3).Draw(rt, "limit")
		bottom := rapid.SampledFrom([]string{"", "bottom"}).Draw(rt, "bottom")
		chart := fmt.Sprintf("* | chart limit=%s%d otherstr=others %s as v over g by h", bottom, limit, f)
		table := rows(chart)
		kept := map[string]bool{}
		for _, fields := range table {
			for name := range fields {
				if name != "g" && name != "others" {
					kept[name] = true
				}
			}
		}
		var conditions []string
		for name := range kept {
			conditions = append(conditions, "h!="+name)
		}
		alone := rows(fmt.Sprintf("%s | stats %s as v by g", strings.Join(append(conditions, "g=*"), " "), f))
		for g, fields := range table {
			if diff := cmp.Diff(alone[g]["v"], fields["others"], cmpopts.EquateApprox(0, 1e-6)); diff != "" && alone[g] != nil {
				rt.Errorf("%s: the others of %s, kept %v (-alone +chart):\n%s", chart, g, kept, diff)
			}
		}
	})
}
