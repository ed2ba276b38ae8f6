//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEnrichment: tables from a file and from an index add fields that can be searched, in Tocsin's index and in one like Kibana's; an
// index that is missing holds nothing up, and the alerts are the same with and without.
func TestEnrichment(t *testing.T) {
	n := newNode(t)
	slot, index, people := aSlot(), n.Name("logins"), n.Name("people")
	n.CreateIndex(t, index, eventMapping())
	n.CreateIndex(t, people, object{"properties": object{"account": object{"type": "keyword"}}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "each", index, `any where kind_of_event == "login"`)
	put(t, n, []doc{
		login(index, "1", "bob", slot, 500), login(index, "2", "eve", slot, 490),
		{people, "1", object{"account": "bob", "person": object{"name": "Robert", "groups": []string{"admins", "staff"}}}},
		{people, "2", object{"account": []string{"ann", "anna"}, "person.name": "Ann"}},
	})
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "assets.csv"), []byte("host,level,site\nPC,high_impact,\"Berlin, 2nd\"\n"), 0o600))
	config := filepath.Join(dir, "enrichment.toml")
	must(t, os.WriteFile(config, []byte(fmt.Sprintf(`
[[table]]
name = "assets"
file = "assets.csv"
key = "host"
fields = "host.name"
ignore-case = true
add = { "host.asset.criticality" = "level", "tocsin.enrichment.site" = "site" }
[[table]]
name = "people"
index = %q
key = "account"
fields = "user.name"
[table.add]
"user.full_name" = "person.name"
"user.roles" = "person.groups"
[[table]]
name = "gone"
index = %q
key = "account"
fields = "user.name"
add = { "labels.x" = "x" }
`, people, n.Name("gone"))), 0o600))
	plain, kibana := elasticsearch(n), kibanaSpace(t, n)
	for _, p := range []place{plain, kibana} {
		p.flags = append(slices.Clone(p.flags), "--enrichment", config)
		o := p.once(t, string(rules), slot, "--no-ledger")
		if o.code != 0 || strings.Count(o.err, "source=gone") != 1 {
			t.Fatalf("%s: %d %s", p.name, o.code, o.err)
		}
		equal(t, p.name, o.executions(t)["each"].numbers(), [5]int64{2, 2, 0, 0, 0})
		found := map[string]string{}
		for _, a := range p.list(t) {
			user := JSON{a["user"]}
			found[user.At("name").String()] = fmt.Sprintf("%v %v %v %v %v", JSON{a["host"]}.At("asset", "criticality").Any(), user.At("full_name").Any(), user.At("roles").Any(), a["tocsin.enrichment"], a["tocsin.unenriched"])
		}
		equal(t, p.name, found, map[string]string{
			"bob": "high_impact Robert [admins staff] map[site:Berlin, 2nd] [gone]", "eve": "high_impact <nil> <nil> map[site:Berlin, 2nd] [gone]",
		})
		for _, where := range []string{`host.asset.criticality: high_impact`, `user.full_name: Robert`, `tocsin.enrichment.site: "Berlin, 2nd"`, `tocsin.unenriched: gone`} {
			o := runner(t, p.env, slices.Concat([]string{"alerts", "list", "--format", "ndjson", "--where", where}, p.alerts)...)
			kept := p.name == "kibana" && !strings.HasPrefix(where, "host.")
			if (o.code == 0 && o.out != "") == kept {
				t.Errorf("%s: %s: %d %s", p.name, where, o.code, o.err)
			}
		}
	}
	for _, p := range []place{plain, kibana} {
		equal(t, p.name+" without", p.mustOnce(t, string(rules), slot, "--no-ledger")["each"].numbers(), [5]int64{2, 0, 2, 0, 0})
	}
}
