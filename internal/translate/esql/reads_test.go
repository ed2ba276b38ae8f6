package esql_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/translate/esql"
)

func TestReads(t *testing.T) {
	for _, tt := range []struct {
		query    string
		joins    []string
		enriches bool
	}{
		{"from a | where x == 1", nil, false},
		{"from a | lookup join users on user", []string{"users"}, false},
		{"from a | LOOKUP JOIN my-users_1 ON user | lookup join `hosts` on host | lookup join my-users_1 on u", []string{"my-users_1", "hosts"}, false},
		{"from a | lookup join \"users.of.us\" on user", []string{"users.of.us"}, false},
		{"from a | enrich policy on user with team", nil, true},
		{"from a | fork (where x == 1 | lookup join inner on y) (enrich p)", []string{"inner"}, true},
		{"from a | eval enrich = 1, lookup = 2 | where enrich == 1 and `lookup` == 2 and z == \"| enrich p | lookup join no on x\"", nil, false},
		{"from a // | enrich p\n| limit 1", nil, false},
	} {
		q, diags := esql.Parse(diag.Text{Value: tt.query})
		if q == nil {
			t.Errorf("%s: %v", tt.query, diags)
			continue
		}
		if diff := cmp.Diff(tt.joins, q.Joins()); diff != "" || q.Enriches() != tt.enriches {
			t.Errorf("%s: enriches %v, joins (-want +got):\n%s", tt.query, q.Enriches(), diff)
		}
	}
}

// TestReadsAny: whatever stands around a join, its index is found, and not what only looks like one.
func TestReadsAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := "from a"
		var want []string
		enriches := false
		for range rapid.IntRange(0, 5).Draw(r, "stages") {
			switch rapid.IntRange(0, 3).Draw(r, "stage") {
			case 0:
				name := fmt.Sprint(rapid.StringMatching(`[a-z][a-z0-9._-]{0,6}[a-z]`).Draw(r, "name"), len(want))
				want, text = append(want, name), text+" | lookup join "+name+" on k"
			case 1:
				enriches, text = true, text+"|enrich p"
			case 2:
				text += ` | where m == "x | enrich p | lookup join no on k"`
			case 3:
				text += " /* | lookup join no on k */ | eval enrich = 1"
			}
		}
		q, diags := esql.Parse(diag.Text{Value: text})
		if q == nil {
			r.Fatalf("%s: %v", text, diags)
		}
		if diff := cmp.Diff(want, q.Joins()); diff != "" || q.Enriches() != enriches {
			r.Errorf("%s: enriches %v, joins (-want +got):\n%s", text, q.Enriches(), diff)
		}
	})
}
