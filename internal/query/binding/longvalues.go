package binding

import (
	"fmt"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// CodeLongValue marks a field of a rule whose longest values are not indexed, because of a default limit that no mapping
// sets explicitly.
const CodeLongValue = "rule/long-value"

// LongValues warns about each of the named fields that has values too long to be indexed. key is the place in the rule.
func LongValues(r *rule.Rule, key string, fields mapping.Fields, names ...string) diag.List {
	var diags diag.List
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if text := longValue(fields, name); text != "" {
			diags = append(diags, r.Report(diag.Warning, CodeLongValue, key, "%s", text))
		}
	}
	return diags
}

// shortened returns the fields of a condition but for those of which it asks for left-out values besides.
func shortened(whole condition.Expr) []string {
	asked := map[string]bool{}
	condition.Walk(whole, func(leaf condition.Expr) {
		if l, ok := leaf.(condition.LeftOut); ok {
			asked[l.Field] = true
		}
	})
	return slices.DeleteFunc(condition.Fields(whole), func(name string) bool { return asked[name] })
}

// behindTexts returns the keyword fields of analysed texts that leave out long values. It returns none if the whole
// condition can be matched in memory, where the text itself is read.
func behindTexts(whole condition.Expr, fields mapping.Fields, names []string) []string {
	var exact []string
	for _, name := range names {
		if f, ok := fields.Field(name); ok && f.Type.Family() == mapping.FamilyText && f.Exact != "" && longValue(fields, f.Exact) != "" {
			exact = append(exact, f.Exact)
		}
	}
	if exact == nil || condition.Check(whole, fields) == nil {
		return nil
	}
	return exact
}

// longValue returns a message about the values that are not indexed; "" if all values are.
func longValue(fields mapping.Fields, name string) string {
	f, ok := fields.Field(name)
	if !ok || f.Longest <= f.IgnoreAbove {
		return ""
	}
	return fmt.Sprintf("Values of [%s] that are longer than %d characters are left out; the longest here has %d. Without a mapping a text has ignore_above %d, "+
		"as Elasticsearch maps it by itself: say with --mapping how the field is mapped", f.Source(), f.IgnoreAbove, f.Longest, f.IgnoreAbove)
}
