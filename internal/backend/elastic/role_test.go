package elastic_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/mapping"
)

func TestRole(t *testing.T) {
	u := elastic.Use{
		Namespace: "ns", Reads: []string{"logs-*", "logs-a", "-logs-b", "<day-{now/d}>", "eu:logs-*,eu:logs-x", "*:metrics-*", "us:<d-{now/M{yyyy.MM}}>", "stream::data"},
		Replaces: true, Scores: true, RereadsRisk: true, WritesTables: true,
	}
	grant := func(names, privileges string) elastic.Grant {
		return elastic.Grant{Names: strings.Fields(names), Privileges: strings.Fields(privileges)}
	}
	remote := func(cluster, names string) elastic.RemoteGrant {
		return elastic.RemoteGrant{Clusters: []string{cluster}, Grant: grant(names, "read read_cross_cluster view_index_metadata")}
	}
	want := elastic.Role{
		Cluster: []string{"monitor"},
		Indices: []elastic.Grant{
			grant("day-* logs-* stream", "read view_index_metadata"),
			grant("tocsin-alerts-ns tocsin-alerts-ns-*", "read index view_index_metadata maintenance"),
			grant("tocsin-risk-ns tocsin-risk-ns-*", "read create_doc view_index_metadata maintenance"),
			grant("tocsin-ledger-ns", "read index delete view_index_metadata"),
			grant("tocsin-leases-ns", "read index view_index_metadata"),
			grant("tocsin-lookups-ns", "read index"),
		},
		Remote: []elastic.RemoteGrant{remote("*", "metrics-*"), remote("eu", "logs-*"), remote("us", "d-*")},
	}
	if diff := cmp.Diff(want, u.Role()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRoleCovers: every pattern that is read is granted, here or on its cluster, and no grant covers another.
func TestRoleCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`((eu|us|\*):)?[a-c*]{1,4}(-[ab*]{1,2})?`)
		reads := rapid.SliceOfN(pattern, 0, 8).Draw(t, "patterns")
		role := elastic.Use{Namespace: "n", Reads: reads}.Role()
		covers := func(names []string, name string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return mapping.Glob(n, name) })
		}
		for _, p := range reads {
			cluster, name, away := strings.Cut(p, ":")
			granted := false
			switch {
			case !away:
				granted = covers(role.Indices[0].Names, p)
			default:
				for _, g := range role.Remote {
					granted = granted || g.Clusters[0] == cluster && covers(g.Names, name)
				}
			}
			if !granted {
				t.Errorf("%s is not granted: %+v", p, role)
			}
		}
		for i, a := range role.Indices[0].Names {
			for j, b := range role.Indices[0].Names {
				if i != j && mapping.Glob(a, b) {
					t.Errorf("%s covers %s", a, b)
				}
			}
		}
	})
}
