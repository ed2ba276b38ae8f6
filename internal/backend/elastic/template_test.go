package elastic

import (
	"encoding/json"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/match/mapping"
)

// TestTemplatesMapEveryField reads the mappings back: each field of ECS has its type, and is a sub-field if
// it is one in ECS.
func TestTemplatesMapEveryField(t *testing.T) {
	data, err := json.Marshal(ecsMappings())
	if err != nil {
		t.Fatal(err)
	}
	table, err := mapping.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range mapping.ECS() {
		got, ok := table.Field(name)
		if want.Type == mapping.ConstantKeyword {
			want.Type = mapping.Keyword
			want.IgnoreAbove = 0
		}
		if !ok || got.Type != want.Type || got.Path != want.Path || got.IgnoreAbove != want.IgnoreAbove {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestAlertFieldsAreWellFormed(t *testing.T) {
	data, err := json.Marshal(component{fields: alert.Fields}.mappings())
	if err != nil {
		t.Fatal(err)
	}
	table, err := mapping.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]mapping.Type{
		"kibana.alert.reason":                 mapping.Keyword,
		"kibana.alert.reason.text":            mapping.MatchOnlyText,
		"kibana.alert.ancestors.depth":        mapping.Long,
		"kibana.alert.rule.threat.tactic.id":  mapping.Keyword,
		"kibana.alert.rule.parameters":        mapping.Flattened,
		"kibana.alert.suppression.docs_count": mapping.Long,
		"kibana.alert.original_event.created": mapping.Date,
		"kibana.alert.time_range":             "date_range",
		"host.asset.criticality":              mapping.Keyword,
	} {
		if f, ok := table.Field(name); !ok || f.Type != want {
			t.Errorf("%s is %q, want %q", name, f.Type, want)
		}
	}
}
