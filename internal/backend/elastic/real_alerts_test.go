//go:build integration

package elastic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
)

func realAlerts(t *testing.T, c *elastic.Client, do do, namespace string) *elastic.Alerts {
	t.Helper()
	a, err := elastic.NewAlerts(c, namespace)
	if err != nil {
		t.Fatal(err)
	}
	a.Refresh = elastic.RefreshNow
	t.Cleanup(func() {
		// By name: a cluster may refuse to delete by wildcard. The component templates stay, other
		// namespaces share them.
		do("DELETE", "/"+a.Alias()+"-000001,"+a.Alias()+"-000002?ignore_unavailable=true", "")
		do("DELETE", "/_index_template/"+a.Alias(), "")
	})
	return a
}

func namespaceOf(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("elc%x", time.Now().UnixNano()&0xffffffff)
}

func TestRealInstall(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = a.Install(t.Context()) })
	}
	wg.Wait()
	if err := errors.Join(errors.Join(errs...), a.Install(t.Context())); err != nil {
		t.Fatal(err)
	}
	var indices map[string]struct {
		Mappings json.RawMessage
		Settings struct{ Index map[string]any }
		Aliases  map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(do("GET", "/"+a.Alias(), "")), &indices); err != nil {
		t.Fatal(err)
	}
	first, ok := indices[a.Alias()+"-000001"]
	if !ok || len(indices) != 1 || first.Aliases[a.Alias()]["is_write_index"] != true {
		t.Fatalf("indices %v", indices)
	}
	table, err := mapping.Parse(first.Mappings)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]mapping.Type{
		"@timestamp": mapping.Date, "host.name": mapping.Keyword, "source.ip": mapping.IP,
		"kibana.alert.uuid": mapping.Keyword, "kibana.alert.original_time": mapping.Date,
		"kibana.alert.rule.parameters": mapping.Flattened, "kibana.alert.risk_score": mapping.Float,
		"kibana.alert.ancestors": mapping.Object, "kibana.version": mapping.Version,
		"kibana.alert.group.index": mapping.Integer, "data_stream.dataset": mapping.Keyword,
		"threat.enrichments": mapping.Nested, "process.pe.sections": mapping.Nested,
		"file.elf.imports": mapping.Flattened,
	}
	for name, want := range types {
		if f, _ := table.Field(name); f.Type != want {
			t.Errorf("%s is %q, want %q", name, f.Type, want)
		}
	}
	t.Logf("%d fields in the mapping", len(table))
	if f, _ := table.Field("kibana.alert.reason.text"); f.Path != "kibana.alert.reason" {
		t.Errorf("kibana.alert.reason.text = %+v", f)
	}
	if f, _ := table.Field("kibana.alert.rule.parameters"); f.IgnoreAbove != 4096 {
		t.Errorf("parameters = %+v", f)
	}
	before := do("GET", "/_index_template/"+a.Alias(), "")
	do("PUT", "/_index_template/"+a.Alias(), `{"index_patterns":["`+a.Alias()+`-*"],"priority":600,"_meta":{"template_version":99}}`)
	newer := do("GET", "/_index_template/"+a.Alias(), "")
	if err := a.Install(t.Context()); err != nil || do("GET", "/_index_template/"+a.Alias(), "") != newer || before == newer {
		t.Errorf("a newer template must stay: %v", err)
	}
	if other := realAlerts(t, c, do, strings.TrimPrefix(a.Alias(), "tocsin-alerts-")+"-b"); other.Install(t.Context()) != nil {
		t.Error("a namespace that begins with another one must be possible")
	}
}

func TestRealInstallRefuses(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	makeIndex(t, do, a.Alias(), `{}`)
	err := a.Install(t.Context())
	if failure.KindOf(err) != failure.Rejected || !strings.Contains(err.Error(), "exists where an alias of that name is needed") {
		t.Errorf("an index in the alias's place: %v", err)
	}
}

func TestRealAlerts(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	none := func(alert.Document) (bool, error) { return true, errors.New("no alert is there") }
	if err := a.List(t.Context(), alert.Filter{}, none); err != nil {
		t.Errorf("List before Install: %v", err)
	}
	if _, err := a.Get(t.Context(), "x"); !errors.Is(err, alert.ErrNotFound) {
		t.Errorf("Get before Install: %v", err)
	}
	if got, err := a.Create(t.Context(), []alert.Document{doc("x", "r", 0)}); err != nil || got[0].Outcome != alert.Failed ||
		failure.KindOf(got[0].Err) != failure.Rejected {
		t.Errorf("Create before Install: %+v, %v", got, err)
	}
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	docs := make([]alert.Document, 1203)
	for i := range docs {
		docs[i] = doc(fmt.Sprintf("alert-%04d", i), fmt.Sprintf("rule-%d", i%2), i)
	}
	want := make([]alert.Written, len(docs))
	for i := range docs {
		want[i] = alert.Written{ID: docs[i].ID, Outcome: alert.Created}
	}
	docs[7].Source["@timestamp"] = map[string]any{"not": "a date"}
	want[7].Outcome = alert.Failed
	got, err := a.Create(t.Context(), docs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(alert.Written{}, "Err", "Refused")); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	var e *failure.Error
	if !errors.As(got[7].Err, &e) || e.Kind != failure.Rejected || e.Status != 400 || e.Type != "document_parsing_exception" {
		t.Errorf("the broken alert: %v", got[7].Err)
	}
	realDuplicates(t, a, do, docs)
	realListing(t, a)
}

// realDuplicates writes alerts again, before and after a rollover.
func realDuplicates(t *testing.T, a *elastic.Alerts, do do, docs []alert.Document) {
	t.Helper()
	docs[7] = doc("alert-0007", "rule-1", 7)
	for _, rolled := range []bool{false, true} {
		if rolled {
			do("POST", "/"+a.Alias()+"/_rollover", "")
		}
		got, err := a.Create(t.Context(), docs)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range got {
			want := alert.Duplicate
			if i == 7 && !rolled {
				want = alert.Created
			}
			if w.Outcome != want || w.Err != nil {
				t.Fatalf("rolled over %v, alert %d: %+v", rolled, i, w)
			}
		}
	}
	if got, err := a.Create(t.Context(), []alert.Document{doc("new", "rule-1", 5000)}); err != nil || got[0].Outcome != alert.Created {
		t.Fatalf("after the rollover: %+v, %v", got, err)
	}
}

func realListing(t *testing.T, a *elastic.Alerts) {
	t.Helper()
	rows := []struct {
		filter      alert.Filter
		count       int
		first, last string
	}{
		{alert.Filter{}, 1204, "alert-0000", "new"},
		{alert.Filter{RuleID: "rule-1"}, 602, "alert-0001", "new"},
		{alert.Filter{RuleID: "rule-0", Limit: 300}, 300, "alert-0000", "alert-0598"},
		{alert.Filter{Limit: 2}, 2, "alert-0000", "alert-0001"},
		{alert.Filter{RuleID: "none"}, 0, "", ""},
	}
	for _, row := range rows {
		var got []string
		err := a.List(t.Context(), row.filter, func(d alert.Document) (bool, error) {
			got = append(got, d.ID)
			return true, nil
		})
		ends := append(append([]string{"", ""}, got...), got...)
		if err != nil || len(got) != row.count || row.count > 0 && (got[0] != row.first || ends[len(ends)-1] != row.last) {
			t.Errorf("%+v: %d alerts, %v", row.filter, len(got), err)
		}
	}
	for id, index := range map[string]string{"alert-0001": "-000001", "new": "-000002"} {
		d, err := a.Get(t.Context(), id)
		if err != nil || d.ID != id || d.Index != a.Alias()+index || d.Source["kibana.alert.rule.rule_id"] != "rule-1" {
			t.Errorf("Get(%s) = %+v, %v", id, d, err)
		}
	}
	if _, err := a.Get(t.Context(), "none"); !errors.Is(err, alert.ErrNotFound) {
		t.Errorf("Get(none): %v", err)
	}
}

func doc(id, rule string, second int) alert.Document {
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(second) * time.Second)
	return alert.Document{ID: id, Source: map[string]any{
		"@timestamp": at.Format(time.RFC3339), "kibana.alert.uuid": id, "kibana.alert.rule.rule_id": rule,
		"kibana.alert.ancestors": []any{map[string]any{"id": "1", "index": "logs", "depth": 0}},
		"kibana.alert.reason":    strings.Repeat("long reason ", 30),
		"host":                   map[string]any{"name": "a<b>&c", "ip": []any{"10.0.0.1", "not an address"}},
	}}
}
