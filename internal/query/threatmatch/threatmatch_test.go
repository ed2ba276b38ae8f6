package threatmatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/testkit/trial"
)

// enrichmentsOf returns field, value and indicator of every enrichment of a hit.
func enrichmentsOf(t *testing.T, h query.Hit) []string {
	t.Helper()
	doc, err := h.Event.Document()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range event.Objects(doc.Source, "threat.enrichments") {
		out = append(out, fmt.Sprintf("%s=%s %s/%s", event.First(e, "matched.field"), event.First(e, "matched.atomic"), event.First(e, "matched.index"), event.First(e, "matched.id")))
	}
	return out
}

const threatEvents = `
ti-a/one {"@timestamp":"2026-01-01T00:00:00Z","threat":{"feed":{"name":"abuse"},"indicator":{"type":"ipv4-addr","ip":"10.0.0.1","confidence":"High"}}}
ti-a/net {"@timestamp":"2026-01-01T00:00:00Z","threat.indicator.type":"ipv4-net","threat.indicator.ip":["192.168.7.1"]}
ti-a/old {"@timestamp":"2025-12-15T23:59:59.999Z","threat":{"indicator":{"type":"ipv4-addr","ip":"10.0.0.9"}}}
ti-a/edge {"@timestamp":"2025-12-16T00:00:00Z","threat":{"indicator":{"type":"ipv4-addr","ip":"10.0.0.8"}}}
other/one {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"ipv4-addr","ip":"10.0.0.7"}}}
logs-a/hit {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":["::ffff:10.0.0.1","10.0.0.5"]},"threat":{"enrichments":[{"matched":{"field":"own","atomic":"x","id":"1","index":"i"}}]}}
logs-a/dotted {"@timestamp":"2026-01-15T11:59:01Z","event.kind":"event","destination.ip":"192.168.7.1"}
logs-a/edge {"@timestamp":"2026-01-15T11:59:02Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.8"}}
logs-a/miss {"@timestamp":"2026-01-15T11:59:03Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.2"}}
logs-a/old {"@timestamp":"2026-01-15T11:59:03Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.9"}}
logs-a/index {"@timestamp":"2026-01-15T11:59:03Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.7"}}
logs-a/query {"@timestamp":"2026-01-15T11:59:03Z","event":{"kind":"metric"},"destination":{"ip":"10.0.0.1"}}
logs-a/field {"@timestamp":"2026-01-15T11:59:03Z","event":{"kind":"event"},"source":{"ip":"10.0.0.1"}}
logs-a/late {"@timestamp":"2026-01-15T12:00:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"}}
`

func TestThreatMatch(t *testing.T) {
	hits, result, diags := trial.Run(t, trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress), trial.Events(t, threatEvents))
	if len(diags) > 0 || len(result.Warnings) > 0 {
		t.Errorf("%v %v", diags, result.Warnings)
	}
	if got := trial.IDs(hits); got != "hit dotted edge" {
		t.Fatalf("hits: %s", got)
	}
	want := [][]string{
		{"own=x i/1", "destination.ip=::ffff:10.0.0.1 ti-a/one"}, {"destination.ip=192.168.7.1 ti-a/net"}, {"destination.ip=10.0.0.8 ti-a/edge"},
	}
	for i, h := range hits {
		if diff := cmp.Diff(want[i], enrichmentsOf(t, h)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", h.Event.ID, diff)
		}
	}
	var source struct {
		Event  map[string]any
		Threat struct{ Enrichments []map[string]any }
	}
	if err := json.Unmarshal(hits[0].Event.Source, &source); err != nil {
		t.Fatal(err)
	}
	wantLast := map[string]any{
		"indicator": map[string]any{"type": "ipv4-addr", "ip": "10.0.0.1", "confidence": "High"}, "feed": map[string]any{"name": "abuse"},
		"matched": map[string]any{"atomic": "::ffff:10.0.0.1", "field": "destination.ip", "id": "one", "index": "ti-a", "type": "indicator_match_rule"},
	}
	if diff := cmp.Diff(wantLast, source.Threat.Enrichments[1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if source.Event["kind"] != "event" {
		t.Errorf("the rest of the event is %v", source.Event)
	}
}

// An indicator's field of ranges is read from its document, as it was written there.
func TestThreatMatchRanges(t *testing.T) {
	table, err := mapping.Parse([]byte(`{"properties": {"@timestamp": {"type": "date"}, "destination": {"properties": {"ip": {"type": "ip"}, "port": {"type": "long"}}}, "event": {"properties": {"kind": {"type": "keyword"}}},
		"threat": {"properties": {"indicator": {"properties": {"type": {"type": "keyword"}, "ip": {"type": "ip_range"}, "seen": {"type": "date_range"}, "ports": {"type": "integer_range"}}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for id, line := range map[string]string{
		"ti-a/net":   `"threat":{"indicator":{"type":"x","ip":["192.0.2.0/31","203.0.113.8/29"]}}`,
		"ti-a/range": `"threat":{"indicator":{"type":"x","ip":{"gte":"10.0.0.5","lt":"10.0.0.8"},"ports":{"gt":1023},"seen":{"gte":"2026-01-15","lte":"2026-01-15"}}}`,
		"logs-a/1":   `"event":{"kind":"event"},"destination":{"ip":"203.0.113.9","port":80}`,
		"logs-a/2":   `"event":{"kind":"event"},"destination":{"ip":["1.1.1.1","::ffff:10.0.0.7"],"port":8080}`,
		"logs-a/3":   `"event":{"kind":"event"},"destination":{"ip":"10.0.0.8","port":8080}`,
		"logs-a/4":   `"event":{"kind":"event"},"destination":{"ip":"192.0.2.2","port":443}`,
	} {
		index, name, _ := strings.Cut(id, "/")
		fmt.Fprintf(&lines, `{"_index":%q,"_id":%q,"_source":{"@timestamp":"2026-01-15T11:59:00Z",%s}}`+"\n", index, name, line)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String()), Mapping: mapping.Everywhere(table)})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	also := func(field, value string) string {
		return "[[rule.threat_mapping.entries]]\nfield = \"" + field + "\"\ntype = \"mapping\"\nvalue = \"" + value + "\"\n"
	}
	for name, tt := range map[string]struct {
		mapping string
		want    []string
	}{
		"addresses":          {trial.ThreatByAddress, []string{"1", "2"}},
		"addresses and time": {trial.ThreatByAddress + also("@timestamp", "threat.indicator.seen"), []string{"2"}},
		"ports":              {ofFields(trial.ThreatByAddress, "destination.port", "threat.indicator.ports"), []string{"2", "3"}},
	} {
		hits, result, diags := trial.Run(t, trial.Rule(t, "threat_match", trial.ThreatHead+tt.mapping), events)
		if len(diags) > 0 || len(result.Warnings) > 0 {
			t.Errorf("%s: %v %v", name, diags, result.Warnings)
		}
		got := strings.Fields(trial.IDs(hits))
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// ofFields is the entry of other fields.
func ofFields(entry, field, value string) string {
	return strings.NewReplacer("destination.ip", field, "threat.indicator.ip", value).Replace(entry)
}

// An entry that must match, and one that must not, of the same indicator.
func TestThreatMatchAndNot(t *testing.T) {
	r := trial.Rule(t, "threat_match", trial.ThreatHead+`
threat_indicator_path = "ioc"
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "destination.ip"
type = "mapping"
value = "threat.indicator.ip"
[[rule.threat_mapping.entries]]
field = "user.name"
type = "mapping"
value = "ioc.user"
[[rule.threat_mapping.entries]]
field = "host.name"
type = "mapping"
value = "ioc.host"
negate = true
`)
	hits, _, _ := trial.Run(t, r, trial.Events(t, `
ti-a/one {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"x","ip":"10.0.0.1"}},"ioc":{"user":"eve","host":"lab"}}
logs-a/hit {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"},"user":{"name":"eve"},"host":{"name":"web"}}
logs-a/user {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"},"user":{"name":"Eve"},"host":{"name":"web"}}
logs-a/host {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"},"user":{"name":"eve"},"host":{"name":"lab"}}
logs-a/none {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"},"host":{"name":"web"}}
`))
	if got := trial.IDs(hits); got != "hit" {
		t.Fatalf("hits: %s", got)
	}
	want := []string{"destination.ip=10.0.0.1 ti-a/one", "user.name=eve ti-a/one"}
	if diff := cmp.Diff(want, enrichmentsOf(t, hits[0])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What cannot match is told, and the rule runs.
func TestThreatMatchWarnings(t *testing.T) {
	const anEvent = `logs-a/e {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"}}` + "\n"
	const anIndicator = `ti-a/i {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"x","ip":"10.0.0.1","name":"evil"}}}` + "\n"
	var crowd strings.Builder
	for i := range 203 {
		fmt.Fprintf(&crowd, `ti-b/%03d {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"x","ip":"10.0.0.1"}}}`+"\n", i)
	}
	other := strings.ReplaceAll(trial.ThreatByAddress, "threat.indicator.ip", "threat.indicator.name")
	for _, tt := range []struct {
		name, mapping, events, hits string
		want                        []string
	}{
		{"no index of indicators", trial.ThreatByAddress, anEvent, "", []string{"r.toml:13:17: warning: no open index of indicators matches ti-* [threat/missing-index]"}},
		{"a value that is none", other, anEvent + anIndicator, "", []string{`1 values of [threat.indicator.name] cannot be values of [destination.ip], which is of type ip, and match nothing; one of them is "evil"`}},
		{
			"a field that is not there", trial.ThreatByAddress + strings.ReplaceAll(trial.ThreatByAddress, "destination.ip", "custom"), anEvent + anIndicator, "e",
			[]string{"r.toml:25:9: warning: Unknown field [custom]: no index of the events has it, so nothing can match here [rule/unmapped-field]"},
		},
		{"many indicators", trial.ThreatByAddress, anEvent + crowd.String(), "e", []string{"1 events match more than 200 indicators, up to 203: their alerts name 200 of them"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hits, result, diags := trial.Run(t, trial.Rule(t, "threat_match", trial.ThreatHead+tt.mapping), trial.Events(t, tt.events))
			var got []string
			for _, d := range diags {
				got = append(got, d.Error())
			}
			if diff := cmp.Diff(tt.want, slices.Concat(got, result.Warnings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if ids := trial.IDs(hits); ids != tt.hits {
				t.Errorf("hits: %s", ids)
			}
		})
	}
}

// What a rule cannot mean is an error at its place.
func TestThreatMatchErrors(t *testing.T) {
	negated := strings.ReplaceAll(trial.ThreatByAddress, "[[rule.threat_mapping]]\n", "") + "negate = true\n"
	for _, tt := range []struct{ name, lines, want string }{
		{"only what must not match", trial.ThreatHead + "[[rule.threat_mapping]]\n" + negated, "r.toml:18:1: error: one entry at least has to match"},
		{"both", trial.ThreatHead + trial.ThreatByAddress + negated, "r.toml:23:1: error: destination.ip cannot match threat.indicator.ip and not match it"},
		{"query of indicators", strings.Replace(trial.ThreatHead, "threat.indicator.type:*", "(", 1) + trial.ThreatByAddress, "r.toml:15:"},
		{"text", trial.ThreatHead + strings.ReplaceAll(trial.ThreatByAddress, "destination.ip", "message"), "[message] of the events is analysed text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan, diags := plans.For(trial.Rule(t, "threat_match", tt.lines))
			if plan != nil {
				// Only the mapping of the indices decides.
				_, diags, _ = plan.Prepare(t.Context(), query.Source{Events: trial.Events(t, threatEvents)})
			}
			if err := diags.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", diags, tt.want)
			}
		})
	}
}

// A visitor that has enough is given no more, and what it was not given counts as not looked at.
func TestThreatMatchEnds(t *testing.T) {
	var lines strings.Builder
	lines.WriteString(`ti-a/i {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"x","ip":"10.0.0.1"}}}` + "\n")
	for i := range 250 {
		fmt.Fprintf(&lines, `logs-a/%03d {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"}}`+"\n", i)
	}
	events := trial.Events(t, lines.String())
	plan, _ := plans.For(trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress))
	src := query.Source{Events: events, At: trial.Noon}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	calls := 0
	result, err := prepared.Execute(t.Context(), src, window.Window{From: trial.Noon.Add(-time.Hour), To: trial.Noon}, func([]query.Hit) (bool, error) {
		calls++
		return calls < 2, nil
	})
	if err != nil || calls != 2 || result.Seen != 200 || result.Total != 250 || result.Exact {
		t.Errorf("%d calls, %+v, %v", calls, result, err)
	}
}

func TestThreatMatchExplain(t *testing.T) {
	plan, diags := plans.For(trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress))
	if plan == nil || plan.Strategy() != query.Scan {
		t.Fatal(diags)
	}
	prepared, _ := plan.Assume(time.Time{})
	e := prepared.Explain(window.Window{From: trial.Noon.Add(-time.Hour), To: trial.Noon})
	if want := `(and (term event.kind "event") (exists destination.ip))`; e.Condition != want {
		t.Errorf("condition %s", e.Condition)
	}
	want := [][]string{{"destination.ip = threat.indicator.ip"}}
	if diff := cmp.Diff(want, e.Indicators.Mapping); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := `(and (range @timestamp gte "now-30d/d") (exists threat.indicator.type))`; e.Indicators.Condition != want {
		t.Errorf("condition of the indicators %s", e.Indicators.Condition)
	}
	doc := event.NewDocument(map[string]any{"event.kind": "event"})
	trace, err := prepared.Trace(t.Context(), doc)
	if err != nil || trace.Holds || len(trace.Parts) != 2 || !trace.Parts[0].Holds {
		t.Errorf("%+v, %v", trace, err)
	}
}

// Filters choose indicators, and say where they are wrong.
func TestThreatFilters(t *testing.T) {
	const filters = `
[[rule.threat_filters]]
[rule.threat_filters.meta]
negate = false
[rule.threat_filters.query.match_phrase]
"event.category" = "threat"
`
	events := trial.Events(t, `
ti-a/yes {"@timestamp":"2026-01-01T00:00:00Z","event":{"category":"threat"},"threat":{"indicator":{"type":"x","ip":"10.0.0.1"}}}
ti-a/no {"@timestamp":"2026-01-01T00:00:00Z","event":{"category":"file"},"threat":{"indicator":{"type":"x","ip":"10.0.0.2"}}}
logs-a/one {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.1"}}
logs-a/two {"@timestamp":"2026-01-15T11:59:00Z","event":{"kind":"event"},"destination":{"ip":"10.0.0.2"}}
`)
	hits, _, _ := trial.Run(t, trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress+filters), events)
	if got := trial.IDs(hits); got != "one" {
		t.Errorf("hits: %s", got)
	}
	_, diags := plans.For(trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress+strings.Replace(filters, `"threat"`, `{}`, 1)))
	if len(diags) == 0 || diags[0].Line != 23 || !strings.Contains(diags[0].Message, "filter: ") {
		t.Errorf("%v", diags)
	}
}

// Every rule of the types in the corpus, which is not part of this repository, can be planned.
func TestThreatAndAnomalyRulesOfCorpus(t *testing.T) {
	set, _ := rule.Load("../../../../shared/corpus/elastic")
	planned := map[rule.Type]int{}
	for _, r := range set.Rules() {
		if r.Type != rule.TypeThreatMatch && r.Type != rule.TypeMachineLearning {
			continue
		}
		if _, diags := plans.For(r); diags.HasErrors() {
			t.Errorf("%s: %v", r.Path, diags)
		}
		planned[r.Type]++
	}
	if len(planned) == 0 {
		t.Skip("the corpus is not here")
	}
	t.Log(planned)
}

// Events that a scan has read are looked up as those of a search are.
func TestThreatMatchInScan(t *testing.T) {
	events := trial.Events(t, threatEvents)
	plan, _ := plans.For(trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress))
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: events, At: trial.Noon})
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	w := window.Window{From: trial.Noon.Add(-10 * time.Minute), To: trial.Noon}
	var requests []search.Request
	for _, read := range prepared.(query.Reader).Reads(w) {
		requests = append(requests, read.Request)
	}
	answers, stats, err := batch.Scan(t.Context(), events, requests, batch.ScanOptions{})
	if err != nil || stats.Answered != 1 {
		t.Fatalf("%+v, %v", stats, err)
	}
	var hits []query.Hit
	if _, err := prepared.Execute(t.Context(), query.Source{Events: answers, At: trial.Noon}, w, func(h []query.Hit) (bool, error) {
		hits = append(hits, h...)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := trial.IDs(hits); got != "hit dotted edge" {
		t.Errorf("hits: %s", got)
	}
}

// hiddenPlace is a place of events some patterns of which may not be read.
type hiddenPlace struct {
	search.Events
	hidden string
}

func (h hiddenPlace) Resolve(ctx context.Context, patterns, fields []string) (search.Target, error) {
	t, err := h.Events.Resolve(ctx, patterns, fields)
	if slices.Contains(patterns, h.hidden) {
		t.Indices, t.Missing = nil, nil
		t.Unread = []search.Unread{{Name: h.hidden, Why: failure.Forbidden, Reason: "no right"}}
	}
	return t, err
}

// Without its indicators a rule finds nothing, which is no answer where they may not be read.
func TestThreatMatchWithoutIndicators(t *testing.T) {
	for _, hidden := range []string{"logs-*", "ti-*", "none"} {
		plan, diags := plans.For(trial.Rule(t, "threat_match", trial.ThreatHead+trial.ThreatByAddress))
		if plan == nil {
			t.Fatal(diags.Err())
		}
		prepared, _, err := plan.Prepare(t.Context(), query.Source{Events: hiddenPlace{trial.Events(t, threatEvents), hidden}})
		if err != nil {
			t.Fatal(err)
		}
		unread := search.UnreadIn(prepared.Target(), window.Window{})
		if got := len(unread) == 1 && unread[0].Name == hidden; got != (hidden != "none") {
			t.Errorf("without %s: %v", hidden, unread)
		}
	}
}
