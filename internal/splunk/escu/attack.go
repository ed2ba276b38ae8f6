package escu

import (
	_ "embed" // for the table
	"strings"
	"sync"
)

// Technique is a technique of MITRE ATT&CK Enterprise with the tactics that it serves.
type Technique struct {
	ID, Name string
	Tactics  []Tactic
	// Parent is the technique of a sub-technique; nil for others.
	Parent *Technique
}

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

var attack = sync.OnceValue(func() map[string]Technique {
	tactics := map[string]Tactic{}
	techniques := map[string]Technique{}
	for line := range strings.Lines(attackTable) {
		cells := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#") || len(cells) < 3:
		case cells[0] == "tactic":
			tactics[cells[1]] = Tactic{cells[1], cells[2]}
		default:
			t := Technique{ID: cells[0], Name: cells[1]}
			for id := range strings.SplitSeq(cells[2], ",") {
				if tactic, ok := tactics[strings.TrimSpace(id)]; ok {
					t.Tactics = append(t.Tactics, tactic)
				}
			}
			techniques[t.ID] = t
		}
	}
	return techniques
})

// LookupTechnique returns a technique by its id; one that is not known has the id alone.
func LookupTechnique(id string) (Technique, bool) {
	id = strings.TrimSpace(id)
	t, ok := attack()[id]
	if !ok {
		return Technique{ID: id}, false
	}
	if parent, _, isSub := strings.Cut(id, "."); isSub {
		if p, found := attack()[parent]; found {
			t.Parent = &p
		}
	}
	return t, true
}
