package elastic

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Lifecycle is how long the documents of an alias are kept.
type Lifecycle struct {
	// Keep is how long an index is kept after its rollover.
	Keep time.Duration
	// RollAfter and RollSize are the age and the size of a primary shard at which the alias gets a new index.
	RollAfter time.Duration
	RollSize  string
}

// custom is the component template of an alias for settings that are not Tocsin's. The index template names it; it need
// not exist.
func (a *Alerts) custom() string { return a.alias + "@custom" }

// LifecycleRequests returns what gives the alias a policy of index lifecycle management: now, and in every index to
// come.
func (a *Alerts) LifecycleRequests(l Lifecycle) []Request {
	settings := map[string]any{"index.lifecycle.name": a.alias, "index.lifecycle.rollover_alias": a.alias}
	return []Request{
		{
			Method: http.MethodPut, Path: "/_ilm/policy/" + url.PathEscape(a.alias), Why: "the lifecycle of " + a.alias,
			Body: map[string]any{"policy": map[string]any{
				"_meta": map[string]any{"managed_by": "tocsin"},
				"phases": map[string]any{
					"hot": map[string]any{"actions": map[string]any{
						"rollover": map[string]any{"max_age": esTime(l.RollAfter), "max_primary_shard_size": l.RollSize},
					}},
					"delete": map[string]any{"min_age": esTime(l.Keep), "actions": map[string]any{"delete": map[string]any{}}},
				},
			}},
		},
		{
			Method: http.MethodPut, Path: "/_component_template/" + url.PathEscape(a.custom()), Why: "it applies to the indices to come",
			Body: map[string]any{"template": map[string]any{"settings": settings}, "_meta": map[string]any{"managed_by": "tocsin"}},
		},
		{Method: http.MethodPut, Path: "/" + a.alias + "/_settings", Why: "it applies to the indices that are there", Body: settings},
	}
}

// esTime writes a duration as Elasticsearch reads it.
func esTime(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%ds", int64(d/time.Second))
}
