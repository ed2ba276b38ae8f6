package rules_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/rule"
	"tocsin/rules"
)

// TestShipped pins what users refer to: the ids, names and paths of the shipped rules. They load
// without a remark of any kind.
func TestShipped(t *testing.T) {
	set, list := rule.LoadFS(rules.FS, ".")
	if len(list) > 0 {
		t.Errorf("diagnostics: %v", list)
	}
	want := map[string]string{
		"b53f1d73-150d-484d-8f02-222abeb5d5fa": "Kubernetes Direct API Request via Curl or Wget",
		"9f420cca-cb27-44db-a13d-c43c7b48e04a": "Kubelet API Connection Attempt to Internal IP",
	}
	for id, name := range want {
		r := set.ByID(id)
		if r == nil {
			t.Errorf("no rule %s", id)
			continue
		}
		if diff := cmp.Diff(name, r.Name); diff != "" {
			t.Errorf("%s: name (-want +got):\n%s", id, diff)
		}
	}
}
