package attack_test

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

func TestLookup(t *testing.T) {
	for id, want := range map[string]string{"T1059.001": "PowerShell", "T1685": "Disable or Modify Tools", "T1014\n": "Rootkit"} {
		if got, ok := attack.Lookup(id); !ok || got.Name != want {
			t.Errorf("%s: %q, %t, want %q", id, got.Name, ok, want)
		}
	}
	if got, ok := attack.Lookup("T9999"); ok || got.ID != "T9999" {
		t.Errorf("an unknown id: %+v, %t", got, ok)
	}
	for name, want := range map[string]attack.Tactic{
		"stealth": {"TA0005", "Stealth"}, "defense-evasion": {"TA0005", "Defense Evasion"}, "Defense_Evasion": {"TA0005", "Defense Evasion"},
		"defense-impairment": {"TA0112", "Defense Impairment"}, "ta0112": {"TA0112", "Defense Impairment"}, "TA0001": {"TA0001", "Initial Access"},
	} {
		if got, ok := attack.LookupTactic(name); !ok || got != want {
			t.Errorf("%s: %+v, %t, want %+v", name, got, ok, want)
		}
	}
	if got, ok := attack.LookupTactic("mischief"); ok {
		t.Errorf("an unknown tactic: %+v", got)
	}
}

func TestSuccessor(t *testing.T) {
	for id, want := range map[string]string{
		"T1562.001": "T1685", "T1086": "T1059.001", "T1059": "T1059", "T9999": "T9999",
		"T1073": "T1574.001", // by T1574.002
		"T1089": "T1685",     // by T1562.001
		"T1150": "T1647",     // by T1547.011
	} {
		if got := attack.Successor(id); got != want {
			t.Errorf("the successor of %s is %s, want %s", id, got, want)
		}
	}
}

// TestSuccessorsAreKnown leads every id that was revoked to one that is there.
func TestSuccessorsAreKnown(t *testing.T) {
	f, err := os.Open("v19.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	revoked := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		cells := strings.Split(lines.Text(), "\t")
		if cells[0] != "revoked" {
			continue
		}
		revoked++
		last := attack.Successor(cells[1])
		if got, ok := attack.Lookup(last); !ok || got.Name == "" || last == cells[1] || attack.Successor(last) != last {
			t.Errorf("%s leads to %s, which is %+v", cells[1], last, got)
		}
	}
	if revoked < 100 {
		t.Errorf("%d ids were revoked", revoked)
	}
}

// shape is a threat in short: its tactic, and the ids of the techniques.
func shape(list []rule.Threat) []string {
	var out []string
	for _, x := range list {
		parts := []string{x.Tactic.ID, x.Tactic.Name + ":"}
		for _, t := range x.Technique {
			parts = append(parts, t.ID)
			for _, sub := range t.Subtechnique {
				parts = append(parts, sub.ID)
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

func TestPaired(t *testing.T) {
	for name, tt := range map[string]struct {
		techniques, tactics string
		want                []string
	}{
		"a pair":                                  {"T1059.001", "execution", []string{"TA0002 Execution: T1059 T1059.001"}},
		"a tactic alone":                          {"", "impact", []string{"TA0040 Impact:"}},
		"a technique alone":                       {"T1059", "", []string{"TA0002 Execution: T1059"}},
		"not zipped":                              {"T1105 T1059", "execution command-and-control", []string{"TA0002 Execution: T1059", "TA0011 Command and Control: T1105"}},
		"a tactic of its own that is not named":   {"T1105", "execution", []string{"TA0002 Execution:", "TA0011 Command and Control: T1105"}},
		"two tactics of one technique":            {"T1053.005", "persistence execution", []string{"TA0003 Persistence: T1053 T1053.005", "TA0002 Execution: T1053 T1053.005"}},
		"stealth":                                 {"T1027", "stealth", []string{"TA0005 Stealth: T1027"}},
		"impairment":                              {"T1685.001", "defense-impairment", []string{"TA0112 Defense Impairment: T1685 T1685.001"}},
		"both, each with its own":                 {"T1027 T1685", "stealth defense-impairment", []string{"TA0005 Stealth: T1027", "TA0112 Defense Impairment: T1685"}},
		"moved":                                   {"T1112 T1070", "stealth defense-impairment persistence", []string{"TA0005 Stealth: T1070", "TA0112 Defense Impairment: T1112", "TA0003 Persistence: T1112"}},
		"moved with its parent":                   {"T1222.001 T1027", "defense-impairment stealth", []string{"TA0112 Defense Impairment: T1222 T1222.001", "TA0005 Stealth: T1027"}},
		"as it was before":                        {"T1112", "defense-evasion", []string{"TA0005 Defense Evasion: T1112"}},
		"a later technique under the first name":  {"T1685", "defense-evasion", []string{"TA0005 Defense Evasion: T1685"}},
		"a technique that nobody knows was moved": {"T1070", "defense-impairment", []string{"TA0112 Defense Impairment: T1070"}},
		"unknown":                                 {"T9999.001", "execution", []string{"TA0002 Execution: T9999 T9999.001"}},
		"unknown and alone":                       {"T9999", "", []string{" : T9999"}},
		"sub-techniques of one technique":         {"T1059.001 T1059.003 T1059", "execution", []string{"TA0002 Execution: T1059 T1059.001 T1059.003"}},
	} {
		t.Run(name, func(t *testing.T) {
			var techniques []attack.Technique
			var tactics []attack.Tactic
			for id := range strings.FieldsSeq(tt.techniques) {
				one, _ := attack.Lookup(id)
				techniques = append(techniques, one)
			}
			for short := range strings.FieldsSeq(tt.tactics) {
				one, ok := attack.LookupTactic(short)
				if !ok {
					t.Fatal(short)
				}
				tactics = append(tactics, one)
			}
			if d := cmp.Diff(tt.want, shape(attack.Paired(techniques, tactics))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestThreatLosesNothing pairs any techniques and tactics: everything that is named is there, and once.
func TestThreatLosesNothing(t *testing.T) {
	ids := []string{"T1059", "T1059.001", "T1112", "T1027", "T1685.001", "T1070.004", "T9999", "T9999.002", "T1684.001", "T1053.005"}
	names := []string{"stealth", "defense-impairment", "defense-evasion", "execution", "persistence", "impact"}
	rapid.Check(t, func(t *rapid.T) {
		var techniques []attack.Technique
		var tactics []attack.Tactic
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, 5, rapid.ID).Draw(t, "techniques") {
			one, _ := attack.Lookup(id)
			techniques = append(techniques, one)
		}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(t, "tactics") {
			one, _ := attack.LookupTactic(name)
			tactics = append(tactics, one)
		}
		for kind, list := range map[string][]rule.Threat{"paired": attack.Paired(techniques, tactics), "own": attack.Threat(techniques)} {
			var heads, found []string
			for _, x := range list {
				heads = append(heads, x.Tactic.ID+x.Tactic.Name)
				for _, technique := range x.Technique {
					found = append(found, technique.ID)
					for _, sub := range technique.Subtechnique {
						found = append(found, sub.ID)
					}
				}
			}
			for _, one := range techniques {
				if !slices.Contains(found, one.ID) {
					t.Fatalf("%s: %s is lost: %v", kind, one.ID, shape(list))
				}
			}
			for _, one := range tactics {
				if kind == "paired" && !slices.Contains(heads, one.ID+one.Name) {
					t.Fatalf("%s is lost: %v", one.Name, shape(list))
				}
			}
			slices.Sort(heads)
			if len(slices.Compact(slices.Clone(heads))) != len(heads) {
				t.Fatalf("%s: a tactic stands twice: %v", kind, shape(list))
			}
		}
	})
}
