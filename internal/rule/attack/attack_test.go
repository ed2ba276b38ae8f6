package attack_test

import (
	"testing"

	"tocsin/internal/rule/attack"
)

func TestLookup(t *testing.T) {
	for id, want := range map[string]string{"T1059.001": "PowerShell", "T1685": "Disable or Modify Tools", " T1014 ": "Rootkit"} {
		if got, ok := attack.Lookup(id); !ok || got.Name != want {
			t.Errorf("%s: %q, %t, want %q", id, got.Name, ok, want)
		}
	}
	if got, ok := attack.Lookup("T9999"); ok || got.ID != "T9999" {
		t.Errorf("an unknown id: %+v, %t", got, ok)
	}
	for short, want := range map[string]string{"stealth": "TA0005", "defense-evasion": "TA0005", "defense-impairment": "TA0112", "initial-access": "TA0001"} {
		if got, ok := attack.LookupTactic(short); !ok || got.ID != want {
			t.Errorf("%s: %+v, %t, want %s", short, got, ok, want)
		}
	}
	if got := attack.Successor("T1562.001"); got != "T1685" {
		t.Errorf("the successor of T1562.001 is %s", got)
	}
	if got := attack.Successor("T1059"); got != "T1059" {
		t.Errorf("the successor of T1059 is %s", got)
	}
}
