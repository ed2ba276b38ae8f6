package attack

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/rule"
)

// Latest is the latest version of which something is known, though not all.
const Latest = 19

// order is that of the tactics in the matrix.
var order = []string{
	"TA0043", "TA0042", "TA0001", "TA0002", "TA0003", "TA0004", evasion, impairment, "TA0006", "TA0007", "TA0008", "TA0009", "TA0011", "TA0010", "TA0040",
}

// TacticCount is how many rules and techniques a tactic has.
type TacticCount struct {
	Tactic

	// Rules have the tactic, Techniques are those under it that rules have, without sub-techniques, and Known is the number
	// of those that the table has.
	Rules, Techniques, Known int
}

// TechniqueCount is a technique under one tactic, with the rules that have it or one of its sub-techniques.
type TechniqueCount struct {
	Technique Technique
	Tactic    Tactic
	Rules     []*rule.Rule
}

// Matrix is which tactics and techniques rules have.
type Matrix struct {
	Version int
	Rules   int
	// Tactics are all tactics of the version, in the order of the matrix; Techniques those that rules have, by tactic and id.
	Tactics    []TacticCount
	Techniques []TechniqueCount
	// Without have neither tactic nor technique, TacticOnly no technique.
	Without, TacticOnly []*rule.Rule
	// Unknown are the rules of each technique that the table does not have or that is revoked or deprecated.
	Unknown map[string][]*rule.Rule
}

// Count counts rules in a version of ATT&CK: [Version] or [Latest]. In the latter, techniques that were revoked count as
// those by which they go on, and are under the tactic that has them now.
func Count(rules []*rule.Rule, version int) Matrix {
	c := counter{Matrix: Matrix{Version: version, Rules: len(rules), Unknown: map[string][]*rule.Rule{}}, tactics: map[string]map[*rule.Rule]bool{}, techniques: map[place]map[*rule.Rule]bool{}}
	for _, r := range rules {
		c.add(r)
	}
	position := map[*rule.Rule]int{}
	for i, r := range rules {
		position[r] = i
	}
	tops := map[string]int{}
	for p, of := range c.techniques {
		t, _ := Lookup(p.technique)
		if t.Parent == nil && !strings.Contains(p.technique, ".") {
			tops[p.tactic]++
		}
		list := slices.SortedFunc(maps.Keys(of), func(a, b *rule.Rule) int { return position[a] - position[b] })
		c.Techniques = append(c.Techniques, TechniqueCount{t, c.tactic(p.tactic), list})
	}
	slices.SortFunc(c.Techniques, func(a, b TechniqueCount) int {
		return cmp.Or(slices.Index(order, a.Tactic.ID)-slices.Index(order, b.Tactic.ID), strings.Compare(a.Technique.ID, b.Technique.ID))
	})
	known := c.known()
	for _, id := range order {
		if id == impairment && version < Latest {
			continue
		}
		c.Tactics = append(c.Tactics, TacticCount{c.tactic(id), len(c.tactics[id]), tops[id], known[id]})
	}
	return c.Matrix
}

// place is a technique under a tactic.
type place struct{ tactic, technique string }

type counter struct {
	Matrix

	tactics    map[string]map[*rule.Rule]bool
	techniques map[place]map[*rule.Rule]bool
}

// tactic returns a tactic as the version names it.
func (c *counter) tactic(id string) Tactic {
	if id == evasion && c.Version >= Latest {
		return Tactic{evasion, "Stealth"}
	}
	t, _ := LookupTactic(id)
	return t
}

// known counts the techniques of the table by tactic.
func (c *counter) known() map[string]int {
	out := map[string]int{}
	for id, t := range attack().techniques {
		if t.Status != "" || strings.Contains(id, ".") || c.current(id) != id || c.Version < Latest && !ofVersion(id) {
			continue
		}
		for _, tactic := range c.under(t, nil) {
			out[tactic]++
		}
	}
	return out
}

// ofVersion reports whether the complete table has a technique.
func ofVersion(id string) bool { return strings.Contains(attackTable, "\n"+id+"\t") }

// current returns the id of a technique in the version.
func (c *counter) current(id string) string {
	if c.Version >= Latest {
		return Successor(id)
	}
	return id
}

// under returns the tactics of a technique in the version, of those that a rule names; without any of those, all of its own.
func (c *counter) under(t Technique, named []string) []string {
	var out []string
	add := func(id string) {
		switch {
		case id == evasion && c.Version >= Latest && t.Serves(impairment):
			id = impairment
		case id == impairment && c.Version < Latest:
			id = evasion
		}
		if !slices.Contains(out, id) && slices.Contains(order, id) {
			out = append(out, id)
		}
	}
	for _, id := range named {
		add(id)
	}
	if len(out) > 0 {
		return out
	}
	for _, own := range t.Tactics {
		add(own.ID)
	}
	return out
}

// add counts a rule.
func (c *counter) add(r *rule.Rule) {
	tactics, techniques := false, false
	for _, threat := range r.Threat {
		if threat.Framework != "" && !strings.Contains(strings.ToUpper(threat.Framework), "ATT&CK") {
			continue
		}
		var named []string
		if t, ok := LookupTactic(cmp.Or(threat.Tactic.ID, threat.Tactic.Name)); ok {
			named, tactics = []string{t.ID}, true
		}
		var ids []string
		for _, t := range threat.Technique {
			ids = append(ids, t.ID)
			for _, sub := range t.Subtechnique {
				ids = append(ids, sub.ID)
			}
		}
		if len(ids) == 0 && named != nil {
			c.count(c.tactics, c.under(Technique{}, named)[0], r)
		}
		for _, id := range ids {
			techniques = true
			c.technique(r, strings.TrimSpace(id), named)
		}
	}
	switch {
	case !tactics && !techniques:
		c.Without = append(c.Without, r)
	case !techniques:
		c.TacticOnly = append(c.TacticOnly, r)
	}
}

// technique counts a technique of a rule, and the one above it.
func (c *counter) technique(r *rule.Rule, id string, named []string) {
	t, found := Lookup(c.current(id))
	if !found || t.Status != "" || c.Version < Latest && !ofVersion(t.ID) {
		if !slices.Contains(c.Unknown[id], r) {
			c.Unknown[id] = append(c.Unknown[id], r)
		}
		for _, tactic := range c.under(Technique{}, named) {
			c.count(c.tactics, tactic, r)
		}
		return
	}
	for _, tactic := range c.under(t, named) {
		c.count(c.tactics, tactic, r)
		for _, one := range []string{t.ID, strings.Split(t.ID, ".")[0]} {
			p := place{tactic, one}
			if c.techniques[p] == nil {
				c.techniques[p] = map[*rule.Rule]bool{}
			}
			c.techniques[p][r] = true
		}
	}
}

func (c *counter) count(into map[string]map[*rule.Rule]bool, id string, r *rule.Rule) {
	if into[id] == nil {
		into[id] = map[*rule.Rule]bool{}
	}
	into[id][r] = true
}
