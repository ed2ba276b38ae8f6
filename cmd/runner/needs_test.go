package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
)

// TestSetupRoleReads: the role of a query in ES|QL has the indices that it looks rows up in, and the privilege for policies.
func TestSetupRoleReads(t *testing.T) {
	routes := filepath.Join(t.TempDir(), "routes.toml")
	if err := os.WriteFile(routes, []byte("[[route]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"https://hook.example\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		query             string
		notifies          bool
		cluster, names    []string
		refreshesItsIndex bool
	}{
		{"from logs-a metadata _id, _index, _version | where host.name == \"x\"", false, []string{"monitor"}, []string{"logs-a"}, false},
		{"from logs-a metadata _id, _index, _version | lookup join users on user.name | lookup join hosts on host.name", false, []string{"monitor"}, []string{"hosts", "logs-a", "users"}, false},
		{"from logs-a metadata _id, _index, _version | enrich people on user.name | limit 10", false, []string{"monitor", "monitor_enrich"}, []string{"logs-a"}, false},
		{"from logs-a metadata _id, _index, _version | limit 10", true, []string{"monitor"}, []string{"logs-a"}, true},
	} {
		rule := filepath.Join(t.TempDir(), "r.toml")
		text := fmt.Sprintf("[rule]\nrule_id = \"r\"\nname = \"r\"\ndescription = \"d\"\nrisk_score = 21\nseverity = \"low\"\ntype = \"esql\"\nlanguage = \"esql\"\nquery = '''%s'''\n", tt.query)
		if err := os.WriteFile(rule, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"setup", "role", "--format", "json", "--namespace", "ns", "--rules", rule}
		if tt.notifies {
			args = append(args, "--notify", routes)
		}
		var out, errs bytes.Buffer
		if code := execute(t.Context(), args, stdio{strings.NewReader(""), &out, &errs}); code != 0 {
			t.Fatalf("%s: exit code %d: %s", tt.query, code, errs.String())
		}
		var requests []struct{ Body elastic.Role }
		if err := json.Unmarshal(out.Bytes(), &requests); err != nil {
			t.Fatal(err)
		}
		role := requests[0].Body
		if diff := cmp.Diff([][]string{tt.cluster, tt.names}, [][]string{role.Cluster, role.Indices[0].Names}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.query, diff)
		}
		// Whether old alerts were notified is looked up among alerts that may just have been written.
		if got := strings.Contains(strings.Join(role.Indices[1].Privileges, " "), "maintenance"); got != tt.refreshesItsIndex {
			t.Errorf("%s: %v", tt.query, role.Indices[1])
		}
	}
}
