package sigma

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Unmapped is what there is to say of a rule whose log source the field map does not name: it is searched for in these
// index patterns, with its names as they are. One that holds of an event with none of its fields would hold of nearly all
// events there: that is an error, unless run.
func (r *Rule) Unmapped(index []string, run bool) diag.List {
	if r.Detection == nil {
		return nil
	}
	if r.trueOfNothing() && !run {
		return diag.List{r.report(diag.Error, CodeUnmapped, "logsource",
			"no log source of the field map is %s, and an event without any of its fields meets the rule: name it in a map (--field-map), or run it over all events (--sigma-unmapped run)", r.LogSource)}
	}
	return diag.List{r.report(diag.Warning, CodeUnmapped, "logsource",
		"no log source of the field map is %s: its events are looked for in %s, with its names as they are", r.LogSource, strings.Join(index, ", "))}
}

// trueOfNothing reports whether an event with none of the fields that the rule and its filters name meets them.
func (r *Rule) trueOfNothing() bool {
	return r.Detection.TrueOfNothing() && !slices.ContainsFunc(r.Filters, func(f *Filter) bool { return !f.Detection.TrueOfNothing() })
}
