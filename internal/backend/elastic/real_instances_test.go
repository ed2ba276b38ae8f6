//go:build integration

package elastic_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
)

// about is an alert about an instance; its event is as old as the alert.
func about(id, rule, instance string, second int) alert.Document {
	d := doc(id, rule, second)
	d.Source["kibana.alert.instance.id"] = instance
	d.Source["kibana.alert.original_time"] = d.Source["@timestamp"]
	return d
}

func realFound(t *testing.T, a *elastic.Alerts, q alert.InstanceQuery) []alert.Document {
	t.Helper()
	var out []alert.Document
	err := a.Find(t.Context(), q, func(d alert.Document) (bool, error) {
		out = append(out, d)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func idsOf(docs []alert.Document) string {
	var out []string
	for _, d := range docs {
		out = append(out, d.ID)
	}
	return strings.Join(out, " ")
}

// TestRealInstances asks before there is an alias, right after writing, and across a rollover.
func TestRealInstances(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	a.Refresh = elastic.RefreshLater
	fresh := alert.InstanceQuery{Instances: []string{"i"}, Fresh: true}
	if got := realFound(t, a, fresh); got != nil {
		t.Errorf("before Install: %v", got)
	}
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := realFound(t, a, fresh); got != nil {
		t.Errorf("without alerts: %v", got)
	}
	suppressed := about("a2", "r", "i", 2)
	suppressed.Source["kibana.alert.suppression.end"] = "2026-05-01T01:00:00Z"
	create := func(docs ...alert.Document) {
		t.Helper()
		if _, err := a.Create(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
	}
	create(about("a3", "r", "i", 3), about("a1", "other", "i", 1), suppressed, about("b1", "r", "j", 1))
	do("POST", "/"+a.Alias()+"/_rollover", "")
	create(about("a4", "r", "i", 4))
	since := func(q alert.InstanceQuery, second int) alert.InstanceQuery {
		q.Since = time.Date(2026, 5, 1, 0, 0, second, 999, time.UTC)
		return q
	}
	for _, test := range []struct {
		name string
		q    alert.InstanceQuery
		want string
	}{
		{"all", fresh, "a1 a2 a3 a4"},
		{"newest first", alert.InstanceQuery{Instances: []string{"i"}, Newest: true}, "a4 a3 a2 a1"},
		{"of a rule", alert.InstanceQuery{Instances: []string{"i"}, RuleID: "r"}, "a2 a3 a4"},
		{"since, to the millisecond", since(alert.InstanceQuery{Instances: []string{"i"}}, 4), "a2 a4"},
		{"since later", since(alert.InstanceQuery{Instances: []string{"i", "j"}}, 60), "a2"},
	} {
		if d := cmp.Diff(test.want, idsOf(realFound(t, a, test.q))); d != "" {
			t.Errorf("%s: %s", test.name, d)
		}
	}
	realReplace(t, a, fresh)
}

// realReplace changes an alert in the old index and one in the new one.
func realReplace(t *testing.T, a *elastic.Alerts, fresh alert.InstanceQuery) {
	t.Helper()
	read := realFound(t, a, fresh)
	first, last := read[0], read[3]
	if first.Index == last.Index {
		t.Fatalf("both are in %s", first.Index)
	}
	unread := about("a3", "r", "i", 3)
	for _, step := range []struct {
		docs []alert.Document
		want []alert.Outcome
	}{
		{[]alert.Document{first, last, unread}, []alert.Outcome{alert.Replaced, alert.Replaced, alert.Failed}},
		{[]alert.Document{first, read[1]}, []alert.Outcome{alert.Stale, alert.Replaced}},
	} {
		for i := range step.docs {
			step.docs[i].Set = map[string]any{"kibana.alert.workflow_status": "closed"}
		}
		written, err := a.Update(t.Context(), step.docs)
		if err != nil {
			t.Fatal(err)
		}
		var got []alert.Outcome
		for _, w := range written {
			got = append(got, w.Outcome)
		}
		if d := cmp.Diff(step.want, got); d != "" {
			t.Errorf("%v\n%s", written, d)
		}
	}
	after := realFound(t, a, fresh)
	var closed []string
	for _, d := range after {
		if d.Source["kibana.alert.workflow_status"] == "closed" {
			closed = append(closed, d.ID)
		}
	}
	if d := cmp.Diff([]string{"a1", "a2", "a4"}, closed); d != "" || len(after) != 4 || after[3].Index != last.Index {
		t.Errorf("%d alerts, closed: %s", len(after), d)
	}
}

// TestRealManyInstances wants all alerts, beyond the limits of a page and of a search.
func TestRealManyInstances(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	var docs []alert.Document
	var instances, want []string
	for i := range 2500 {
		instance := fmt.Sprintf("i%04d", i)
		instances = append(instances, instance)
		if i%3 == 0 {
			d := about(fmt.Sprintf("a%04d", i), "r", instance, i)
			delete(d.Source, "kibana.alert.reason")
			docs, want = append(docs, d), append(want, d.ID)
		}
	}
	if _, err := a.Create(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range realFound(t, a, alert.InstanceQuery{Instances: instances}) {
		got = append(got, d.ID)
	}
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
