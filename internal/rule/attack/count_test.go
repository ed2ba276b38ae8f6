package attack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

// with is a rule with techniques under tactics: "TA0002: T1059.004 T1106".
func with(id string, threats ...string) *rule.Rule {
	r := &rule.Rule{ID: id}
	for _, text := range threats {
		tactic, techniques, _ := strings.Cut(text, ":")
		threat := rule.Threat{Framework: "MITRE ATT&CK", Tactic: rule.Tactic{ID: tactic}}
		for t := range strings.FieldsSeq(techniques) {
			top, _, sub := strings.Cut(t, ".")
			one := rule.Technique{ID: top}
			if sub {
				one.Subtechnique = []rule.Subtechnique{{ID: t}}
			}
			threat.Technique = append(threat.Technique, one)
		}
		r.Threat = append(r.Threat, threat)
	}
	return r
}

func lines(m attack.Matrix) []string {
	var out []string
	for _, t := range m.Tactics {
		if t.Rules > 0 {
			out = append(out, fmt.Sprintf("%s %s: %d rules, %d techniques", t.ID, t.Name, t.Rules, t.Techniques))
		}
	}
	for _, t := range m.Techniques {
		ids := make([]string, len(t.Rules))
		for i, r := range t.Rules {
			ids[i] = r.ID
		}
		out = append(out, fmt.Sprintf("%s %s: %s", t.Tactic.ID, t.Technique.ID, strings.Join(ids, ",")))
	}
	for _, id := range []string{"T0000", "T1562", "T1685"} {
		if n := len(m.Unknown[id]); n > 0 {
			out = append(out, fmt.Sprintf("unknown %s: %d", id, n))
		}
	}
	return append(out, fmt.Sprintf("%d without, %d with a tactic alone", len(m.Without), len(m.TacticOnly)))
}

func TestCount(t *testing.T) {
	rules := []*rule.Rule{
		with("a", "TA0002: T1059.004 T1059.004", "TA0005: T1562"), with("b", "TA0002: T1059", "TA0002: T1059"), with("c"), with("d", "TA0040:"),
		with("e", "TA0112: T1685"), with("f", "TA0002: T0000"),
		{ID: "g", Threat: []rule.Threat{{Framework: "MITRE ATLAS", Tactic: rule.Tactic{ID: "AML.TA0001"}}}},
		with("h", ": T1106"),
	}
	for _, tt := range []struct {
		version int
		want    []string
	}{
		{attack.Version, []string{
			"TA0002 Execution: 4 rules, 2 techniques", "TA0005 Defense Evasion: 2 rules, 1 techniques", "TA0040 Impact: 1 rules, 0 techniques",
			"TA0002 T1059: a,b", "TA0002 T1059.004: a", "TA0002 T1106: h", "TA0005 T1562: a", "unknown T0000: 1", "unknown T1685: 1", "2 without, 1 with a tactic alone",
		}},
		{attack.Latest, []string{
			"TA0002 Execution: 4 rules, 2 techniques", "TA0112 Defense Impairment: 2 rules, 1 techniques", "TA0040 Impact: 1 rules, 0 techniques",
			"TA0002 T1059: a,b", "TA0002 T1059.004: a", "TA0002 T1106: h", "TA0112 T1685: a,e", "unknown T0000: 1", "2 without, 1 with a tactic alone",
		}},
	} {
		if d := cmp.Diff(tt.want, lines(attack.Count(rules, tt.version))); d != "" {
			t.Errorf("version %d (-want +got):\n%s", tt.version, d)
		}
	}
	for _, c := range attack.Count(nil, attack.Version).Tactics {
		if c.Known == 0 {
			t.Errorf("the table has no technique of %s", c.Name)
		}
	}
}
