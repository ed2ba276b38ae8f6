package lint

import (
	"fmt"
	"slices"

	"tocsin/internal/rule"
)

// exceptionWildcard finds a wildcard in an entry of an exception that compares whole values. An item is reported with the
// first of the rules that it is for.
func exceptionWildcard(all []*Subject) {
	seen := map[*rule.ExceptionItem]bool{}
	for _, s := range all {
		for _, item := range s.Rule.Exceptions {
			if !seen[item] {
				seen[item] = true
				s.entries(item, item.Entries, "entries", "")
			}
		}
	}
}

// entries looks at entries of an item; within is the nested object that they are in.
func (s *Subject) entries(item *rule.ExceptionItem, entries []rule.Entry, at, within string) {
	for i, e := range entries {
		key := fmt.Sprintf("%s[%d]", at, i)
		wild := e.Type == rule.EntryMatch && wildcarded(e.Value) || e.Type == rule.EntryMatchAny && slices.ContainsFunc(e.Values, wildcarded)
		if wild && !isText(within+e.Field) {
			s.found = append(s.found, item.Report(s.lint.Severity, s.lint.Code, key+".value",
				"an entry of type %s compares whole values: * stands for itself here. Write an entry of type wildcard for each such value", e.Type))
		}
		s.entries(item, e.Entries, key+".entries", within+e.Field+".")
	}
}
