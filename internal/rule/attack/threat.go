package attack

import (
	"slices"
	"strings"

	"tocsin/internal/rule"
)

const (
	framework = "MITRE ATT&CK"
	site      = "https://attack.mitre.org/"
)

// Threat orders techniques by the tactics that they serve, sub-techniques below their parents. One whose tactics are not
// known stands under none.
func Threat(techniques []Technique) []rule.Threat {
	var out threats
	for _, t := range techniques {
		tactics := t.Tactics
		if len(tactics) == 0 {
			tactics = []Tactic{{}}
		}
		for _, tactic := range tactics {
			out.add(tactic, t)
		}
	}
	return out
}

// Paired orders techniques and tactics that are named without saying which belong together: a technique stands under those
// of its tactics that are named, else under its own first. A tactic that no technique serves stands alone.
func Paired(techniques []Technique, named []Tactic) []rule.Threat {
	var out threats
	for _, t := range named {
		out.under(t)
	}
	for _, t := range techniques {
		for _, tactic := range t.among(named) {
			out.add(tactic, t)
		}
	}
	return out
}

// among returns the tactics that a technique stands under where some are named.
func (t Technique) among(named []Tactic) []Tactic {
	own := t.Tactics
	if len(own) == 0 && t.Parent != nil {
		own = t.Parent.Tactics
	}
	top, _, _ := strings.Cut(t.ID, ".")
	impairs := attack().impairs[top]
	has := func(id string) bool { return slices.ContainsFunc(own, func(o Tactic) bool { return o.ID == id }) }
	pick := func(serves func(Tactic) bool) []Tactic {
		return slices.DeleteFunc(slices.Clone(named), func(n Tactic) bool { return !serves(n) })
	}
	served := pick(func(n Tactic) bool {
		switch {
		case n.ID == impairment:
			return has(impairment) || impairs
		case n.ID == evasion && n.ShortName() == stealth:
			return has(evasion) && !impairs
		}
		return has(n.ID)
	})
	if len(served) == 0 {
		// Each of the two parts of the tactic that was split, as the other is what the table knows.
		served = pick(func(n Tactic) bool {
			return (n.ID == impairment || n.ID == evasion) && (has(evasion) || has(impairment))
		})
	}
	switch {
	case len(served) > 0:
		return served
	case len(own) > 0:
		return own[:1]
	case len(named) > 0:
		return named[:1]
	}
	return []Tactic{{}}
}

type threats []rule.Threat

// under returns the entry of a tactic.
func (l *threats) under(t Tactic) *rule.Threat {
	at := slices.IndexFunc(*l, func(x rule.Threat) bool { return x.Tactic.ID == t.ID && x.Tactic.Name == t.Name })
	if at < 0 {
		at = len(*l)
		entry := rule.Threat{Framework: framework, Tactic: rule.Tactic{ID: t.ID, Name: t.Name}}
		if t.ID != "" {
			entry.Tactic.Reference = site + "tactics/" + t.ID + "/"
		}
		*l = append(*l, entry)
	}
	return &(*l)[at]
}

// add puts a technique under a tactic, a sub-technique below its parent.
func (l *threats) add(tactic Tactic, t Technique) {
	list := &l.under(tactic).Technique
	top := t
	parent, _, isSub := strings.Cut(t.ID, ".")
	if isSub {
		top = Technique{ID: parent}
		if t.Parent != nil {
			top = *t.Parent
		}
	}
	at := slices.IndexFunc(*list, func(x rule.Technique) bool { return x.ID == top.ID })
	if at < 0 {
		at = len(*list)
		*list = append(*list, rule.Technique{ID: top.ID, Name: top.Name, Reference: reference(top.ID)})
	}
	subs := &(*list)[at].Subtechnique
	if isSub && !slices.ContainsFunc(*subs, func(x rule.Subtechnique) bool { return x.ID == t.ID }) {
		*subs = append(*subs, rule.Subtechnique{ID: t.ID, Name: t.Name, Reference: reference(t.ID)})
	}
}

func reference(id string) string {
	return site + "techniques/" + strings.ReplaceAll(id, ".", "/") + "/"
}
