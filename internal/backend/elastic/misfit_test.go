package elastic

import (
	"testing"

	"tocsin/internal/alert"
)

// TestTakesNone: which index of the alias ends a start.
func TestTakesNone(t *testing.T) {
	a := &Alerts{namespace: "n", alias: aliasPrefix + "n", fields: component{alertComponent, alert.Fields}}
	field := func(kind string, more ...any) map[string]any {
		d := map[string]any{"type": kind}
		for i := 0; i < len(more); i += 2 {
			d[more[i].(string)] = more[i+1]
		}
		return d
	}
	ruleID := func(dynamic any, id map[string]any) map[string]any {
		m := map[string]any{"properties": map[string]any{
			"@timestamp": field("date"), "kibana.alert.instance.id": field("keyword"), "kibana.alert.rule.rule_id": id,
			"kibana.alert.original_time": field("date"), "kibana.alert.suppression.end": field("date"),
		}}
		if dynamic != nil {
			m["dynamic"] = dynamic
		}
		return m
	}
	guessed := field("text", "fields", map[string]any{"keyword": field("keyword")})
	for _, tt := range []struct {
		name, index string
		mappings    map[string]any
		writes      bool
		want        bool
	}{
		{"ours", a.alias + "-000002", plain(a.mappings()), true, false},
		{"one that dynamic mapping makes", a.alias + "-000002", map[string]any{}, true, false},
		{"one that it has made", a.alias + "-000002", ruleID("true", guessed), true, false},
		{"words without the whole", a.alias + "-000002", ruleID("true", field("text")), true, true},
		{"another type", a.alias + "-000002", ruleID("true", field("long")), true, true},
		{"another type, of an index that is only read", a.alias + "-000002", ruleID("true", field("long")), false, false},
		{"nothing new", a.alias + "-000002", map[string]any{"dynamic": "strict"}, true, true},
		{"nothing new is searched for", a.alias + "-000002", map[string]any{"dynamic": "false"}, true, true},
		{"somebody else's", "audit-000002", map[string]any{}, true, true},
		{"somebody else's, only read", "audit-000002", map[string]any{}, false, false},
		{"somebody else's like ours", "audit-000002", plain(a.mappings()), true, false},
	} {
		index := described{Mappings: tt.mappings}
		index.Aliases = aliases{a.alias: {&tt.writes}}
		if got := a.takesNone(tt.index, map[string]described{tt.index: index, "other": {}}); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
