package splrule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/splrule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/testkit/trial"
)

// events are written as Splunk has them, but for the last: that one is in ECS.
const events = `
splunk-x/1 {"@timestamp":"2026-01-15T11:59:00Z","user":"ann","dest":"h1","action":"fail","n":3}
splunk-x/2 {"@timestamp":"2026-01-15T11:58:00Z","user":"ann","dest":"h2","action":"fail","n":4}
splunk-x/3 {"@timestamp":"2026-01-15T11:57:00Z","user":"bob","dest":"h1","action":"ok","n":5}
splunk-x/4 {"@timestamp":"2026-01-15T11:40:00Z","user":"old","dest":"h1","action":"fail","n":6}
splunk-x/5 {"@timestamp":"2026-01-15T11:56:00Z","dest":"h3","action":"fail","n":7,"title":"own","severity":"high"}
logs-p/6 {"@timestamp":"2026-01-15T11:55:00Z","event":{"category":["process"],"type":["start"]},"process":{"name":"cmd.exe","command_line":"cmd /c x"},"user":{"name":"eve"},"host":{"name":"h9"}}
`

var slot = window.Window{From: trial.Noon.Add(-10 * time.Minute), To: trial.Noon}

// planOf plans a detection: search is its search, more are further lines.
func planOf(t *testing.T, kind, search, more string) (query.Plan, diag.List) {
	t.Helper()
	content := fmt.Sprintf("name: N\nid: i\nversion: 2\ntype: %s\nsearch: >-\n  %s\n%s", kind, search, more)
	d, diags := escu.ParseDetection(diag.NewText("d.yml", content))
	if d == nil {
		t.Fatal(diags)
	}
	library := &escu.Library{Macros: escu.Macros{}}
	s, diags := library.Parse(d, library.Env())
	if s == nil {
		t.Fatal(diags)
	}
	return splrule.New(splrule.Input{Rule: d.Rule(), Detection: d, Search: s, Env: library.Env(), Map: pushdown.Default(), Index: []string{"splunk-*"}})
}

// outcome is what came of a run.
type outcome struct {
	hits   []query.Hit
	result query.Result
	diags  diag.List
}

func runOf(t *testing.T, kind, search, more string, src query.Source) outcome {
	t.Helper()
	plan, diags := planOf(t, kind, search, more)
	if plan == nil {
		t.Fatal(diags)
	}
	if src.Events == nil {
		src.Events = trial.Events(t, events)
	}
	src.At = trial.Noon
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	var out outcome
	out.diags = diags
	out.result, err = prepared.Execute(t.Context(), src, slot, func(hits []query.Hit) (bool, error) {
		out.hits = append(out.hits, hits...)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// source is the event of a hit.
func source(t *testing.T, h query.Hit) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(h.Event.Source, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

const risk = "finding: {title: About $user$, entity: {field: user, type: user, score: 42}}\n" +
	"intermediate_findings: {entities: [{field: dest, type: system, score: 10, message: On $dest$ by $user$}]}\n"

// TestEventsAreHits wants the rows of a search that keeps events to be those events, with what the detection adds.
func TestEventsAreHits(t *testing.T) {
	got := runOf(t, "TTP", "action=fail user=*", risk+"analytic_story: [Story]\n", query.Source{})
	if ids := trial.IDs(got.hits); ids != "1 2" || got.result.Total != 2 || !got.result.Exact || got.result.Seen != 2 {
		t.Fatalf("%s, %+v", ids, got.result)
	}
	h := got.hits[0]
	if h.Event.Index != "splunk-x" || source(t, h)["user"] != "ann" || h.Key != nil || h.Silent || len(h.Risk) != 2 {
		t.Errorf("%+v", h)
	}
	facts := map[string]any{}
	for _, name := range []string{"splunk.search_name", "kibana.alert.reason", "kibana.alert.risk_score", "kibana.alert.severity", "splunk.analyticstories"} {
		facts[name] = h.Facts[name]
	}
	want := map[string]any{
		"splunk.search_name": "ESCU - N - Rule", "kibana.alert.reason": "About ann", "kibana.alert.risk_score": 42, "kibana.alert.severity": nil,
		"splunk.analyticstories": []string{"Story"},
	}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	shown := h.Facts["splunk.result"].(map[string]any)
	if shown["dest"] != "h1" || shown["_raw"] != nil || shown["_id"] != nil || shown["_index"] != nil {
		t.Errorf("the row is %v", shown)
	}
	doc := h.Risk[0].Source
	if doc["kibana.alert.rule.rule_id"] != "i" || doc["kibana.alert.original_time"] != "2026-01-15T12:00:00.000Z" || doc["kibana.alert.instance.id"] != nil {
		t.Errorf("the risk event is %v", doc)
	}
}

// TestRowsAreHits wants a row that is no event to be known by its window and values, with what is known of all its events.
func TestRowsAreHits(t *testing.T) {
	got := runOf(t, "TTP", "user=* | stats count values(dest) as dest by user", risk, query.Source{})
	if len(got.hits) != 2 || got.result.Read != 3 {
		t.Fatalf("%d hits, %+v", len(got.hits), got.result)
	}
	h := got.hits[0]
	want := map[string]any{"@timestamp": "2026-01-15T12:00:00.000Z", "user": map[string]any{"name": "ann"}, "host": map[string]any{"name": []any{"h1", "h2"}}}
	if diff := cmp.Diff(want, source(t, h)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(h.Key) != 4 || h.Key[0] != "spl" || h.Key[1] != "1768477800000" || h.Key[2] != "1768478400000" || !strings.Contains(h.Key[3], `"ann"`) || h.Parents == nil || h.Types == nil {
		t.Errorf("%+v", h)
	}
	if len(h.Risk) != 3 { // For ann, h1 and h2.
		t.Errorf("%d risk events", len(h.Risk))
	}
	again := runOf(t, "TTP", "user=* | stats count values(dest) as dest by user", risk, query.Source{})
	if diff := cmp.Diff(got.hits[1].Key, again.hits[1].Key); diff != "" || got.hits[1].Risk[0].ID != again.hits[1].Risk[0].ID {
		t.Errorf("found again it is another one:\n%s", diff)
	}
}

// TestTypesOfHits wants each type to make what it is for: alerts, risk events, both or neither.
func TestTypesOfHits(t *testing.T) {
	for kind, want := range map[string]string{"TTP": "alert, 2 risk", "Anomaly": "1 risk", "Hunting": "0 risk", "Correlation": "alert, 1 risk", "Baseline": "0 risk"} {
		got := runOf(t, kind, "action=ok", risk, query.Source{})
		if len(got.hits) != 1 {
			t.Fatalf("%s: %d hits", kind, len(got.hits))
		}
		text := fmt.Sprintf("%d risk", len(got.hits[0].Risk))
		if !got.hits[0].Silent {
			text = "alert, " + text
		}
		if text != want {
			t.Errorf("%s: %s, want %s", kind, text, want)
		}
	}
}

// TestRowsSay wants what a search says of a row to go before what the detection says, and the fields of an event that are
// only called so to stay the event's.
func TestRowsSay(t *testing.T) {
	for _, tt := range []struct {
		name, search    string
		reason          any
		score, severity any
	}{
		{"row", `action=ok | stats count by user | eval risk_score=77, title="T", severity="Critical"`, "T", 77.0, "critical"},
		{"message", `action=ok | stats count by user | eval risk_message="M"`, "About bob", 42, nil},
		{"informational", `action=ok | stats count by user | eval severity="informational"`, "About bob", 42, "low"},
		{"no grade", `action=ok | stats count by user | eval severity="odd"`, "About bob", 42, nil},
		{"event", `n=7`, "About $user$", 42, nil},
		{"event that is set", `n=7 | eval title="T", severity="low"`, "T", 42, "low"},
	} {
		got := runOf(t, "TTP", tt.search, risk, query.Source{})
		if len(got.hits) != 1 {
			t.Fatalf("%s: %d hits", tt.name, len(got.hits))
		}
		f := got.hits[0].Facts
		if diff := cmp.Diff([]any{tt.reason, tt.score, tt.severity}, []any{f["kibana.alert.reason"], f["kibana.alert.risk_score"], f["kibana.alert.severity"]}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	const noTitle = "rba: {message: Message of $user$, risk_objects: [{field: user, type: user, score: 5}]}\n"
	for search, want := range map[string]any{`action=ok`: "Message of bob", `action=ok | eval risk_message="M"`: "M"} {
		if got := runOf(t, "TTP", search, noTitle, query.Source{}); got.hits[0].Facts["kibana.alert.reason"] != want {
			t.Errorf("%s: %v, want %v", search, got.hits[0].Facts["kibana.alert.reason"], want)
		}
	}
}

// TestWarnings pins what is said of rows beside hits.
func TestWarnings(t *testing.T) {
	for _, tt := range []struct{ kind, search, more, want string }{
		{"TTP", `action=ok`, risk, ""},
		{"TTP", `action=ok | fields n`, risk, "nobody is scored for 1 row without the field user, dest"},
		{"TTP", `n=7`, risk, "1 messages name fields that their rows do not have, and show them as they are: $user$"},
		{"Hunting", `action=fail`, risk, ""},
		{"TTP", `action=fail user=* | eval risk_score="much"`, risk, `the risk_score of 2 rows is no number, such as "much": the score of the detection counts`},
		{
			"TTP", `action=* | collect index=other`, "finding: {title: x, entity: {field: action, type: other, score: 1}}\n",
			"", // They are kept beside the risk events.
		},
		{"Hunting", `action=ok | collect index=risk`, "", "nobody is scored for 1 row without the field risk_object"},
		{
			"TTP", `action=fail`, risk + "throttling: {fields: [user], period: 1d}\n",
			"throttling kept back 1 row with values that were found within 1d before\nthrottling by user does not throttle 1 row without such a field\n" +
				"1 messages name fields that their rows do not have, and show them as they are: $user$",
		},
	} {
		if got := strings.Join(runOf(t, tt.kind, tt.search, tt.more, query.Source{}).result.Warnings, "\n"); got != tt.want {
			t.Errorf("%s %s:\n got %s\nwant %s", tt.kind, tt.search, got, tt.want)
		}
	}
}

// TestCollectedRisk wants the rows that a search writes to the risk index itself to be risk events that make no alert.
func TestCollectedRisk(t *testing.T) {
	got := runOf(t, "Hunting", `action=fail user=* | stats count by user | eval risk_object=user, risk_object_type="user", risk_score=9 | collect index=risk`, "", query.Source{})
	var silent []query.Hit
	for _, h := range got.hits {
		if len(h.Risk) > 0 {
			silent = append(silent, h)
		}
	}
	if len(silent) != 1 || !silent[0].Silent || len(silent[0].Risk) != 1 {
		t.Fatalf("%+v", got.hits)
	}
	risk := silent[0].Risk[0].Source["risk"].(map[string]any)
	if risk["object"] != "ann" || risk["object_type"] != "user" || risk["score"] != 9.0 {
		t.Errorf("%v", risk)
	}
}

// past is a history of alerts.
type past struct {
	alerts []query.Past
	rule   string
	since  time.Time
	asked  []string
	fault  error
}

func (p *past) Past(_ context.Context, rule string, instances []string, since time.Time) ([]query.Past, error) {
	p.rule, p.since, p.asked = rule, since, instances
	var out []query.Past
	for _, a := range p.alerts {
		if slices.Contains(instances, a.Instance) && !a.To.Before(since) {
			out = append(out, a)
		}
	}
	return out, p.fault
}

// TestThrottling wants rows to be kept back whose values were found within the period before: by an earlier window or an
// earlier row, never by what this window itself has made.
func TestThrottling(t *testing.T) {
	const throttled = risk + "throttling: {fields: [user], period: 1h}\n"
	users := func(o outcome) (out []string) {
		for _, h := range o.hits {
			out = append(out, fmt.Sprint(h.Facts["splunk.result"].(map[string]any)["user"]))
		}
		return out
	}
	const search = "user=* | stats count values(dest) as dest by user"
	free := runOf(t, "TTP", search, throttled, query.Source{})
	ann := free.hits[0].Instance
	if diff := cmp.Diff([]string{"ann", "bob"}, users(free)); diff != "" || ann == "" || ann == free.hits[1].Instance {
		t.Fatalf("without a history: %s", diff)
	}
	for name, tt := range map[string]struct {
		to   time.Time
		want []string
	}{
		"before":      {trial.Noon.Add(-10 * time.Minute), []string{"bob"}},
		"at its end":  {trial.Noon, []string{"ann", "bob"}},
		"just before": {trial.Noon.Add(-time.Millisecond), []string{"bob"}},
		"long before": {trial.Noon.Add(-time.Hour - time.Second), []string{"ann", "bob"}},
	} {
		history := &past{alerts: []query.Past{{Instance: ann, From: tt.to, To: tt.to}}}
		if diff := cmp.Diff(tt.want, users(runOf(t, "TTP", search, throttled, query.Source{History: history}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if history.rule != "i" || !history.since.Equal(trial.Noon.Add(-time.Hour)) || len(history.asked) != 2 {
			t.Errorf("%s: asked for %s since %s of %v", name, history.rule, history.since, history.asked)
		}
	}
	// The time of a finding about one event is the event's.
	events := &past{alerts: []query.Past{{Instance: ann, From: slot.From, To: slot.From.Add(time.Minute)}}}
	if got := users(runOf(t, "TTP", "user=*", throttled, query.Source{History: events})); !slices.Equal(got, []string{"ann", "bob"}) {
		t.Errorf("an alert about an event of this window throttles it: %v", got)
	}
	if got := runOf(t, "Anomaly", search, throttled, query.Source{History: &past{alerts: []query.Past{{Instance: ann, To: slot.From}}}}); len(got.hits) != 2 {
		t.Errorf("alerts throttle a detection that makes none: %d hits", len(got.hits))
	}
	got := runOf(t, "Anomaly", search, throttled, query.Source{Risk: query.RiskSource{History: &past{alerts: []query.Past{{Instance: ann, To: slot.From}}}}})
	if len(got.hits) != 1 || got.hits[0].Risk[0].Source["kibana.alert.instance.id"] != got.hits[0].Instance {
		t.Errorf("risk events do not throttle a detection that makes them: %d hits", len(got.hits))
	}
}

// TestThrottlingFails wants a history that cannot be asked to end the run.
func TestThrottlingFails(t *testing.T) {
	plan, diags := planOf(t, "TTP", "user=*", risk+"throttling: {fields: [user], period: 1h}\n")
	if plan == nil {
		t.Fatal(diags)
	}
	src := query.Source{Events: trial.Events(t, events), At: trial.Noon, History: &past{fault: errors.New("gone")}}
	prepared, _, err := plan.Prepare(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	_, err = prepared.Execute(t.Context(), src, slot, func([]query.Hit) (bool, error) { return true, nil })
	if err == nil || err.Error() != "run the search of rule i: find what throttles rule i: gone" {
		t.Errorf("%v", err)
	}
}

// TestEnough wants a run to end where no more hits are wanted, and to say that it does not know how many there are.
func TestEnough(t *testing.T) {
	plan, diags := planOf(t, "TTP", "user=*", risk)
	if plan == nil {
		t.Fatal(diags)
	}
	src := query.Source{Events: trial.Events(t, events), At: trial.Noon}
	prepared, _, err := plan.Prepare(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	result, err := prepared.Execute(t.Context(), src, slot, func([]query.Hit) (bool, error) { return false, nil })
	if err != nil || result.Total != -1 {
		t.Errorf("%+v, %v", result, err)
	}
	fault := errors.New("full")
	if _, err := prepared.Execute(t.Context(), src, slot, func([]query.Hit) (bool, error) { return true, fault }); !errors.Is(err, fault) {
		t.Errorf("a visitor that fails: %v", err)
	}
	if result, err := prepared.Execute(t.Context(), src, window.Window{}, func([]query.Hit) (bool, error) { return true, fault }); err != nil || result.Total != 0 || !result.Exact {
		t.Errorf("an empty window: %+v, %v", result, err)
	}
}

// TestMappedEvents wants events in ECS to be found by the names of a data model, and counted where they are.
func TestMappedEvents(t *testing.T) {
	got := runOf(t, "TTP", `| tstats count values(Processes.process) as process from datamodel=Endpoint.Processes where Processes.process_name=CMD.exe by Processes.user Processes.dest
  | rename Processes.* as *`, risk, query.Source{})
	if len(got.hits) != 1 {
		t.Fatalf("%d hits, %v", len(got.hits), got.diags)
	}
	want := map[string]any{"user": "eve", "dest": "h9", "count": "1", "process": "cmd /c x"}
	shown := got.hits[0].Facts["splunk.result"].(map[string]any)
	shown["count"] = fmt.Sprint(shown["count"])
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNothingIsThere wants a search for events that nobody has to say so.
func TestNothingIsThere(t *testing.T) {
	got := runOf(t, "TTP", "sourcetype=XmlWinEventLog EventCode=1", risk, query.Source{Events: trial.Events(t, `splunk-x/1 {"@timestamp":"2026-01-15T11:59:00Z","a":1}`)})
	if len(got.hits) > 0 {
		t.Errorf("%d hits", len(got.hits))
	}
	if plan, diags := planOf(t, "TTP", "| tstats count from datamodel=Nowhere.Thing by x", ""); plan != nil || diags.Err() == nil || !strings.Contains(diags.Err().Error(), "Nowhere") {
		t.Errorf("a data model that nobody knows: %v", diags)
	}
}
