package translate

import (
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// Exceptions returns the condition for events that match one of a rule's exceptions in force at a
// time. The condition is nil when a diagnostic is an error.
func Exceptions(r *rule.Rule, fields mapping.Fields, at time.Time) (condition.Expr, diag.List) {
	var out condition.Or
	var diags diag.List
	for _, item := range r.Exceptions {
		if !item.InForce(at) {
			continue
		}
		l := exceptionLowerer{item: item, fields: fields}
		out = append(out, l.lower())
		diags = append(diags, l.diags...)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return condition.Simplify(out), diags
}

// NarrowingNames returns the fields that a rule's filters and exceptions use.
func NarrowingNames(r *rule.Rule) []string {
	names := FilterNames(r.Filters)
	for _, item := range r.Exceptions {
		if len(item.OSTypes) > 0 {
			names = append(names, systemFields...)
		}
		names = appendNames(names, item.Entries, "")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// appendNames adds the fields of entries; within is the field of the enclosing nested entry.
func appendNames(names []string, entries []rule.Entry, within string) []string {
	for _, e := range entries {
		names = append(names, within+e.Field)
		names = appendNames(names, e.Entries, within+e.Field+".")
	}
	return names
}
