package sigma

import (
	"regexp"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

// technique is the id of a technique, other that of a group, software, a data source, a mitigation, an asset or a campaign.
var (
	technique = regexp.MustCompile(`^t[0-9]{4}(\.[0-9]{3})?$`)
	other     = regexp.MustCompile(`^(g|s|ds|m|a|c)[0-9]{4}(\.[0-9]{3})?$`)
)

// threat pairs the techniques and the tactics that tags name. A revoked technique is its successor.
func (r *Head) threat() ([]rule.Threat, diag.List) {
	var tactics []attack.Tactic
	var techniques []attack.Technique
	var diags diag.List
	for _, tag := range r.Tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "attack.")
		if !ok {
			continue
		}
		if technique.MatchString(name) {
			named := strings.ToUpper(name)
			id := attack.Successor(named)
			t, known := attack.Lookup(id)
			switch {
			case !known:
				diags = append(diags, r.Report(diag.Note, CodeUnknownName, "tags", "%s is no technique that is known here", id))
			case id != named:
				diags = append(diags, r.Report(diag.Note, CodeUnknownName, "tags", "%s was revoked: it is %s (%s) now", named, id, t.Name))
			}
			techniques = append(techniques, t)
		} else if t, known := attack.LookupTactic(name); known {
			tactics = append(tactics, t)
			if strings.Contains(name, "_") {
				diags = append(diags, r.Report(diag.Note, CodeLint, "tags", "%s is written with hyphens since Sigma 2.0", tag))
			}
		} else if !other.MatchString(name) {
			diags = append(diags, r.Report(diag.Note, CodeUnknownName, "tags", "%s is no tactic that is known here", name))
		}
	}
	return attack.Paired(techniques, tactics), diags
}
