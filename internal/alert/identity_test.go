package alert_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

// idOf is the identity of an event's alert under a rule as the options want it.
func idOf(t *testing.T, id string, e event.Event, o alert.Options, run alert.Run) string {
	t.Helper()
	r := aRule()
	r.ID = id
	doc, err := alert.NewBuilder(r, o, alert.Indices{Series: seriesOf}).Build(alert.Finding{Event: e}, run)
	if err != nil {
		t.Fatal(err)
	}
	return doc.ID
}

// seriesOf is a possible answer of a cluster: audit is a rollover series, customer is not.
func seriesOf(index string) string {
	if index == "audit-000001" || index == "audit-000002" {
		return "audit"
	}
	return cmp.Or(event.DataStream(index), index)
}

func in(index, id string) event.Event {
	e := anEvent(`{"@timestamp":"2026-01-15T14:05:00Z"}`)
	e.Index, e.ID = index, id
	return e
}

func TestSameIdentity(t *testing.T) {
	later := aRun()
	later.ID, later.Manual = "another", true
	later.Slot, later.Time = later.Slot.Add(time.Hour), later.Time.Add(time.Hour)
	changed := in("logs-a", "1")
	changed.Source = []byte(`{"@timestamp":"2026-01-16T00:00:00Z","message":"the event's second version"}`)
	tests := []struct {
		name string
		a, b event.Event
		run  alert.Run
	}{
		{"another run over another window", in("logs-a", "1"), in("logs-a", "1"), later},
		{"another version of the event", in("logs-a", "1"), changed, aRun()},
		{
			"another backing index of the data stream",
			in(".ds-logs-x-default-2026.01.14-000001", "1"), in(".ds-logs-x-default-2026.01.15-000002", "1"), aRun(),
		},
		{"the data stream by its own name", in(".ds-logs-x-default-2026.01.14-000001", "1"), in("logs-x-default", "1"), aRun()},
		{"the next index of a rollover series", in("audit-000001", "1"), in("audit-000002", "1"), aRun()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := idOf(t, ruleID, test.a, alert.Options{}, aRun())
			if b := idOf(t, ruleID, test.b, alert.Options{}, test.run); a != b {
				t.Errorf("%s and %s differ", a, b)
			}
			if len(a) != 64 || strings.Trim(a, "0123456789abcdef") != "" {
				t.Errorf("%q is not a SHA-256 in hexadecimal", a)
			}
		})
	}
}

func TestIdentityOutlivesTheRulesText(t *testing.T) {
	r := aRule()
	before, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: in("logs-a", "1")}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	r.Name, r.Version, r.ContentHash, r.RiskScore = "Renamed", 9, "fedcba", 1
	after, err := alert.NewBuilder(r, alert.Options{Space: "soc"}, alert.Indices{}).Build(alert.Finding{Event: in("logs-a", "1")}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	if before.ID != after.ID {
		t.Errorf("%s and %s differ", before.ID, after.ID)
	}
}

func TestOtherIdentity(t *testing.T) {
	type alertOf struct {
		rule string
		e    event.Event
	}
	tests := []struct {
		name string
		a, b alertOf
	}{
		{"rule", alertOf{"r1", in("logs-a", "1")}, alertOf{"r2", in("logs-a", "1")}},
		{"event", alertOf{"r1", in("logs-a", "1")}, alertOf{"r1", in("logs-a", "2")}},
		{"index", alertOf{"r1", in("logs-a", "1")}, alertOf{"r1", in("logs-b", "1")}},
		{"data stream", alertOf{"r1", in(".ds-logs-a-default-2026.01.15-000001", "1")}, alertOf{"r1", in(".ds-logs-b-default-2026.01.15-000001", "1")}},
		{"remote cluster", alertOf{"r1", in("logs-a", "1")}, alertOf{"r1", in("eu:logs-a", "1")}},
		{"index and id run together", alertOf{"r1", in("logs-a", "b1")}, alertOf{"r1", in("logs-ab", "1")}},
		{"rule and index run together", alertOf{"r1", in("a", "1")}, alertOf{"r", in("1a", "1")}},
		{"digits that could be lengths", alertOf{"r1", in("a", "1:b")}, alertOf{"r1", in("a1:", "b")}},
		// A name with a year and a month is not a rollover counter: ids may be the same in each
		// index.
		{"indices that look like a rollover series", alertOf{"r1", in("customer-000001", "1")}, alertOf{"r1", in("customer-000002", "1")}},
		{"monthly index", alertOf{"r1", in("audit-202601", "1")}, alertOf{"r1", in("audit-202602", "1")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := idOf(t, test.a.rule, test.a.e, alert.Options{}, aRun())
			if b := idOf(t, test.b.rule, test.b.e, alert.Options{}, aRun()); a == b {
				t.Errorf("both are %s", a)
			}
		})
	}
}

func TestIdentityField(t *testing.T) {
	byField := alert.Options{IdentityField: "event.id"}
	source := func(index, id, text string) event.Event {
		e := in(index, id)
		e.Source = []byte(text)
		return e
	}
	nested, dotted := `{"event":{"id":"x"}}`, `{"event.id":"x"}`
	tests := []struct {
		name string
		a, b event.Event
		same bool
	}{
		{"reindexed", source("logs-a", "1", nested), source("restored-logs-a", "2", nested), true},
		{"spelled otherwise", source("logs-a", "1", nested), source("logs-a", "1", dotted), true},
		{"another value", source("logs-a", "1", nested), source("logs-a", "1", `{"event":{"id":"y"}}`), false},
		{"missing in both", source("logs-a", "1", `{}`), source("logs-a", "2", `{}`), false},
		{"empty in both", source("logs-a", "1", `{"event":{"id":""}}`), source("logs-a", "2", `{"event":{"id":""}}`), false},
		{"null in both", source("logs-a", "1", `{"event":{"id":null}}`), source("logs-a", "2", `{"event":{"id":null}}`), false},
		{"a number", source("logs-a", "1", `{"event":{"id":7}}`), source("logs-b", "2", `{"event":{"id":"7"}}`), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := idOf(t, ruleID, test.a, byField, aRun()), idOf(t, ruleID, test.b, byField, aRun())
			if (a == b) != test.same {
				t.Errorf("%s and %s, want the same: %t", a, b, test.same)
			}
		})
	}
	fallback := idOf(t, ruleID, source("logs-a", "1", `{}`), byField, aRun())
	if want := alert.EventID(ruleID, event.Key{Series: "logs-a", ID: "1"}); fallback != want {
		t.Errorf("without the field the identity is %s, want that of index and _id, %s", fallback, want)
	}
	if alert.FieldID("r", "event.id", "x") == alert.FieldID("r", "event.i", "dx") {
		t.Error("field and value run together")
	}
	if alert.FieldID("r", "f", "x") == alert.EventID("r", event.Key{Series: "f", ID: "x"}) {
		t.Error("a field and its value pass for an index and an _id")
	}
}

// TestIdentityIsPinned fails when the scheme changes: every alert would be created again.
func TestIdentityIsPinned(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"event", alert.EventID("r", event.Key{Series: "logs-a", ID: "1"}), "e3ec08b7f3986726894a5825816a8207432ef5fbf949172b795bd003cd761bc7"},
		{"field", alert.FieldID("r", "event.id", "x"), "c0c6655418d4f0ec457d1ff1a88d48bfffe2cfb0ee9bd3f50c649d1b1fc0045a"},
		{"rule", alert.RuleUUID("r"), "f1df60ff-5404-54ab-b978-6e68da27d1cd"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %s, want %s", test.got, test.want)
			}
		})
	}
}
