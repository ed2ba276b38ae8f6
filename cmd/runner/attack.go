package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

// attackCmd shows which tactics and techniques of MITRE ATT&CK rules have.
type attackCmd struct {
	By            string `help:"What text has a row for: tactic or technique." enum:"tactic,technique" default:"tactic"`
	AttackVersion int    `help:"Version of MITRE ATT&CK: 18, or 19, of which a part is known." enum:"18,19" default:"19"`
}

// Run is the subcommand.
func (c *attackCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "navigator"); err != nil {
		return err
	}
	planned, complaint := a.global.planRules(ctx, a.global.Rules)
	if complaint != nil {
		return complaint
	}
	var rules []*rule.Rule
	for _, p := range planned.plans {
		rules = append(rules, p.Rule())
	}
	rules = append(rules, planned.silent...)
	m := attack.Count(rules, c.AttackVersion)
	var err error
	switch a.global.Format {
	case "json":
		err = writeObject(a.out, matrixJSON(m))
	case "navigator":
		err = writeObject(a.out, layerOf(m))
	default:
		err = c.tell(a, m)
	}
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(m.Unknown)) {
		a.global.log.Warn("a technique is not known, revoked or deprecated in this version", "technique", id, "version", m.Version, "rules", len(m.Unknown[id]), "rule_id", m.Unknown[id][0].ID)
	}
	if planned.failed {
		a.global.log.Warn("rules that cannot run are not counted", "rules", planned.report.Rules-planned.report.Valid)
	}
	return nil
}

func (c *attackCmd) tell(a *app, m attack.Matrix) error {
	t := newTable(a.out, "TACTIC", "ID", "RULES", "TECHNIQUES")
	if c.By == "technique" {
		t = newTable(a.out, "TACTIC", "TECHNIQUE", "ID", "RULES")
		for _, one := range m.Techniques {
			t.row(one.Tactic.Name, one.Technique.Name, one.Technique.ID, len(one.Rules))
		}
	} else {
		for _, one := range m.Tactics {
			t.row(one.Name, one.ID, one.Rules, fmt.Sprintf("%d of %d", one.Techniques, one.Known))
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.err, "%s in ATT&CK v%d: %d with techniques, %d with a tactic alone, %d without\n",
		count(m.Rules, "enabled rule"), m.Version, m.Rules-len(m.TacticOnly)-len(m.Without), len(m.TacticOnly), len(m.Without))
	return wrapWrite(err)
}

func ruleIDs(rules []*rule.Rule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.ID
	}
	return out
}

// matrixJSON is the JSON form of the counts.
func matrixJSON(m attack.Matrix) any {
	type tactic struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Rules      int    `json:"rules"`
		Techniques int    `json:"techniques"`
		Known      int    `json:"known_techniques"`
	}
	type technique struct {
		ID     string   `json:"id"`
		Name   string   `json:"name"`
		Tactic string   `json:"tactic_id"`
		Rules  int      `json:"rules"`
		IDs    []string `json:"rule_ids"`
	}
	out := struct {
		Version    int                 `json:"attack_version"`
		Rules      int                 `json:"rules"`
		Tactics    []tactic            `json:"tactics"`
		Techniques []technique         `json:"techniques"`
		TacticOnly []string            `json:"rules_with_tactic_only"`
		Without    []string            `json:"rules_without"`
		Unknown    map[string][]string `json:"unknown_techniques"`
	}{Version: m.Version, Rules: m.Rules, Techniques: []technique{}, TacticOnly: ruleIDs(m.TacticOnly), Without: ruleIDs(m.Without), Unknown: map[string][]string{}}
	for _, t := range m.Tactics {
		out.Tactics = append(out.Tactics, tactic{t.ID, t.Name, t.Rules, t.Techniques, t.Known})
	}
	for _, t := range m.Techniques {
		out.Techniques = append(out.Techniques, technique{t.Technique.ID, t.Technique.Name, t.Tactic.ID, len(t.Rules), ruleIDs(t.Rules)})
	}
	for id, rules := range m.Unknown {
		out.Unknown[id] = ruleIDs(rules)
	}
	return out
}

// layer is a layer of the ATT&CK Navigator, format 4.5.
type layer struct {
	Name        string            `json:"name"`
	Versions    map[string]string `json:"versions"`
	Domain      string            `json:"domain"`
	Description string            `json:"description"`
	Sorting     int               `json:"sorting"`
	Techniques  []layerTechnique  `json:"techniques"`
	Gradient    layerGradient     `json:"gradient"`
}

type layerTechnique struct {
	ID      string `json:"techniqueID"`
	Tactic  string `json:"tactic"`
	Score   int    `json:"score"`
	Comment string `json:"comment"`
	Enabled bool   `json:"enabled"`
	Subs    bool   `json:"showSubtechniques"`
}

type layerGradient struct {
	Colors   []string `json:"colors"`
	MinValue int      `json:"minValue"`
	MaxValue int      `json:"maxValue"`
}

// byScore orders the techniques of a layer by score, highest first.
const byScore = 3

// layerOf makes the layer of the counts: the score of a technique is the number of its rules.
func layerOf(m attack.Matrix) layer {
	l := layer{
		Name: "Tocsin", Versions: map[string]string{"attack": strconv.Itoa(m.Version), "navigator": "5.1.0", "layer": "4.5"}, Domain: "enterprise-attack",
		Description: count(m.Rules, "enabled rule"), Sorting: byScore, Techniques: []layerTechnique{}, Gradient: layerGradient{[]string{"#e6f0ff", "#1a5fb4"}, 0, 1},
	}
	parents := map[string]bool{}
	for _, t := range m.Techniques {
		if t.Technique.Parent != nil {
			parents[t.Tactic.ID+t.Technique.Parent.ID] = true
		}
	}
	for _, t := range m.Techniques {
		var names names
		for _, r := range t.Rules {
			names.add(r.Name)
		}
		l.Gradient.MaxValue = max(l.Gradient.MaxValue, len(t.Rules))
		l.Techniques = append(l.Techniques, layerTechnique{t.Technique.ID, t.Tactic.ShortName(), len(t.Rules), names.some(), true, parents[t.Tactic.ID+t.Technique.ID]})
	}
	return l
}
