package sigma

import (
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

const (
	framework = "MITRE ATT&CK"
	attackURL = "https://attack.mitre.org/"
)

var technique = regexp.MustCompile(`^t[0-9]{4}(\.[0-9]{3})?$`)

// threat pairs the techniques and the tactics that tags name: a technique stands under those of its
// tactics that are named, else under its own first; a tactic of no technique stands alone.
func (r *Rule) threat() ([]rule.Threat, diag.List) {
	var tactics []attack.Tactic
	var techniques []attack.Technique
	var diags diag.List
	for _, tag := range r.Tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "attack.")
		if !ok {
			continue
		}
		if technique.MatchString(name) {
			id := attack.Successor(strings.ToUpper(name))
			t, known := attack.Lookup(id)
			if !known {
				diags = append(diags, r.report(diag.Note, CodeUnknownName, "tags", "%s is no technique that is known here", id))
			}
			techniques = append(techniques, t)
		} else if t, known := attack.LookupTactic(strings.ReplaceAll(name, "_", "-")); known {
			tactics = append(tactics, t)
		}
	}
	var out []rule.Threat
	under := func(t attack.Tactic) *rule.Threat {
		at := slices.IndexFunc(out, func(x rule.Threat) bool { return x.Tactic.ID == t.ID && x.Tactic.Name == t.Name })
		if at < 0 {
			at = len(out)
			out = append(out, rule.Threat{Framework: framework, Tactic: rule.Tactic{ID: t.ID, Name: t.Name}})
			if t.ID != "" {
				out[at].Tactic.Reference = attackURL + "tactics/" + t.ID + "/"
			}
		}
		return &out[at]
	}
	for _, t := range tactics {
		under(t)
	}
	for _, t := range techniques {
		for _, tactic := range served(t, tactics) {
			place := under(tactic)
			place.Technique = with(place.Technique, t)
		}
	}
	return out, diags
}

// served are the tactics that a technique stands under.
func served(t attack.Technique, named []attack.Tactic) []attack.Tactic {
	own := t.Tactics
	if len(own) == 0 && t.Parent != nil {
		own = t.Parent.Tactics
	}
	var out []attack.Tactic
	for _, n := range named {
		if slices.ContainsFunc(own, func(o attack.Tactic) bool { return o.ID == n.ID }) {
			out = append(out, n)
		}
	}
	switch {
	case len(out) > 0:
		return out
	case len(own) > 0:
		return own[:1]
	case len(named) > 0:
		return named[:1]
	}
	return []attack.Tactic{{}}
}

func with(list []rule.Technique, t attack.Technique) []rule.Technique {
	top := t
	parent, _, isSub := strings.Cut(t.ID, ".")
	if isSub {
		top = attack.Technique{ID: parent}
		if t.Parent != nil {
			top = *t.Parent
		}
	}
	at := slices.IndexFunc(list, func(x rule.Technique) bool { return x.ID == top.ID })
	if at < 0 {
		at = len(list)
		list = append(list, rule.Technique{ID: top.ID, Name: top.Name, Reference: techniqueURL(top.ID)})
	}
	if isSub && !slices.ContainsFunc(list[at].Subtechnique, func(x rule.Subtechnique) bool { return x.ID == t.ID }) {
		list[at].Subtechnique = append(list[at].Subtechnique, rule.Subtechnique{ID: t.ID, Name: t.Name, Reference: techniqueURL(t.ID)})
	}
	return list
}

func techniqueURL(id string) string {
	return attackURL + "techniques/" + strings.ReplaceAll(id, ".", "/") + "/"
}
