package alert_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

func folding(groupBy ...string) *rule.Rule {
	r := aRule()
	r.AlertSuppression = &rule.AlertSuppression{GroupBy: groupBy}
	return r
}

func subjectOf(t *testing.T, r *rule.Rule, f alert.Finding) alert.Subject {
	t.Helper()
	all := subjectsOf(t, r, f, nil)
	if len(all) != 1 {
		t.Fatalf("a finding is about %d things", len(all))
	}
	return all[0]
}

// subjectsOf returns all subjects of a finding.
func subjectsOf(t *testing.T, r *rule.Rule, f alert.Finding, fields mapping.Fields) []alert.Subject {
	t.Helper()
	all, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{Fields: func(string) mapping.Fields { return fields }}).Subjects(f, aRun().Slot)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(all)
}

func TestSubject(t *testing.T) {
	e := anEvent(`{"@timestamp":"2026-01-15T14:05:00Z","event.ingested":"2026-01-15T14:06:00.123456Z","user":{"name":"bob"},"x":[3,null,[1,2]]}`)
	s := subjectOf(t, folding("user.name", "x", "y"), alert.Finding{Event: e})
	own := idOf(t, ruleID, e, alert.Options{}, aRun())
	want := alert.Subject{ID: s.ID, Key: []string{"suppressed", own, s.Instance}, Own: own, Counted: own, At: time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC), Instance: s.Instance, From: sourceOf(t, e)}
	want.Terms = []alert.Term{{Field: "user.name", Value: "bob"}, {Field: "x", Value: s.Terms[1].Value}, {Field: "y"}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`[1 2 3]`, sprint(s.Terms[1].Value)); diff != "" {
		t.Error(diff)
	}
	if s.ID != alert.FindingID(ruleID, s.Key) {
		t.Errorf("the alert would be %s", s.ID)
	}
	// The time is the time for windows.
	r := folding("user.name")
	r.TimestampOverride = "event.ingested"
	if got := subjectOf(t, r, alert.Finding{Event: e}).At; !got.Equal(time.Date(2026, 1, 15, 14, 6, 0, 123456000, time.UTC)) {
		t.Errorf("at %s", got)
	}
	r.TimestampOverride = "event.created"
	if got := subjectOf(t, r, alert.Finding{Event: e}).At; !got.Equal(want.At) {
		t.Errorf("falls back to %s", got)
	}
	r.TimestampOverrideFallbackDisabled = true
	if got := subjectOf(t, r, alert.Finding{Event: e}).At; !got.Equal(aRun().Slot) {
		t.Errorf("without a time it is %s", got)
	}
}

// TestSubjectOfThreshold: the rule type determines the group, and alerts are found by it.
func TestSubjectOfThreshold(t *testing.T) {
	r := aRule()
	r.Threshold = &rule.Threshold{Fields: []string{"host.name"}}
	r.AlertSuppression = &rule.AlertSuppression{Duration: time.Hour}
	f := alert.Finding{Event: event.Event{Source: []byte(`{"host":{"name":"pc"}}`)}, Key: []string{"threshold", "pc"}, Instance: "group", Parents: []event.Event{}}
	s := subjectOf(t, r, f)
	if s.Own != alert.FindingID(ruleID, f.Key) || s.Instance != "group" || s.Terms[0] != (alert.Term{Field: "host.name", Value: "pc"}) || s.Alone {
		t.Errorf("%+v", s)
	}
}

func TestInstanceID(t *testing.T) {
	id := func(values ...any) string {
		var terms []alert.Term
		for _, v := range values {
			terms = append(terms, alert.Term{Field: "f", Value: v})
		}
		return alert.InstanceID("r", terms)
	}
	different := map[string][]any{}
	for _, values := range [][]any{
		{nil}, {""}, {"a"}, {[]any{"a", "b"}}, {"a", "b"}, {"ab"}, {"a", nil}, {nil, "a"}, {[]any{"a", "b"}, nil}, {true},
	} {
		got := id(values...)
		if other, there := different[got]; there && sprint(other) != sprint(values) {
			t.Errorf("%v and %v are the same", other, values)
		}
		different[got] = values
	}
	if alert.InstanceID("r", nil) == alert.InstanceID("s", nil) {
		t.Error("two rules have the same instance")
	}
}

func TestSubjectOfOwnAlert(t *testing.T) {
	b := alert.NewBuilder(folding("user.name"), alert.Options{}, alert.Indices{})
	own := anAlert(`{"kibana.alert.rule.uuid":"` + alert.RuleUUID(ruleID) + `"}`)
	for _, f := range []alert.Finding{{Event: own}, {Event: anEvent(`{}`), Key: []string{"x"}, Parents: []event.Event{own}}} {
		if _, err := b.Subjects(f, time.Time{}); !errors.Is(err, alert.ErrOwnAlert) {
			t.Errorf("%v", err)
		}
	}
	if _, err := b.GroupSubject([]event.Event{own}, time.Time{}); !errors.Is(err, alert.ErrOwnAlert) {
		t.Errorf("%v", err)
	}
}

// TestMemoryIsNotCopied: an alert about a suppressed alert does not stand for its hits.
func TestMemoryIsNotCopied(t *testing.T) {
	got := build(t, aRule(), anAlert(`{"tocsin.suppression":"AQA","kibana.alert.suppression.start":"2026-01-15T14:05:00Z","tocsin.event":{"a":1}}`))
	if _, there := got["tocsin.suppression"]; there {
		t.Error("the memory was copied")
	}
	if _, stands := alert.SuppressionOf(alert.Document{Source: got}); stands {
		t.Error("the alert stands for the hits of another")
	}
}
