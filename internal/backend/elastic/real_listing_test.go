//go:build integration

package elastic_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// someAlerts draws alerts with ties in every part of their order, and with missing values.
func someAlerts(t *rapid.T, name string) []alert.Document {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	second := rapid.IntRange(0, 4)
	moment := func(label string) string {
		return start.Add(time.Duration(second.Draw(t, label)) * time.Second).Format("2006-01-02T15:04:05.000Z")
	}
	words := rapid.SampledFrom([]string{"web-1", "WEB-1", "db 2", "a*b", "Größe"})
	docs := make([]alert.Document, rapid.IntRange(300, 600).Draw(t, "alerts"))
	for i := range docs {
		id := fmt.Sprintf("%s-%02x%d", name, rapid.IntRange(0, 255).Draw(t, "id"), i)
		source := map[string]any{
			"@timestamp": moment("at"), "kibana.alert.uuid": id,
			"kibana.alert.rule.rule_id": rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "rule"),
			"kibana.alert.rule.name":    rapid.SampledFrom([]string{"One", "Two", "one more"}).Draw(t, "name"),
			"kibana.alert.severity":     rapid.SampledFrom([]string{"low", "high"}).Draw(t, "severity"),
			"kibana.alert.risk_score":   rapid.IntRange(0, 100).Draw(t, "risk"),
		}
		if rapid.IntRange(0, 3).Draw(t, "original") > 0 {
			source["kibana.alert.original_time"] = moment("original time")
		}
		if rapid.Bool().Draw(t, "host") {
			source["host"] = map[string]any{"name": words.Draw(t, "host name"), "ip": []any{"10.0.0.1", "2001:db8::1"}}
		}
		if rapid.IntRange(0, 4).Draw(t, "user") > 0 {
			source["user.name"] = []any{words.Draw(t, "user name"), words.Draw(t, "second user name")}
		}
		if rapid.IntRange(0, 9).Draw(t, "group") == 0 {
			source["kibana.alert.group.index"] = rapid.IntRange(0, 2).Draw(t, "index")
		}
		docs[i] = alert.Document{ID: id, Source: source}
	}
	return docs
}

// someQuery draws a condition on alerts in KQL.
func someQuery(t *rapid.T, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return "(" + someQuery(t, depth-1) + " and " + someQuery(t, depth-1) + ")"
		case 1:
			return "(" + someQuery(t, depth-1) + " or " + someQuery(t, depth-1) + ")"
		case 2:
			return "not (" + someQuery(t, depth-1) + ")"
		}
	}
	return rapid.SampledFrom([]string{
		"host.name: web-1", "host.name: WEB*", "host.name: *", "user.name: (web-1 or \"db 2\")", "user.name: a\\*b", "user.name: Gr*e",
		"kibana.alert.severity: high", "kibana.alert.risk_score >= 50", "kibana.alert.risk_score < 10", "host.ip: 10.0.0.0/8", "host.ip: \"2001:db8::1\"",
		"kibana.alert.rule.name: One", "kibana.alert.original_time > \"2026-05-01T00:00:01.000Z\"", "kibana.alert.group.index: 1", "kibana.alert.group.index: *",
		"no.such.field: x",
	}).Draw(t, "test")
}

// TestRealListing wants one answer of a cluster and of the embedded store for every filter.
func TestRealListing(t *testing.T) {
	c, do := realClient(t)
	fewChecks(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		a := realAlerts(t, c, do, fmt.Sprintf("%s-%d", namespaceOf(t), round))
		if err := a.Install(t.Context()); err != nil {
			rt.Fatal(err)
		}
		table, err := elastic.TemplateFields(a)
		if err != nil {
			rt.Fatal(err)
		}
		docs, local := someAlerts(rt, "x"), store.NewMemory()
		db, err := store.Open(t.TempDir())
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for _, place := range []alert.Indexer{a, local, db} {
			if _, err := place.Create(t.Context(), docs); err != nil {
				rt.Fatal(err)
			}
		}
		for range 12 {
			f := someFilter(rt)
			remote := f
			if rapid.IntRange(0, 2).Draw(rt, "where") > 0 {
				text := someQuery(rt, 2)
				where, names := lowered(rt, text, table)
				fields, err := a.AlertFields(t.Context(), names)
				if err != nil {
					rt.Fatal(err)
				}
				f.Where, f.Fields = where, table
				remote.Where, _ = lowered(rt, text, fields)
			}
			want := answersOf(rt, a, remote)
			for _, place := range []alert.Browser{local, db} {
				if d := cmp.Diff(want, answersOf(rt, place, f), cmpopts.EquateEmpty()); d != "" {
					rt.Fatalf("%T, filter %+v: -cluster +embedded:\n%s", place, remote, d)
				}
			}
		}
		sameByID(rt, a, docs, local, db)
	})
}

// someFilter draws a filter without a condition.
func someFilter(t *rapid.T) alert.Filter {
	f := alert.Filter{Newest: rapid.Bool().Draw(t, "newest"), RuleID: rapid.SampledFrom([]string{"", "", "r1", "none"}).Draw(t, "rule")}
	if rapid.Bool().Draw(t, "since") {
		f.Since = time.Date(2026, 5, 1, 0, 0, rapid.IntRange(-1, 6).Draw(t, "since when"), rapid.IntRange(0, 1).Draw(t, "nanos"), time.UTC)
	}
	f.Limit = rapid.SampledFrom([]int{0, 0, 1, 250, 251, 300}).Draw(t, "limit")
	return f
}

// lowered returns a query as a condition, and the fields that it names.
func lowered(t *rapid.T, text string, fields mapping.Fields) (condition.Expr, []string) {
	q, diags := translate.Parse(rule.Kuery, diag.NewText("query", text), translate.Options{})
	if q == nil {
		t.Fatal(text, diags)
	}
	l, diags := translate.Moment{Fields: fields, Now: time.Now()}.Query(q)
	if l.Where == nil {
		t.Fatal(text, diags)
	}
	return l.Where, q.Names()
}

// answers are what a store says of one filter.
type answers struct {
	Listed []string
	Counts []alert.RuleCount
	Times  []alert.TimeCount
}

func answersOf(t *rapid.T, b alert.Browser, f alert.Filter) answers {
	var out answers
	err := b.List(t.Context(), f, func(d alert.Document) (bool, error) {
		out.Listed = append(out.Listed, d.ID)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Counts, err = b.CountByRule(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	f.Since = time.Date(2026, 5, 1, 0, 0, 0, 999_999, time.UTC)
	if out.Times, err = alert.CountByTime(t.Context(), b, f, 1500*time.Millisecond, 3); err != nil {
		t.Fatal(err)
	}
	return out
}

// sameByID compares the answers about ids.
func sameByID(t *rapid.T, want alert.Browser, docs []alert.Document, got ...alert.Browser) {
	id := docs[rapid.IntRange(0, len(docs)-1).Draw(t, "shown")].ID
	prefix := id[:rapid.IntRange(1, len(id)).Draw(t, "length")]
	ids, err := want.Prefixed(t.Context(), prefix, 7)
	if err != nil || len(ids) == 0 {
		t.Fatal(ids, err)
	}
	asked := append(slices.Clone(ids), "none")
	all, err := want.GetAll(t.Context(), asked)
	if err != nil || len(all) != len(ids) {
		t.Fatal(len(all), err)
	}
	for _, place := range got {
		others, err := place.Prefixed(t.Context(), prefix, 7)
		if d := cmp.Diff(ids, others); d != "" || err != nil {
			t.Fatalf("%T, prefix %q: %v, %s", place, prefix, err, d)
		}
		found, err := place.GetAll(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range found {
			if d := cmp.Diff(all[doc.ID].Source, doc.Source); d != "" {
				t.Fatalf("%T, alert %s: %s", place, doc.ID, d)
			}
		}
		if len(found) != len(all) {
			t.Fatalf("%T finds %d of %d", place, len(found), len(all))
		}
	}
}
