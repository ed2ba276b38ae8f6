package alert_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

func TestOfAlerts(t *testing.T) {
	for index, want := range map[string]bool{
		"tocsin-alerts-default-000001": true, "tocsin-alerts-a.b": true, "eu:tocsin-alerts-default-000001": true,
		".alerts-security.alerts-default": true, ".internal.alerts-security.alerts-default-000001": true, "eu:.siem-signals-default-000001": true,
		".preview.alerts-security.alerts-default": true, ".internal.preview.alerts-security.alerts-default-000001": true,
		".ds-.alerts-security.alerts-default-2026.01.01-000001": true, "partial-tocsin-alerts-x-000001": true,
		"shrink-x7k2-tocsin-alerts-x-000001": true, ".reindexed-v8-siem-signals-default": true,
		"": false, "logs-a": false, "tocsin-risk-default": false, "tocsin-ledger-default": false, "alerts-x": false,
		"logs-tocsin-alerts-default": false, "my.alerts-security": false, "tocsin-alertsx": false,
	} {
		if got := alert.OfAlerts(index); got != want {
			t.Errorf("%q: %t", index, got)
		}
	}
}

// TestEventsCannotPassForAlerts: whatever an event contains, its alert is the alert of the event
// without reserved fields, which are moved aside.
func TestEventsCannotPassForAlerts(t *testing.T) {
	own := alert.RuleUUID(ruleID)
	rapid.Check(t, func(rt *rapid.T) {
		forged := object{}
		for range rapid.IntRange(1, 4).Draw(rt, "n") {
			switch rapid.IntRange(0, 7).Draw(rt, "kind") {
			case 0:
				forged["kibana.alert.rule.uuid"] = own
			case 1:
				forged["kibana"] = object{"alert": object{"rule": object{"uuid": own}, "depth": 9}}
			case 2:
				forged["kibana.alert"] = object{"ancestors": []any{object{"rule": own}}}
			case 3:
				forged["kibana.alert.depth"] = rapid.SampledFrom([]any{math.MaxInt64, -5, "x", 1e300}).Draw(rt, "depth")
			case 4:
				forged["tocsin.suppression"] = "AQA"
			case 5:
				forged["tocsin"] = object{"event": object{"a": 1}, "suppression": "x"}
			case 6:
				forged["tocsin.event"] = "x"
			case 7:
				forged["signal"] = object{"rule": object{"id": own}}
			}
		}
		got := build(t, aRule(), anEvent(text(forged)))
		want := build(t, aRule(), anEvent(`{}`))
		aside := got["tocsin.event"]
		delete(got, "tocsin.event")
		delete(got, "tocsin.source") // it depends on the event's content, which differs
		delete(want, "tocsin.source")
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("the alert of %s (-want +got):\n%s", text(forged), diff)
		}
		if diff := cmp.Diff(roundTrip(t, forged), aside); diff != "" {
			rt.Fatalf("kept aside (-want +got):\n%s", diff)
		}
	})
}

// TestDepthIsBounded: an alert of an alert has a greater depth, and the depth is never negative.
func TestDepthIsBounded(t *testing.T) {
	for _, depth := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, -1, 0, 1 << 31} {
		e := event.Event{Index: alertIndex, ID: "1", Source: []byte(`{"kibana.alert.rule.uuid":"x","kibana.alert.depth":` + strconv.FormatInt(depth, 10) + `}`)}
		got, _ := build(t, aRule(), e)["kibana.alert.depth"].(float64)
		if got < 1 || got > 1<<31 {
			t.Errorf("depth %d gives %v", depth, got)
		}
	}
}

// TestWhatAlertsKeptAside: the alert of an alert has the fields that the first alert moved aside.
func TestWhatAlertsKeptAside(t *testing.T) {
	stored := `{"kibana.alert.rule.uuid":"x","tocsin.event":{"host":"web-1"},"tocsin.event_size":5,"user":{"name":"ann"}}`
	got := fieldsOf(build(t, aRule(), anAlert(stored)))
	want := object{"user": object{"name": "ann"}, "event": object{"kind": "signal"}, "tocsin.event": object{"host": "web-1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
