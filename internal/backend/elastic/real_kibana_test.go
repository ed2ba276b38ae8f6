//go:build integration

package elastic_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
)

type object = map[string]any

// kibanaMapping is a mapping as Kibana's templates make it: the fields of its schema and some of ECS, nothing else.
func kibanaMapping(t *testing.T) object {
	t.Helper()
	data, err := os.ReadFile("../../alert/testdata/kibana-schema.tsv")
	if err != nil {
		t.Fatal(err)
	}
	root := object{}
	put := func(name string, definition object) {
		at := root
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			below, ok := at[part].(object)
			if !ok {
				below = object{"properties": object{}}
				at[part] = below
			}
			at = below["properties"].(object)
		}
		if _, there := at[parts[len(parts)-1]]; !there {
			at[parts[len(parts)-1]] = definition
		}
	}
	types := map[string]string{"date": "date", "number": "long", "numbers": "long", "string": "keyword", "strings": "keyword"}
	for line := range strings.Lines(string(data)) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if len(columns) != 3 || types[columns[1]] == "" {
			continue
		}
		put(columns[0], object{"type": types[columns[1]]})
	}
	put("kibana.alert.rule.parameters", object{"type": "flattened", "ignore_above": 4096})
	for _, name := range []string{"host.name", "host.id", "user.name", "process.name", "event.category", "agent.id"} {
		put(name, object{"type": "keyword", "ignore_above": 1024})
	}
	put("host.ip", object{"type": "ip"})
	put("threat.enrichments", object{"type": "nested"})
	return object{"dynamic": false, "_meta": object{"kibana": object{"version": "8.19.2"}, "managed": true, "namespace": "default"}, "properties": root}
}

// kibanaSpace is a space with an index like Kibana's.
type kibanaSpace struct {
	name string
	do   do
}

func newKibanaSpace(t *testing.T, do do) kibanaSpace {
	t.Helper()
	k := kibanaSpace{namespaceOf(t), do}
	t.Cleanup(func() {
		for n := 1; n <= 2; n++ {
			do("DELETE", fmt.Sprintf("/%s?ignore_unavailable=true", k.index(n)), "")
		}
		do("DELETE", "/_index_template/test-"+k.name, "")
	})
	return k
}

func (k kibanaSpace) index(n int) string {
	return fmt.Sprintf(".internal.alerts-security.alerts-%s-%06d", k.name, n)
}

// install makes the template and the first index of a space as Kibana does.
func (k kibanaSpace) install(t *testing.T, mapping object) {
	t.Helper()
	settings := object{"index.hidden": true, "index.number_of_replicas": 0, "index.mapping.ignore_malformed": true, "index.mapping.total_fields.limit": 2500}
	text := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	k.do("PUT", "/_index_template/test-"+k.name, text(object{
		"index_patterns": []string{".internal.alerts-security.alerts-" + k.name + "-*"}, "priority": 700, "template": object{"settings": settings, "mappings": mapping},
	}))
	k.do("PUT", "/"+k.index(1), text(object{"aliases": object{elastic.KibanaIndex(k.name): object{"is_write_index": true, "is_hidden": true}}}))
}

// TestRealKibanaRefused: what is not an index that Kibana made is refused with the reason, and nothing is created.
func TestRealKibanaRefused(t *testing.T) {
	c, do := realClient(t)
	property := func(m object, name string, definition any) {
		at := m["properties"].(object)
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			at = at[part].(object)["properties"].(object)
		}
		if definition == nil {
			delete(at, parts[len(parts)-1])
			return
		}
		at[parts[len(parts)-1]] = definition
	}
	for name, test := range map[string]struct {
		change func(object)
		want   string
	}{
		"as it is":    {func(object) {}, ""},
		"dynamic":     {func(m object) { m["dynamic"] = true }, "dynamic is true"},
		"strict":      {func(m object) { m["dynamic"] = "strict" }, "dynamic is strict"},
		"no source":   {func(m object) { m["_source"] = object{"enabled": false} }, "_source.enabled is false"},
		"no version":  {func(m object) { delete(m, "_meta") }, "does not name the version of a Kibana"},
		"no instance": {func(m object) { property(m, "kibana.alert.instance.id", nil) }, "kibana.alert.instance.id is missing"},
		"text":        {func(m object) { property(m, "kibana.alert.uuid", object{"type": "text"}) }, "kibana.alert.uuid is text, not keyword"},
		"not indexed": {func(m object) { property(m, "kibana.alert.rule.rule_id", object{"type": "keyword", "index": false}) }, "kibana.alert.rule.rule_id is not indexed"},
		"an object elsewhere": {func(m object) {
			property(m, "kibana.alert.reason", object{"properties": object{"x": object{"type": "keyword"}}})
		}, "kibana.alert.reason is object, not keyword"},
		"of another ECS":       {func(m object) { property(m, "host.name", object{"properties": object{"x": object{"type": "keyword"}}}) }, ""},
		"parameters as object": {func(m object) { property(m, "kibana.alert.rule.parameters", object{"type": "object"}) }, "kibana.alert.rule.parameters is object, not flattened"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKibanaSpace(t, do)
			a, err := elastic.NewKibanaAlerts(c, k.name)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Install(t.Context()); failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), "open the Security app") || !strings.Contains(err.Error(), "/s/"+k.name+"/api/detection_engine/index") {
				t.Errorf("without an index: %v", err)
			}
			m := kibanaMapping(t)
			test.change(m)
			k.install(t, m)
			switch err := a.Install(t.Context()); {
			case test.want == "" && err != nil, test.want != "" && err == nil, err != nil && (failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want %q", err, test.want)
			}
			if made := do("GET", "/_cat/indices/*"+k.name+"*?h=index&expand_wildcards=all", ""); strings.TrimSpace(made) != k.index(1) {
				t.Errorf("indices %q", made)
			}
		})
	}
	k := newKibanaSpace(t, do)
	a, err := elastic.NewKibanaAlerts(c, k.name)
	if err != nil {
		t.Fatal(err)
	}
	do("PUT", "/"+a.Alias(), `{"mappings":{"dynamic":false}}`)
	defer do("DELETE", "/"+a.Alias(), "")
	if err := a.Install(t.Context()); err == nil || !strings.Contains(err.Error(), "where Kibana has an alias") {
		t.Errorf("an index of its name: %v", err)
	}
}

// TestRealKibanaAlerts writes, finds, changes and lists alerts beside those of Kibana's own rules.
func TestRealKibanaAlerts(t *testing.T) {
	c, do := realClient(t)
	k := newKibanaSpace(t, do)
	k.install(t, kibanaMapping(t))
	a, err := elastic.NewKibanaAlerts(c, k.name)
	if err != nil {
		t.Fatal(err)
	}
	a.Refresh = elastic.RefreshNow
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := a.KibanaVersion(t.Context()); v != "8.19.2" || err != nil {
		t.Error(v, err)
	}
	ours := func(id, instance string, second int) alert.Document {
		d := about(id, "r", instance, second)
		maps.Copy(d.Source, object{alert.WriterField: alert.Writer, "kibana.alert.workflow_status": "open", "tocsin.source": object{"index": []string{"logs"}, "content": []string{id}}})
		return d
	}
	do("PUT", "/"+k.index(1)+"/_create/foreign?refresh=true", `{"@timestamp":"2026-05-01T00:00:00Z","kibana.alert.uuid":"foreign","kibana.alert.rule.rule_id":"r","kibana.alert.rule.created_by":"elastic"}`)
	write := func(want string, docs ...alert.Document) {
		t.Helper()
		written, err := a.Create(t.Context(), docs)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range written {
			got = append(got, fmt.Sprintf("%s %d %v", w.ID, w.Outcome, w.Met != nil))
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%v %s", written, d)
		}
	}
	write("a1 1 false a2 1 false", ours("a1", "i", 1), ours("a2", "j", 2))
	do("POST", "/"+a.Alias()+"/_rollover", "")
	write("a1 2 true a3 1 false", ours("a1", "i", 1), ours("a3", "i", 3))
	write("a3 2 true", ours("a3", "i", 3)) // 409 of the write index, or found before
	if d := cmp.Diff("a1 a3", idsOf(realFound(t, a, alert.InstanceQuery{RuleID: "r", Instances: []string{"i"}, Fresh: true}))); d != "" {
		t.Error(d)
	}
	// People change an alert while it is extended: neither is lost.
	read := realFound(t, a, alert.InstanceQuery{Instances: []string{"i"}, Fresh: true})
	if r, err := workflow.Apply(t.Context(), a, []string{"a1", "a3"}, workflow.Action{Status: workflow.Acknowledged, AddTags: []string{"x"}}); err != nil || r.Changed != 2 {
		t.Error(r, err)
	}
	extend := func(docs []alert.Document) (outcomes []alert.Outcome) {
		for i := range docs {
			docs[i].Set = alert.Extending(alert.Suppression{Count: 4}, time.Unix(1, 0))
		}
		written, err := a.Update(t.Context(), docs)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range written {
			outcomes = append(outcomes, w.Outcome)
		}
		return outcomes
	}
	if got := extend(read); !slices.Equal(got, []alert.Outcome{alert.Stale, alert.Stale}) {
		t.Errorf("a change of people was written over: %v", got)
	}
	if got := extend(realFound(t, a, alert.InstanceQuery{Instances: []string{"i"}, Fresh: true})); !slices.Equal(got, []alert.Outcome{alert.Replaced, alert.Replaced}) {
		t.Errorf("%v", got)
	}
	for _, d := range realFound(t, a, alert.InstanceQuery{Instances: []string{"i"}, Fresh: true}) {
		if d.Source["kibana.alert.workflow_status"] != "acknowledged" || fmt.Sprint(d.Source["kibana.alert.workflow_tags"]) != "[x]" || fmt.Sprint(d.Source["kibana.alert.suppression.docs_count"]) != "4" {
			t.Errorf("%v", d.Source)
		}
	}
	listed := func(f alert.Filter) string {
		var ids []string
		err := a.List(t.Context(), f, func(d alert.Document) (bool, error) {
			ids = append(ids, d.ID)
			return true, nil
		})
		if err != nil {
			t.Error(err)
		}
		return strings.Join(ids, " ")
	}
	fields, err := a.AlertFields(t.Context(), []string{"host.name", workflow.StatusField})
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := condition.Term{Field: workflow.StatusField, Value: "acknowledged"}
	if d := cmp.Diff([]string{"a1 a2 a3", "a1 a3"}, []string{listed(alert.Filter{RuleID: "r"}), listed(alert.Filter{Where: acknowledged, Fields: fields})}); d != "" {
		t.Error(d)
	}
	if counts, err := a.CountByRule(t.Context(), alert.Filter{}); err != nil || len(counts) != 1 || counts[0].Alerts != 3 {
		t.Error(counts, err)
	}
	if ids, err := a.Prefixed(t.Context(), "f", 9); err != nil || !slices.Equal(ids, []string{"foreign"}) {
		t.Error("by id, every alert of the index is found:", ids, err)
	}
	// Fields that Kibana does not index must not look as if no alert had them.
	for _, name := range []string{"tocsin.correlation.type", "tocsin.event", "tocsin.event.host", "tocsin.source.index", "tocsin.suppression", "splunk.risk", "splunk.any.thing"} {
		if _, err := a.AlertFields(t.Context(), []string{"host.name", name}); err == nil || !strings.Contains(err.Error(), name+" without indexing it") {
			t.Errorf("a field that is not indexed: %v", err)
		}
	}
	if m, err := a.Misfits(t.Context()); len(m) > 0 || err != nil {
		t.Error(m, err)
	}
	if made := do("GET", "/_index_template/*"+k.name+"*", ""); strings.Count(made, `"index_template"`) != 1 {
		t.Errorf("templates: %s", made)
	}
}

// TestRealUpdateOfARefusedAlert: an alert that its index, under a mapping of today, would refuse is changed all the same.
func TestRealUpdateOfARefusedAlert(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := about("a1", "r", "i", 1)
	d.Source["odd"], d.Source["kibana.alert.workflow_status"] = "a text", "acknowledged"
	if _, err := a.Create(t.Context(), []alert.Document{d}); err != nil {
		t.Fatal(err)
	}
	do("PUT", "/"+a.Alias()+"/_mapping", `{"properties":{"odd":{"properties":{"x":{"type":"keyword"}}}}}`)
	read := realFound(t, a, alert.InstanceQuery{Instances: []string{"i"}, Fresh: true})
	read[0].Set = object{"kibana.alert.suppression.docs_count": 1}
	written, err := a.Update(t.Context(), read)
	if err != nil || written[0].Outcome != alert.Replaced || written[0].Form != alert.EventAside {
		t.Fatalf("%+v %v", written, err)
	}
	after := realFound(t, a, alert.InstanceQuery{Instances: []string{"i"}, Fresh: true})[0].Source
	if fmt.Sprint(after["kibana.alert.suppression.docs_count"]) != "1" || after["kibana.alert.workflow_status"] != "acknowledged" || after["tocsin.event"].(object)["odd"] != "a text" {
		t.Errorf("%v", after)
	}
}
