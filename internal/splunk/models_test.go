package splunk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

func TestDatasets(t *testing.T) {
	for text, want := range map[string][]string{
		"index=main": nil,
		"| tstats count from datamodel=Endpoint.Processes by Processes.dest":                         {"Endpoint.Processes"},
		"| from datamodel Risk.All_Risk":                                                             {"Risk.All_Risk"},
		"index=main NOT [| tstats count from datamodel=Web by Web.src | fields src]":                 {"Web."},
		"a=1 | join x [| tstats count from datamodel=Web by Web.x | append [| from datamodel Risk]]": {"Web.", "Risk."},
		"a=1 | search b=2 OR (c=3 AND [| from datamodel Email.All_Email | return 1 c])":              {"Email.All_Email"},
	} {
		s, diags := spl.ParseText(diag.NewText("search", text), macros)
		if s == nil {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		var got []string
		for _, d := range splunk.Datasets(s) {
			got = append(got, d.Model+"."+d.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
