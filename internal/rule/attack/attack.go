// Package attack knows techniques and tactics of MITRE ATT&CK Enterprise by their ids and names, and makes the threat of a
// rule of them. It is where rules of every format look them up.
//
// The table is that of version 18, and what is known of version 19: a part only. What is not in it may well be.
package attack

import (
	_ "embed" // for the table
	"slices"
	"strings"
	"sync"
)

// Technique is a technique of MITRE ATT&CK Enterprise with the tactics that it serves.
type Technique struct {
	ID, Name string
	Tactics  []Tactic
	// Parent is the technique of a sub-technique; nil for others.
	Parent *Technique
	// Status is revoked or deprecated; "" for a technique in force.
	Status string
}

// Version is the version of MITRE ATT&CK Enterprise that is known completely.
const Version = 18

// Tactic is what an adversary wants to reach.
type Tactic struct{ ID, Name string }

// ShortName is the name as Splunk's risk events have it: privilege-escalation.
func (t Tactic) ShortName() string {
	return strings.ReplaceAll(strings.ToLower(t.Name), " ", "-")
}

// attackTable is of MITRE ATT&CK; © The MITRE Corporation, reproduced and distributed with the
// permission of The MITRE Corporation.
//
//go:embed attack.tsv
var attackTable string

// later is what a later version of the table changed.
//
//go:embed v19.tsv
var later string

// table is what the files say.
type table struct {
	techniques map[string]Technique
	// tactics are by their short names and ids in lower case, successors the ids of techniques by those that were revoked.
	tactics    map[string]Tactic
	successors map[string]string
	// impairs are techniques that version 19 has under Defense Impairment where they were under Defense Evasion before.
	impairs map[string]bool
	// byName has the ids of techniques in force by their names; "" for a name of several.
	byName map[string]string
}

// stealth is what version 19 calls the tactic that was Defense Evasion, and impairment what it split from it.
const (
	stealth    = "stealth"
	evasion    = "TA0005"
	impairment = "TA0112"
)

var attack = sync.OnceValue(func() table {
	t := table{techniques: map[string]Technique{}, tactics: map[string]Tactic{}, successors: map[string]string{}, impairs: map[string]bool{}, byName: map[string]string{}}
	byID := map[string]Tactic{}
	for line := range strings.Lines(attackTable + later) {
		cells := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#") || len(cells) < 3:
		case cells[0] == "tactic":
			tactic := Tactic{cells[1], cells[2]}
			byID[tactic.ID], t.tactics[tactic.ShortName()], t.tactics[strings.ToLower(tactic.ID)] = tactic, tactic, tactic
		case cells[0] == "revoked":
			t.successors[cells[1]] = cells[2]
		case cells[0] == "impairs":
			t.impairs[cells[1]] = true
		default:
			technique := Technique{ID: cells[0], Name: cells[1]}
			if len(cells) > 3 {
				technique.Status = cells[3]
			}
			for id := range strings.SplitSeq(cells[2], ",") {
				if tactic, ok := byID[strings.TrimSpace(id)]; ok {
					technique.Tactics = append(technique.Tactics, tactic)
				}
			}
			t.techniques[technique.ID] = technique
			if technique.Status == "" {
				if _, again := t.byName[technique.Name]; again {
					technique.ID = ""
				}
				t.byName[technique.Name] = technique.ID
			}
		}
	}
	t.tactics[stealth] = Tactic{evasion, "Stealth"}
	return t
})

// LookupTactic returns a tactic by its short name, such as privilege-escalation, in any case and with underscores too, or
// by its id.
func LookupTactic(name string) (Tactic, bool) {
	t, ok := attack().tactics[strings.ReplaceAll(strings.ToLower(name), "_", "-")]
	return t, ok
}

// Successor returns the id by which a revoked technique goes on now, or the id itself.
func Successor(id string) string {
	for seen := map[string]bool{}; !seen[id]; {
		seen[id] = true
		if next, ok := attack().successors[id]; ok {
			id = next
		}
	}
	return id
}

// Lookup returns a technique by its id; one that is not known has the id alone.
func Lookup(id string) (Technique, bool) {
	id = strings.TrimSpace(id)
	t, ok := attack().techniques[id]
	if !ok {
		return Technique{ID: id}, false
	}
	if parent, _, isSub := strings.Cut(id, "."); isSub {
		if p, found := attack().techniques[parent]; found {
			t.Parent = &p
		}
	}
	return t, true
}

// Serves reports whether a technique serves a tactic, in version 18 or, as far as it is known, 19. A sub-technique serves
// those of its parent, too.
func (t Technique) Serves(tactic string) bool {
	top, _, _ := strings.Cut(t.ID, ".")
	if tactic == impairment && attack().impairs[top] {
		return true
	}
	has := func(of Technique) bool {
		return slices.ContainsFunc(of.Tactics, func(o Tactic) bool { return o.ID == tactic })
	}
	return has(t) || t.Parent != nil && has(*t.Parent)
}

// Named returns the id of the technique in force with a name; "" if none or several have it.
func Named(name string) string { return attack().byName[name] }
