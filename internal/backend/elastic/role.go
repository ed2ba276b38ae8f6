package elastic

import (
	"slices"
	"strings"

	"tocsin/internal/search/indexname"
)

// Use is what a runner does in a cluster. Its privileges follow from it.
type Use struct {
	Namespace string
	// Reads are the index patterns of events, as rules have them: also of remote clusters, with date math, and
	// exclusions.
	Reads []string
	// Installs: the runner creates the templates and the first indices.
	Installs bool
	// Refreshes: rules read their own alerts, also those that were just written. Replaces: rules count further events in alerts that exist.
	Refreshes, Replaces bool
	// Scores: rules write risk events. RereadsRisk: they read their own risk events.
	Scores, RereadsRisk bool
	// ReadsTables and WritesTables: searches read and write lookup tables.
	ReadsTables, WritesTables bool
	// Enriches: searches use enrich policies.
	Enriches bool
	// Kibana is the space in whose index of Kibana the alerts are; "": they are in the namespace.
	Kibana string
	// Notifies: notifications are kept in an outbox. Whether old alerts were notified is looked up in the alerts.
	Notifies bool
	// RollsOver: the alias of the alerts gets new indices, in which an alert may be written a second time and is
	// deleted again.
	RollsOver bool
}

// Role is the body of a role, and of a role descriptor of an API key.
type Role struct {
	Cluster []string      `json:"cluster"`
	Indices []Grant       `json:"indices"`
	Remote  []RemoteGrant `json:"remote_indices,omitempty"`
}

// Grant is an entry of a role: privileges on index patterns.
type Grant struct {
	Names      []string `json:"names"`
	Privileges []string `json:"privileges"`
}

// RemoteGrant is a [Grant] on the indices of remote clusters.
type RemoteGrant struct {
	Clusters []string `json:"clusters"`
	Grant
}

// The privileges. read covers resolution, field capabilities, point in time, search and ES|QL; view shows mappings,
// settings and aliases.
const (
	monitor = "monitor"
	manages = "manage_index_templates"
	// policies lets a search use enrich policies; the indices behind them need no privilege.
	policies = "monitor_enrich"
	read     = "read"
	view     = "view_index_metadata"
	// crosses lets a search come from another cluster.
	crosses = "read_cross_cluster"
)

// Role returns the least privileges.
func (u Use) Role() Role {
	r := Role{Cluster: []string{monitor}, Indices: []Grant{}}
	if u.Installs && (u.Kibana == "" || u.Scores) {
		r.Cluster = append(r.Cluster, manages)
	}
	if u.Enriches {
		r.Cluster = append(r.Cluster, policies)
	}
	here, there := u.places()
	if len(here) > 0 {
		r.Indices = append(r.Indices, Grant{here, []string{read, view}})
	}
	r.Remote = there
	if u.Kibana != "" {
		kibana := u
		kibana.Installs = false // only Kibana makes it
		g := kibana.alias(KibanaIndex(u.Kibana), u.rereads(), u.Replaces)
		g.Names[1] = kibanaIndices + u.Kibana + "-*"
		r.Indices = append(r.Indices, g)
	} else {
		r.Indices = append(r.Indices, u.alias(aliasPrefix+u.Namespace, u.rereads(), u.Replaces))
	}
	if u.Scores {
		r.Indices = append(r.Indices, u.alias(RiskAlias(u.Namespace), u.RereadsRisk, false))
	}
	r.Indices = append(r.Indices,
		u.index(ledgerPrefix+u.Namespace, read, "index", "delete", view),
		u.index(leasesPrefix+u.Namespace, read, "index", view))
	switch {
	case u.WritesTables:
		r.Indices = append(r.Indices, u.index(tablesPrefix+u.Namespace, read, "index"))
	case u.ReadsTables:
		r.Indices = append(r.Indices, Grant{[]string{tablesPrefix + u.Namespace}, []string{read}})
	}
	if u.Notifies {
		r.Indices = append(r.Indices, u.index(outboxPrefix+u.Namespace, read, "index", "delete", "maintenance", view))
	}
	return r
}

// rereads reports whether alerts that were just written are read again.
func (u Use) rereads() bool { return u.Refreshes || u.Replaces || u.Notifies }

// alias is the grant on an alias and its indices.
func (u Use) alias(name string, refreshes, replaces bool) Grant {
	g := Grant{[]string{name, name + "-*"}, []string{read, "create_doc"}}
	if replaces {
		g.Privileges[1] = "index"
	}
	if u.RollsOver {
		g.Privileges = append(g.Privileges, "delete")
	}
	switch {
	case u.Installs: // the others are a part of it
		g.Privileges = append(g.Privileges, "manage")
	case refreshes || u.RollsOver:
		g.Privileges = append(g.Privileges, view, "maintenance")
	default:
		g.Privileges = append(g.Privileges, view)
	}
	return g
}

// index is the grant on an index.
func (u Use) index(name string, privileges ...string) Grant {
	if u.Installs {
		privileges = append(privileges, "create_index")
	}
	return Grant{[]string{name}, privileges}
}

// places returns the names of the events here, and the grants on remote clusters. A name with date math is granted
// for every date; exclusions grant nothing.
func (u Use) places() (here []string, there []RemoteGrant) {
	by := map[string][]string{}
	var clusters []string
	for _, pattern := range tidy(u.Reads) {
		if isExclusion(pattern) {
			continue
		}
		cluster, name, away := strings.Cut(indexname.Wildcard(pattern), ":")
		switch {
		case !away:
			here = append(here, cluster)
		case isExclusion(name):
		default:
			if by[cluster] == nil {
				clusters = append(clusters, cluster)
			}
			by[cluster] = append(by[cluster], name)
		}
	}
	slices.Sort(clusters)
	for _, cluster := range clusters {
		there = append(there, RemoteGrant{[]string{cluster}, Grant{least(by[cluster]), []string{read, crosses, view}}})
	}
	return least(here), there
}

// least returns the sorted patterns without those that another covers.
func least(patterns []string) []string {
	patterns = slices.Compact(slices.Sorted(slices.Values(patterns)))
	var out []string
	for _, p := range patterns {
		covered := slices.ContainsFunc(patterns, func(q string) bool { return q != p && glob(q, p) && (!glob(p, q) || q < p) })
		if !covered {
			out = append(out, p)
		}
	}
	return out
}
