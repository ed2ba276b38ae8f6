package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

const framework = "MITRE ATT&CK"

var (
	techniqueID = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	tacticID    = regexp.MustCompile(`^TA\d{4}$`)
)

// mapped is one id of a rule's mapping to ATT&CK.
type mapped struct {
	key, id, name string
	// tactic is the tactic that a technique stands under; "" for the tactic itself.
	tactic rule.Tactic
	// parent is the technique of a sub-technique.
	parent string
}

// eachMapped visits the ids of a mapping, which a file gives as it is. Rules of other formats have theirs from tags.
func (s *Subject) eachMapped(visit func(m mapped)) {
	if s.Rule.Language == rule.SPL || s.Rule.Language == rule.Sigma {
		return
	}
	for i, t := range s.Rule.Threat {
		if t.Framework != framework {
			continue
		}
		at := fmt.Sprintf("rule.threat[%d].", i)
		visit(mapped{key: at + "tactic.id", id: t.Tactic.ID, name: t.Tactic.Name})
		for j, technique := range t.Technique {
			way := fmt.Sprintf("%stechnique[%d].", at, j)
			visit(mapped{key: way + "id", id: technique.ID, name: technique.Name, tactic: t.Tactic})
			for k, sub := range technique.Subtechnique {
				visit(mapped{key: fmt.Sprintf("%ssubtechnique[%d].id", way, k), id: sub.ID, name: sub.Name, tactic: t.Tactic, parent: technique.ID})
			}
		}
	}
}

func (m mapped) isTactic() bool { return m.tactic == rule.Tactic{} && m.parent == "" }

// attackID finds an id that is none, and a sub-technique of another technique.
func attackID(s *Subject) {
	s.eachMapped(func(m mapped) {
		switch {
		case m.id == "": // reported by the parser
		case m.isTactic():
			if !tacticID.MatchString(m.id) {
				s.AtKey(m.key, "%q is no id of a tactic: write one such as TA0002", m.id)
			}
		case !techniqueID.MatchString(m.id):
			s.AtKey(m.key, "%q is no id of a technique: write one such as T1059 or T1059.004", m.id)
		case m.parent != "" && !strings.HasPrefix(m.id, m.parent+"."):
			s.AtKey(m.key, "%s is no sub-technique of %s: put it below its own technique", m.id, m.parent)
		}
	})
}

// attackRevoked finds a technique that is not in force any more.
func attackRevoked(s *Subject) {
	s.eachMapped(func(m mapped) {
		t, ok := attack.Lookup(m.id)
		if m.isTactic() || !ok || t.Status == "" {
			return
		}
		advice := "see its page for what replaces it"
		if next := attack.Successor(m.id); next != m.id {
			advice = "write " + next
		} else if same := attack.Named(t.Name); same != "" && same != m.id {
			advice = "write " + same + ", which has its name now"
		}
		s.AtKey(m.key, "%s (%s) is %s in ATT&CK version %d: %s", m.id, t.Name, t.Status, attack.Version, advice)
	})
}

// attackTactic finds a technique under a tactic that it does not serve.
func attackTactic(s *Subject) {
	s.eachMapped(func(m mapped) {
		t, ok := attack.Lookup(m.id)
		_, known := attack.LookupTactic(m.tactic.ID)
		if m.isTactic() || !ok || !known || t.Status != "" || len(t.Tactics) == 0 || t.Serves(m.tactic.ID) {
			return
		}
		var names []string
		for _, tactic := range t.Tactics {
			names = append(names, tactic.ID+" "+tactic.Name)
		}
		slices.Sort(names)
		s.AtKey(m.key, "%s (%s) does not serve %s %s: put it under %s", m.id, t.Name, m.tactic.ID, m.tactic.Name, strings.Join(names, " or "))
	})
}

// attackUnknown finds ids that the table does not have, of a later version or wrong.
func attackUnknown(s *Subject) {
	s.eachMapped(func(m mapped) {
		_, known := attack.Lookup(m.id)
		valid := techniqueID.MatchString(m.id)
		if m.isTactic() {
			_, known = attack.LookupTactic(m.id)
			valid = tacticID.MatchString(m.id)
		}
		if !known && valid {
			s.AtKey(m.key, "%s is not in ATT&CK version %d: it is of a later version, or wrong", m.id, attack.Version)
		}
	})
}
