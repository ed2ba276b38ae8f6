package escu_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
)

func window(hour int) splunk.Window {
	at := time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)
	return splunk.Window{Earliest: at.Add(-70 * time.Minute), Latest: at.Add(-10 * time.Minute), Now: at}
}

func TestRiskEvents(t *testing.T) {
	d, diags := detection(t, generations["v6"])
	if d == nil {
		t.Fatal(diags)
	}
	row := splunk.Row{"user": splunk.Texts([]string{"ann", "bob"}), "count": splunk.Number(2), "proc": splunk.Texts([]string{"a", "b"})}
	var got []map[string]any
	for _, e := range escu.RiskEvents(d, row, window(12)) {
		f := e.Fields()
		got = append(got, map[string]any{"object": f["risk_object"], "type": f["risk_object_type"], "score": f["risk_score"], "message": f["risk_message"], "threats": f["threat_object"]})
	}
	// One for each value; none for dest, which the row does not have.
	want := []map[string]any{
		{"object": "ann", "type": "user", "score": 30.0, "message": "ann, bob did", "threats": []string{"a", "b"}},
		{"object": "bob", "type": "user", "score": 30.0, "message": "ann, bob did", "threats": []string{"a", "b"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	row = splunk.Row{"dest": splunk.Text("h")}
	d.Risk.Objects[1].Message = "$user$ on $dest$ by $user$ and $who{}.x$"
	events := escu.RiskEvents(d, row, window(12))
	if len(events) != 1 || events[0].Message != "$user$ on h by $user$ and $who{}.x$" || !cmp.Equal(events[0].Missing, []string{"user", "who{}.x"}) {
		t.Errorf("names of fields that are not there: %+v", events)
	}
	if techniques := events[0].Fields()["annotations.mitre_attack.mitre_tactic"]; !cmp.Equal(techniques, []string{"command-and-control"}) {
		t.Errorf("tactics %v", techniques)
	}
}

// TestRiskEventIDs wants a run that is repeated to make the events that are there, and nothing else
// to make them.
func TestRiskEventIDs(t *testing.T) {
	d, _ := detection(t, generations["v5"])
	id := func(row splunk.Row, w splunk.Window) string {
		events := escu.RiskEvents(d, row, w)
		if len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		return events[0].ID
	}
	row := func() splunk.Row { return splunk.Row{"user": splunk.Text("ann"), "count": splunk.Number(1)} }
	first := id(row(), window(12))
	late := window(12)
	late.Now = late.Now.Add(3 * time.Minute)
	if id(row(), late) != first {
		t.Error("a search that begins late makes other events of the same window")
	}
	if id(row(), window(13)) == first {
		t.Error("another window makes the same event")
	}
	other := row()
	other["count"] = splunk.Text("1")
	if id(other, window(12)) == first {
		t.Error("the text 1 makes the event of the number")
	}
	other["count"], other["more"] = splunk.Number(1), splunk.Text("x")
	if id(other, window(12)) == first {
		t.Error("another row makes the same event")
	}
}
