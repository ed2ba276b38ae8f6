package rules_test

import (
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/rule/form"
	"tocsin/internal/run/catalog"
	"tocsin/rules"
)

// TestShipped pins what users refer to: the ids, names and paths of the shipped rules. They load
// without a remark of any kind.
func TestShipped(t *testing.T) {
	set, list, err := catalog.LoadFS(t.Context(), catalog.Options{}, rules.FS, ".")
	if err != nil || len(list) > 0 {
		t.Errorf("diagnostics: %v, %v", list, err)
	}
	for _, r := range set.Rules() {
		if plan, diags := set.Plan(r); plan == nil || len(diags) > 0 {
			t.Errorf("plan of %s: %v", r.Path, diags)
		}
	}
	want := map[string]string{
		"b53f1d73-150d-484d-8f02-222abeb5d5fa": "Kubernetes Direct API Request via Curl or Wget",
		"9f420cca-cb27-44db-a13d-c43c7b48e04a": "Kubelet API Connection Attempt to Internal IP",
		"c16c4899-d3f7-461b-92c2-cc0ef5758855": "Cisco Isovalent - Curl Execution With Insecure Flags",
		"5b1d5b0e-6a0c-4d0b-8a2e-3f6c0f1b7a11": "Risk Threshold Exceeded For Object Over 24 Hours",
		"c1a9d1c4-9b1e-4a57-b8a0-6d2f9f4f7b22": "ATT&CK Tactics Exceeded For Object Over 7 Days",
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

// TestForm wants the files in the normal form of runner fmt.
func TestForm(t *testing.T) {
	names, err := fs.Glob(rules.FS, "*/*.toml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(rules.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		formed, diags, err := form.TOML(diag.NewText(name, string(text)))
		if err != nil || diags.HasErrors() {
			t.Fatal(err, diags.Err())
		}
		if d := cmp.Diff(formed, string(text)); d != "" {
			t.Errorf("%s is not in its normal form: runner fmt rules makes it so (-form +file)\n%s", name, d)
		}
	}
}
