package rule

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Set is a group of rules with different ids, in load order. The zero value is an empty set.
type Set struct {
	rules  []*Rule
	broken []*Rule
	byID   map[string]*Rule

	exceptions exceptions
	saved      savedObjects
}

// Add puts a rule into the set, given what its parser said, and returns that list with what the
// set has to add. A rule with errors, or with an id that the set has already, goes to
// [Set.Broken] instead.
func (s *Set) Add(r *Rule, list diag.List) diag.List {
	if first := s.byID[r.ID]; first != nil && !list.HasErrors() {
		place := first.Report(diag.Note, "", "rule.rule_id", "").Place()
		list = append(list, r.Report(diag.Error, area+"/duplicate-id", "rule.rule_id", "rule id %s is already used at %s", r.ID, place))
		list.Sort()
	}
	if list.HasErrors() {
		s.broken = append(s.broken, r)
		return list
	}
	if s.byID == nil {
		s.byID = make(map[string]*Rule)
	}
	s.byID[r.ID] = r
	s.rules = append(s.rules, r)
	return list
}

// resolve gives every rule what it refers to by name, when all files have been read.
func (s *Set) resolve() diag.List {
	var list diag.List
	for _, key := range slices.SortedFunc(maps.Keys(s.exceptions.lists), compareKeys) {
		for _, item := range s.exceptions.lists[key].Items {
			if item.faulty == "" {
				list = append(list, s.exceptions.fillLists(item, item.Entries, "entries")...)
			}
		}
	}
	s.rules = slices.DeleteFunc(s.rules, func(r *Rule) bool {
		found := s.exceptions.resolve(r)
		list = append(list, found...)
		s.saved.resolve(r)
		if found.HasErrors() {
			s.broken = append(s.broken, r)
			delete(s.byID, r.ID)
		}
		return found.HasErrors()
	})
	return list
}

func compareKeys(a, b listKey) int {
	return cmp.Or(strings.Compare(a.id, b.id), strings.Compare(string(a.namespace), string(b.namespace)))
}

// UseDataViews gives rules that name a data view its index patterns, before those of the rule itself
// and of files.
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
// not to be run. A file that is no TOML at all is a rule with nothing but a path.
func (s Set) Broken() []*Rule { return s.broken }

// Len returns the number of rules that can run.
func (s Set) Len() int { return len(s.rules) }

// ByID returns the rule with exactly this id, nil when there is none.
func (s Set) ByID(id string) *Rule { return s.byID[id] }

// Find returns the rule that a person means by ref: the one with this id; else the only one with
// this path, file name (with or without its extension) or name; else the only one whose id begins so.
func (s Set) Find(ref string) (*Rule, error) {
	if r := s.byID[ref]; r != nil {
		return r, nil
	}
	if ref == "" {
		return nil, errors.New("find rule: no id, name or path given")
	}
	for _, means := range []func(*Rule) bool{
		func(r *Rule) bool { return filepath.Clean(r.Path) == filepath.Clean(ref) },
		func(r *Rule) bool { return strings.EqualFold(r.Name, ref) },
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

// match returns the rules that a test holds for.
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
