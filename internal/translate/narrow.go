package translate

import (
	"slices"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/rule"
)

// Narrow is what an event has to meet besides a rule's query: its filters hold, and no exception
// that is in force at the given moment does. The zero moment is before every expiry.
func Narrow(r *rule.Rule, fields mapping.Fields, at time.Time) (condition.Expr, diag.List) {
	var all condition.And
	var diags diag.List
	for _, item := range r.Exceptions {
		if !item.InForce(at) {
			continue
		}
		l := exceptionLowerer{item: item, fields: fields}
		x := l.lower()
		diags = append(diags, l.diags...)
		all = append(all, condition.Not{X: x})
	}
	return condition.Simplify(all), diags
}

// NarrowingNames returns the fields that a rule's filters and exceptions ask for.
func NarrowingNames(r *rule.Rule) []string {
	var names []string
	for _, item := range r.Exceptions {
		if len(item.OSTypes) > 0 {
			names = append(names, systemFields...)
		}
		names = appendNames(names, item.Entries, "")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func appendNames(names []string, entries []rule.Entry, within string) []string {
	for _, e := range entries {
		names = append(names, within+e.Field)
		names = appendNames(names, e.Entries, within+e.Field+".")
	}
	return names
}
