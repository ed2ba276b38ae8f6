package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/run/catalog"
)

// TestSigmaSources: a known log source says where and under which names its events are; another is a warning, or
// refused where the rule is true of anything.
func TestSigmaSources(t *testing.T) {
	m, faults := fieldmap.Load(diag.NewText("map.toml", "[[logsource]]\nname = \"k\"\nproduct = \"known\"\nindex = [\"logs-known-*\"]\nonly = true\nprefix = [\"x.\"]\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, tt := range []struct {
		product, detection string
		run                bool
		// want is what is said, "" for nothing; broken tells that the rule is refused.
		want   string
		broken bool
	}{
		{"known", "{s: {A: x}, condition: not s}", false, "", false},
		{"other", "{s: {A: x}, condition: s}", false, "warning: no map names the log source other/-/-: fields keep their names, in logs-*", false},
		{"other", "{s: {A: x}, condition: not s}", false, "error: no map names the log source other/-/-", true},
		{"other", "{s: {A: null}, condition: s}", false, "error: no map", true},
		{"other", "{s: {A|neq: x}, condition: s}", false, "error: no map", true},
		{"other", "{s: [word], condition: not s}", false, "error: no map", true},
		{"other", "{s: [word], t: {A: x}, condition: s and not t}", false, "warning: no map", false},
		{"other", "{s: {A|exists: false}, condition: s}", true, "warning: no map", false},
	} {
		text := "title: T\nid: 0d3e4f6a-0000-4000-8000-000000000001\nlevel: low\nlogsource: {product: " + tt.product + "}\ndetection: " + tt.detection + "\n"
		options := catalog.Options{Map: &m, Sigma: catalog.Sigma{Index: []string{"logs-*"}, RunUnmapped: tt.run}}
		c, diags, err := catalog.LoadFS(t.Context(), options, fstest.MapFS{"r.yml": {Data: []byte(text)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(diags)
		if len(diags) == 0 {
			said = ""
		}
		if (tt.want == "") != (said == "") || !strings.Contains(said, tt.want) || (len(c.Broken()) == 1) != tt.broken {
			t.Errorf("%s %s: %s, %d broken", tt.product, tt.detection, said, len(c.Broken()))
		}
		if tt.product == "known" {
			r := c.Rules()[0]
			plan, diags := c.Plan(r)
			if plan == nil || r.Index[0] != "logs-known-*" {
				t.Fatal(diags, r.Index)
			}
			w, _ := plan.(interface{ Names() []string })
			if w != nil && !slices.Contains(w.Names(), "x.A") {
				t.Errorf("names: %v", w.Names())
			}
		}
	}
}
