package rule

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// Set is a group of rules with different ids, in load order. The zero value is an empty set.
type Set struct {
	rules  []*Rule
	broken []*Rule
	byID   map[string]*Rule
	// rivals holds, by id, the later rules with an id that an earlier rule has.
	rivals map[string][]*Rule

	exceptions exceptions
	saved      savedObjects
}

// Add adds a rule with its parser's diagnostics, and returns them with the set's own. A rule with
// errors, or with an invalid id, goes to [Set.Broken] instead. If several rules have an id,
// [Set.Settle] decides.
func (s *Set) Add(r *Rule, list diag.List) diag.List {
	if why := invalidID(r.ID); why != "" {
		list = append(list, r.Report(diag.Error, area+"/bad-value", "rule.rule_id", "%s", why))
		list.Sort()
	}
	switch {
	case list.HasErrors():
		s.broken = append(s.broken, r)
		return list
	case s.byID[r.ID] != nil:
		if s.rivals == nil {
			s.rivals = map[string][]*Rule{}
		}
		s.rivals[r.ID] = append(s.rivals[r.ID], r)
		return list
	case s.byID == nil:
		s.byID = make(map[string]*Rule)
	}
	s.byID[r.ID] = r
	s.rules = append(s.rules, r)
	return list
}

// maxRuleID is the maximum length of a rule's id in bytes: the limit of an id in Elasticsearch, and
// far below the key limit of a local store.
const maxRuleID = 512

// invalidID returns why no store could use an id, "" when it is valid. Ids are parts of keys, which
// end with a zero byte.
func invalidID(id string) string {
	switch {
	case len(id) > maxRuleID:
		return fmt.Sprintf("rule_id has %d bytes: at most %d can be kept", len(id), maxRuleID)
	case strings.ContainsFunc(id, unicode.IsControl):
		return "rule_id has control characters"
	case !utf8.ValidString(id):
		return "rule_id is not valid UTF-8"
	}
	return ""
}

// Settle decides which of several rules with the same id keeps it: the first one without errors in
// faults, or else the first. The others go to [Set.Broken]. A nil faults means no errors. It
// returns the diagnostics of the rules that lost their id for their errors, and tells the others
// which rule has it.
func (s *Set) Settle(faults func(*Rule) diag.List) diag.List {
	var list diag.List
	for _, id := range slices.Sorted(maps.Keys(s.rivals)) {
		all := append([]*Rule{s.byID[id]}, s.rivals[id]...)
		found := make([]diag.List, len(all))
		for i, r := range all {
			if faults != nil {
				found[i] = faults(r)
			}
		}
		owner := max(0, slices.IndexFunc(found, func(l diag.List) bool { return !l.HasErrors() }))
		s.rules[slices.Index(s.rules, all[0])] = all[owner]
		s.byID[id] = all[owner]
		place := all[owner].Report(diag.Note, "", "rule.rule_id", "").Place()
		for i, r := range all {
			if i == owner {
				continue
			}
			if !found[i].HasErrors() || !found[owner].HasErrors() && i > owner {
				found[i] = append(found[i], r.Report(diag.Error, area+"/duplicate-id", "rule.rule_id", "rule id %s is already used at %s", r.ID, place))
			}
			list = append(list, found[i]...)
			s.broken = append(s.broken, r)
		}
	}
	s.rivals = nil
	return list
}

// resolve resolves every rule's references after all files have been read.
func (s *Set) resolve() diag.List {
	var list diag.List
	for _, key := range slices.SortedFunc(maps.Keys(s.exceptions.lists), compareKeys) {
		for _, item := range s.exceptions.lists[key].Items {
			if item.faulty == "" {
				list = append(list, s.exceptions.fillLists(item, item.Entries, "entries")...)
			}
		}
	}
	unusable := func(r *Rule) bool {
		found := s.exceptions.resolve(r)
		list = append(list, found...)
		s.saved.resolve(r)
		if found.HasErrors() {
			s.broken = append(s.broken, r)
		}
		return found.HasErrors()
	}
	for id, rivals := range s.rivals {
		s.rivals[id] = slices.DeleteFunc(rivals, unusable)
	}
	defer maps.DeleteFunc(s.rivals, func(_ string, rivals []*Rule) bool { return len(rivals) == 0 })
	kept := s.rules[:0]
	for _, r := range s.rules {
		if unusable(r) {
			delete(s.byID, r.ID)
			if rivals := s.rivals[r.ID]; len(rivals) > 0 { // it takes no id from a usable rule
				r, s.rivals[r.ID] = rivals[0], rivals[1:]
				s.byID[r.ID] = r
				kept = append(kept, r)
			}
			continue
		}
		kept = append(kept, r)
	}
	s.rules = kept
	return list
}

func compareKeys(a, b listKey) int {
	return cmp.Or(strings.Compare(a.id, b.id), strings.Compare(string(a.namespace), string(b.namespace)))
}

// UseDataViews gives rules that name a data view its index patterns. They take precedence over the
// patterns of the rule itself and of data views in files.
func (s *Set) UseDataViews(views map[string][]string) {
	for _, r := range s.rules {
		if patterns := views[r.DataViewID]; len(patterns) > 0 {
			r.Index = patterns
		}
	}
}

// Rules returns the rules that can run, in load order.
func (s Set) Rules() []*Rule { return s.rules }

// Broken returns the rules with errors, in load order, as far as they could be read: for reports,
// not to be run. A file that is not TOML at all is a rule with only a path.
func (s Set) Broken() []*Rule { return s.broken }

// Len returns the number of rules that can run.
func (s Set) Len() int { return len(s.rules) }

// ByID returns the rule with exactly this id, nil when there is none.
func (s Set) ByID(id string) *Rule { return s.byID[id] }

// Find returns the rule that ref identifies: the one with this id; else the only one with this
// path, file name (with or without its extension) or name; else the only one whose id begins with
// ref.
func (s Set) Find(ref string) (*Rule, error) {
	if r := s.byID[ref]; r != nil {
		return r, nil
	}
	if ref == "" {
		return nil, errors.New("find rule: no id, name or path given")
	}
	for _, means := range []func(*Rule) bool{
		func(r *Rule) bool { return filepath.Clean(r.Path) == filepath.Clean(ref) },
		func(r *Rule) bool { return strings.EqualFold(r.Name, ref) || strings.EqualFold(r.Alias, ref) },
		func(r *Rule) bool {
			base := filepath.Base(r.Path)
			return base == ref || strings.TrimSuffix(base, filepath.Ext(base)) == ref
		},
		func(r *Rule) bool { return strings.HasPrefix(r.ID, ref) },
	} {
		switch found := s.match(means); {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, ambiguous(ref, found)
		}
	}
	return nil, s.unknown(ref)
}

// match returns the rules for which means returns true.
func (s Set) match(means func(*Rule) bool) []*Rule {
	var found []*Rule
	for _, r := range s.rules {
		if means(r) {
			found = append(found, r)
		}
	}
	return found
}

// maxNamed is how many candidates an error names.
const maxNamed = 5

func ambiguous(ref string, found []*Rule) error {
	var names []string
	for _, r := range found[:min(len(found), maxNamed)] {
		names = append(names, r.ID+" ("+r.Name+")")
	}
	if more := len(found) - maxNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Errorf("find rule %q: it may be %s", ref, strings.Join(names, ", "))
}

func (s Set) unknown(ref string) error {
	known := make([]string, 0, len(s.rules))
	for _, r := range s.rules {
		known = append(known, r.Name, r.ID)
	}
	if near := diag.Nearest(ref, known); near != "" {
		return fmt.Errorf("find rule %q: no such rule, did you mean %q?", ref, near)
	}
	for _, r := range s.broken {
		if r.ID == ref || r.Path == ref || r.Name == ref {
			return fmt.Errorf("find rule %q: %s has errors", ref, r.Path)
		}
	}
	return fmt.Errorf("find rule %q: no such id, name or path among %d rules", ref, len(s.rules))
}
