package escu

import "tocsin/internal/rule/attack"

// Technique is a technique of MITRE ATT&CK Enterprise with the tactics that it serves.
type Technique = attack.Technique

// Tactic is what an adversary wants to reach.
type Tactic = attack.Tactic

// LookupTechnique returns a technique by its id; one that is not known has the id alone.
func LookupTechnique(id string) (Technique, bool) { return attack.Lookup(id) }
