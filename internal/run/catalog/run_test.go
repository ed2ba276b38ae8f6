package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/run/catalog"
	"tocsin/internal/run/pipeline"
)

// place is an embedded place of events, alerts and risk events.
type place struct {
	*pipeline.Pipeline
	alerts, risk *store.Memory
}

func openPlace(t *testing.T, lines string) place {
	t.Helper()
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines)})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	alerts, risk := store.NewMemory(), store.NewMemory()
	return place{&pipeline.Pipeline{
		Events: events, Alerts: alerts, Instances: alerts,
		Risk: &pipeline.Risk{Indexer: risk, Instances: risk, Events: &store.Kept{Records: risk, Index: "tocsin-risk-default"}},
	}, alerts, risk}
}

// run runs a detection at a slot; it must succeed.
func (p place) run(t *testing.T, content string, slot time.Time) pipeline.Execution {
	t.Helper()
	c, diags, err := catalog.LoadFS(t.Context(), catalog.Options{Index: []string{"*"}}, fstest.MapFS{"d.yml": {Data: []byte(content)}}, ".")
	if err != nil || c.Len() != 1 {
		t.Fatal(err, diags)
	}
	plan, diags := c.Plan(c.Rules()[0])
	if plan == nil {
		t.Fatal(diags)
	}
	x := p.Run(t.Context(), pipeline.Job{Plan: plan, Slot: slot, Window: plan.Rule().Window(slot)})
	if x.Status != pipeline.Succeeded {
		t.Fatalf("%s: %s", x.Status, x.Problem())
	}
	return x
}

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// userEvents are one event an hour of each user, half an hour before the slots from noon on.
func userEvents(hours int, users ...string) string {
	var b strings.Builder
	for hour := range hours {
		for _, user := range users {
			at := noon.Add(time.Duration(hour)*time.Hour - 30*time.Minute)
			fmt.Fprintf(&b, `{"_index": "logs-x", "_id": "%s-%d", "_source": {"@timestamp": %q, "kind": "logon", "user": %q, "n": 1}}`+"\n", user, hour, at.Format(time.RFC3339), user)
		}
	}
	return b.String()
}

func detectionOf(kind, search, more string) string {
	return "name: D\nid: d1\ntype: " + kind + "\nsearch: >-\n  " + search + "\nrba:\n  message: $user$ from $where$\n  risk_objects: [{field: user, type: user, score: 30}]\ntags:\n  asset_type: x\n" + more
}

// numbers are the results of a run: alerts and duplicates, risk events and duplicates.
func numbers(x pipeline.Execution) [4]int {
	return [4]int{x.Created, x.Duplicates, x.Risk.Created, x.Risk.Duplicates}
}

// TestTypes wants of each type what Splunk's actions make of it, once.
func TestTypes(t *testing.T) {
	for kind, want := range map[string][4]int{"TTP": {2, 0, 2, 0}, "Anomaly": {0, 0, 2, 0}, "Correlation": {2, 0, 0, 0}, "Hunting": {}} {
		for _, search := range []string{"kind=logon", "kind=logon | stats count by user", "kind=logon | table user, n"} {
			p := openPlace(t, userEvents(1, "ann", "bob"))
			content := detectionOf(kind, search, "")
			if got := numbers(p.run(t, content, noon)); got != want {
				t.Errorf("%s %s: %v, want %v", kind, search, got, want)
			}
			again := [4]int{0, want[0], 0, want[2]}
			if got := numbers(p.run(t, content, noon)); got != again {
				t.Errorf("%s %s again: %v, want %v", kind, search, got, again)
			}
		}
	}
}

// TestFindingOfEvent wants a finding of a search that keeps its events to be about the event: found in another
// window it is the same.
func TestFindingOfEvent(t *testing.T) {
	p := openPlace(t, userEvents(1, "ann"))
	content := detectionOf("TTP", `kind=logon | eval x = n + 1 | sort user`, "custom_schedule: {cron_schedule: '0 * * * *', earliest_time: -3h, latest_time: now, schedule_window: auto}\n")
	p.run(t, content, noon)
	if x := p.run(t, content, noon.Add(time.Hour)); x.Created != 0 || x.Duplicates != 1 {
		t.Errorf("the next window: %v", numbers(x))
	}
	id := alert.EventID("d1", event.Key{Series: "logs-x", ID: "ann-0"})
	doc, err := p.alerts.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if user := event.First(doc.Source, "kind"); user != "logon" {
		t.Errorf("the finding has not the fields of its event: %v", doc.Source)
	}
	if got := event.First(doc.Source, "kibana.alert.reason"); got != "ann from $where$" {
		t.Errorf("reason %q", got)
	}
	if diff := cmp.Diff("2", event.First(doc.Source, "splunk.result.x")); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
}

// TestMissingTokens: a token without a value stays in the message unchanged, and is counted.
func TestMissingTokens(t *testing.T) {
	p := openPlace(t, userEvents(1, "ann", "bob"))
	x := p.run(t, detectionOf("Anomaly", "kind=logon | stats count by user", ""), noon)
	want := []string{"2 messages name fields that their rows do not have, and show them as they are: $where$"}
	if diff := cmp.Diff(want, x.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestThrottling lets a user through once in two hours, whichever run comes again.
func TestThrottling(t *testing.T) {
	const throttled = "  throttling: {fields: [user], period: 90m}\n"
	for _, search := range []string{"kind=logon", "kind=logon | stats count by user"} {
		for _, kind := range []string{"TTP", "Anomaly"} {
			p := openPlace(t, userEvents(4, "ann"))
			content := detectionOf(kind, search, throttled)
			var got []int
			for _, hour := range []int{0, 1, 0, 1, 2, 3} {
				x := p.run(t, content, noon.Add(time.Duration(hour)*time.Hour))
				got = append(got, x.Risk.Created*10+x.Risk.Duplicates)
			}
			if diff := cmp.Diff([]int{10, 0, 1, 0, 10, 0}, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", kind, search, diff)
			}
		}
	}
	p := openPlace(t, userEvents(1, "ann", "ann"))
	x := p.run(t, detectionOf("Anomaly", "kind=logon", throttled), noon)
	if x.Risk.Created != 1 || !strings.Contains(strings.Join(x.Warnings, "\n"), "throttling kept back 1 row with values that were found within 90m before") {
		t.Errorf("within a window: %+v, %v", x.Risk, x.Warnings)
	}
}

// TestRiskOfRisk lets a rule over the risk events find what another has made.
func TestRiskOfRisk(t *testing.T) {
	p := openPlace(t, userEvents(4, "ann", "bob"))
	for hour := range 4 {
		p.run(t, detectionOf("Anomaly", "kind=logon user=ann | stats count by user", ""), noon.Add(time.Duration(hour)*time.Hour))
	}
	over := "name: O\nid: o1\ntype: Correlation\nsearch: >-\n  | tstats sum(All_Risk.calculated_risk_score) as score from datamodel=Risk.All_Risk by All_Risk.risk_object" +
		" | `drop_dm_object_name(All_Risk)` | where score > 100\nfinding: {title: $risk_object$ has $score$}\n" +
		"custom_schedule: {cron_schedule: '5 * * * *', earliest_time: -24h, latest_time: now, schedule_window: auto}\n"
	if x := p.run(t, over, noon.Add(2*time.Hour)); x.Created != 0 {
		t.Errorf("after three events: %v", numbers(x))
	}
	if x := p.run(t, over, noon.Add(4*time.Hour)); x.Created != 1 {
		t.Errorf("after four events: %v", numbers(x))
	}
}
