package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/query/plans"
	"tocsin/internal/testkit/trial"
)

// A rule of any type that asks for a field of which values are too long for a mapping that nobody gave
// says so, and names the field; one that asks for another says nothing.
func TestLongValues(t *testing.T) {
	const events = "language = %q\nindex = [\"logs-*\"]\nquery = '''%s'''\n"
	threat := func(event, indicator string) string {
		return strings.NewReplacer("destination.ip", event, "threat.indicator.ip", indicator, "threat.indicator.type:*", "own:*", "event.kind:event", "*:*").Replace(trial.ThreatHead + trial.ThreatByAddress)
	}
	for _, tt := range []struct {
		name, typ, lines string
		fields           []string
	}{
		{"eql", "eql", fmt.Sprintf(events, "eql", `any where own.long : "*end"`), []string{"own.long"}},
		{"eql, its negation", "eql", fmt.Sprintf(events, "eql", `any where not own.long : "*end"`), []string{"own.long"}},
		{"eql, two fields", "eql", fmt.Sprintf(events, "eql", `any where own.long : "*end" or own.list == "x"`), []string{"own.list", "own.long"}},
		{"eql, in memory", "eql", fmt.Sprintf(events, "eql", `any where length(own.long) > 300`), []string{"own.long"}},
		{"eql, another field", "eql", fmt.Sprintf(events, "eql", `any where own.short : "*end"`), nil},
		{"eql, whether there is one", "eql", fmt.Sprintf(events, "eql", `any where own.long != null`), nil},
		{"a sequence", "eql", fmt.Sprintf(events, "eql", `sequence [any where own.long : "a*"] [any where true]`), []string{"own.long"}},
		{"a key of a sequence", "eql", fmt.Sprintf(events, "eql", `sequence by own.long [any where true] [any where true]`), []string{"own.long"}},
		{"kuery on the keyword", "query", fmt.Sprintf(events, "kuery", `own.long.keyword: *end`), []string{"own.long"}},
		{"kuery on the text, which has all its words", "query", fmt.Sprintf(events, "kuery", `own.long: *end`), nil},
		{"lucene on the text, which only a search can match", "query", fmt.Sprintf(events, "lucene", `own.long: *end`), []string{"own.long"}},
		{"kuery, whether there is one", "query", fmt.Sprintf(events, "kuery", `own.long: *`), nil},
		{"lucene on the keyword", "query", fmt.Sprintf(events, "lucene", `own.long.keyword: *end`), []string{"own.long"}},
		{"beyond the limit of ECS", "query", fmt.Sprintf(events, "kuery", `host.name: *end`), []string{"host.name"}},
		{"within the limit of ECS", "query", fmt.Sprintf(events, "kuery", `user.name: *end`), nil},
		{"threshold", "threshold", fmt.Sprintf(events, "kuery", `*:*`) + "[rule.threshold]\nfield = [\"own.long\"]\nvalue = 1\n", []string{"own.long"}},
		{"new terms", "new_terms", fmt.Sprintf(events, "kuery", `*:*`) + "[rule.new_terms]\nfield = \"new_terms_fields\"\nvalue = [\"own.long\"]\n[[rule.new_terms.history_window_start]]\nfield = \"history_window_start\"\nvalue = \"now-7d\"\n", []string{"own.long"}},
		{"the events of indicators", "threat_match", threat("own.long", "own.short"), []string{"own.long"}},
		{"indicators as a whole", "threat_match", threat("own.short", "own.long"), nil},
		{"indicators by their keyword", "threat_match", threat("own.short", "own.long.keyword"), []string{"own.long"}},
		{"another index", "eql", strings.Replace(fmt.Sprintf(events, "eql", `any where own.long : "*end"`), "logs-*", "other-*", 1), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			long := strings.Repeat("é", 300)
			own := fmt.Sprintf(`"own":{"long":%q,"short":%q,"list":["x",%q]},"host":{"name":%q},"user":{"name":%q}`,
				long+" end", strings.Repeat("é", 250), long, strings.Repeat("x", 1100), strings.Repeat("x", 900))
			events := trial.Events(t, fmt.Sprintf(`logs-a/1 {"@timestamp":"2026-01-15T11:59:00Z",%s}
ti-a/1 {"@timestamp":"2026-01-15T11:59:00Z",%s}
other-a/1 {"@timestamp":"2026-01-15T11:59:00Z","own":{"long":"x"}}`, own, own))
			if diff := longWarned(t, tt.typ, tt.lines, events); diff != strings.Join(tt.fields, " ") {
				t.Errorf("warned of %q, want %q", diff, tt.fields)
			}
		})
	}
}

// A limit that a mapping gives is meant.
func TestLongValuesOfMapping(t *testing.T) {
	given := mapping.Table{"own.long": {Name: "own.long", Type: mapping.Keyword, IgnoreAbove: 256}, "@timestamp": {Name: "@timestamp", Type: mapping.Date}}
	events := trial.Events(t, fmt.Sprintf(`logs-x/1 {"@timestamp":"2026-01-15T12:00:00Z","own":{"long":%q,"unmapped":%q}}`, strings.Repeat("x", 300), strings.Repeat("x", 300)), given)
	lines := "language = \"eql\"\nindex = [\"logs-*\"]\nquery = '''any where own.long : \"x*\" or own.unmapped : \"x*\"'''\n"
	if got := longWarned(t, "eql", lines, events); got != "own.unmapped" {
		t.Errorf("warned of %q", got)
	}
}

// longWarned are the fields that a rule's warnings of long values name.
func longWarned(t *testing.T, typ, lines string, events *store.Events) string {
	t.Helper()
	plan, diags := plans.For(trial.Rule(t, typ, lines))
	if plan == nil {
		t.Fatal(diags)
	}
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: events, At: trial.Noon})
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	var fields []string
	for _, d := range diags {
		if d.Code != binding.CodeLongValue {
			continue
		}
		_, rest, _ := strings.Cut(d.Message, "[")
		field, _, _ := strings.Cut(rest, "]")
		fields = append(fields, field)
	}
	return strings.Join(fields, " ")
}
