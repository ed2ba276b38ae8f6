package catalog_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/correlation"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/planner"
)

// drawnCorrelation is a correlation as it is drawn, to be written and to be judged.
type drawnCorrelation struct {
	name    string
	kind    correlation.Type
	rules   []string
	groupBy []string
	minutes int
	op      string
	bound   int
	field   string
}

// matching are the rules, each with the values of k that it matches: events may match several.
var matching = map[string][]string{"one": {"a"}, "two": {"b"}, "both": {"a", "b"}, "c": {"c"}}

func drawCorrelations(t *rapid.T) []drawnCorrelation {
	var out []drawnCorrelation
	names := []string{"one", "two", "both", "c"}
	for i := range rapid.IntRange(1, 3).Draw(t, "correlations") {
		d := drawnCorrelation{
			name: fmt.Sprintf("x%d", i), kind: rapid.SampledFrom(correlation.Types).Draw(t, "type"),
			rules:   rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "rules"),
			groupBy: rapid.SampledFrom([][]string{{"u"}, {"u", "h"}, nil}).Draw(t, "group-by"),
			minutes: rapid.SampledFrom([]int{1, 4, 7, 20}).Draw(t, "timespan"),
			op:      rapid.SampledFrom([]string{"gte", "gte", "gt", "lte", "eq", "neq"}).Draw(t, "op"), bound: rapid.IntRange(1, 4).Draw(t, "bound"),
		}
		if d.kind == correlation.ValueCount || d.kind.IsNumeric() {
			d.field = "n"
			if i > 0 && d.kind == correlation.ValueCount {
				d.field = rapid.SampledFrom([]string{"n", "u"}).Draw(t, "field")
			}
		}
		out = append(out, d)
		names = append(names, d.name) // those that follow may be about it
	}
	return out
}

// written writes rules and correlations as files of Sigma do.
func written(all []drawnCorrelation) string {
	var docs []string
	for _, name := range []string{"one", "two", "both", "c"} {
		docs = append(docs, fmt.Sprintf("title: %s\nname: %s\nlogsource: {product: x}\ndetection: {s: {k: [%s]}, condition: s}\n", name, name, strings.Join(matching[name], ", ")))
	}
	for _, d := range all {
		condition := fmt.Sprintf("{%s: %d", d.op, d.bound)
		if d.field != "" {
			condition += ", field: " + d.field
		}
		if d.kind == correlation.ValuePercentile {
			condition += ", percentile: 75"
		}
		docs = append(docs, fmt.Sprintf("title: %s\nname: %s\ncorrelation: {type: %s, rules: [%s], group-by: [%s], timespan: %dm, condition: %s}}\n",
			d.name, d.name, d.kind, strings.Join(d.rules, ", "), strings.Join(d.groupBy, ", "), d.minutes, condition))
	}
	return strings.Join(docs, "---\n")
}

// correlated are events of an hour.
type correlated struct {
	at     time.Time
	source map[string]any
}

func drawCorrelated(t *rapid.T) []correlated {
	var out []correlated
	for range rapid.IntRange(0, 30).Draw(t, "events") {
		e := correlated{noon.Add(time.Duration(rapid.IntRange(0, 59*6).Draw(t, "at")) * 10 * time.Second), map[string]any{}}
		e.source["k"] = rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "k")
		for name, values := range map[string][]any{"u": {"x", "X", 7, []string{"x", "y"}}, "h": {"h1", "h2"}, "n": {1, 2, 2.5, "3", "odd", []int{1, 4}}} {
			if i := rapid.IntRange(0, len(values)).Draw(t, name); i < len(values) {
				e.source[name] = values[i]
			}
		}
		out = append(out, e)
	}
	return out
}

// occurrence is a hit of a rule or a correlation as the test judges it.
type occurrence struct {
	at     int64
	id     int
	fields map[string][]string
}

// judge returns what a rule or correlation finds among events, by definition: everything at once.
func judge(name string, all []drawnCorrelation, events []correlated, next *int) []occurrence {
	if values, is := matching[name]; is {
		var out []occurrence
		for i, e := range events {
			if slices.Contains(values, e.source["k"].(string)) {
				out = append(out, occurrence{e.at.UnixNano(), i, textsOf(e.source)})
			}
		}
		return out
	}
	d := all[slices.IndexFunc(all, func(d drawnCorrelation) bool { return d.name == name })]
	spec := correlation.Spec{
		Type: d.kind, Span: time.Duration(d.minutes) * time.Minute, Rules: len(d.rules), Percentile: big.NewRat(75, 1),
		Compare: []correlation.Comparison{{Op: d.op, Value: big.NewRat(int64(d.bound), 1)}},
	}
	groups := map[string][]correlation.Hit{}
	for n, of := range d.rules {
		for _, o := range judge(of, all, events, next) {
			keys := []string{""}
			for _, f := range d.groupBy {
				var longer []string
				for _, k := range keys {
					for _, v := range o.fields[f] {
						longer = append(longer, k+f+"="+v+";")
					}
				}
				keys = longer
			}
			for _, k := range keys {
				groups[k] = append(groups[k], correlation.Hit{At: o.at, Rule: n, Event: o.id, Values: o.fields[d.field]})
			}
		}
	}
	var out []occurrence
	for key, hits := range groups {
		fields := map[string][]string{}
		for part := range strings.SplitSeq(key, ";") {
			if f, v, ok := strings.Cut(part, "="); ok {
				fields[f] = []string{v}
			}
		}
		spec.Find(hits, func(c correlation.Completion) bool {
			*next++
			out = append(out, occurrence{c.At, 1000 + *next, fields})
			return true
		})
	}
	return out
}

// textsOf writes the values of an event as texts, each once.
func textsOf(source map[string]any) map[string][]string {
	out := map[string][]string{}
	for name, v := range source {
		data, _ := json.Marshal(v)
		for part := range strings.SplitSeq(strings.Trim(string(data), "[]"), ",") {
			out[name] = append(out[name], strings.Trim(part, `"`))
		}
	}
	return out
}

// expected are the alerts of the last correlation over windows that together are w.
func expected(all []drawnCorrelation, events []correlated, w window.Window) []string {
	last := all[len(all)-1]
	span := int64(last.minutes) * int64(time.Minute)
	next := 0
	firsts, wanted := map[string]int64{}, map[string]bool{}
	for _, o := range judge(last.name, all, events, &next) {
		var key []string
		for _, f := range last.groupBy {
			key = append(key, f+"="+o.fields[f][0])
		}
		p := fmt.Sprint(key, o.at/span)
		if at, known := firsts[p]; !known || o.at < at {
			firsts[p] = o.at
		}
		wanted[p] = wanted[p] || w.Contains(time.Unix(0, o.at))
	}
	var out []string
	for p, at := range firsts {
		if wanted[p] {
			out = append(out, fmt.Sprintf("%s at %s", p[:strings.LastIndex(p, " ")], time.Unix(0, at).UTC().Format("15:04:05")))
		}
	}
	slices.Sort(out)
	return out
}

// runner runs the last correlation of a text; it begins anew whenever it is told to.
type correlationRunner struct {
	t     *rapid.T
	text  string
	round *pipeline.Round
	plan  query.Plan
}

func newCorrelationRunner(t *rapid.T, text string, events *store.Events, alerts *store.Memory) *correlationRunner {
	return &correlationRunner{t: t, text: text, round: &pipeline.Round{Pipeline: &pipeline.Pipeline{Events: events, Alerts: alerts, Instances: alerts}, Planner: &planner.Planner{}}}
}

func (r *correlationRunner) restart() {
	c, diags, err := catalog.LoadFS(context.Background(), catalog.Options{Sigma: catalog.Sigma{Index: []string{"logs-x"}}}, fstest.MapFS{"r.yml": {Data: []byte(r.text)}}, ".")
	if err != nil || diags.HasErrors() {
		r.t.Fatal(err, diags)
	}
	rules := c.Rules()
	plan, diags := c.Plan(rules[slices.IndexFunc(rules, func(r *rule.Rule) bool { return r.Type == rule.TypeCorrelation })])
	for _, one := range rules {
		if one.Type == rule.TypeCorrelation {
			plan, diags = c.Plan(one) // the last
		}
	}
	if plan == nil {
		r.t.Fatal(diags)
	}
	plan.Rule().MaxSignals = 1000
	r.plan = plan
}

func (r *correlationRunner) run(slot time.Time, w window.Window) {
	for _, x := range r.round.RunAll(context.Background(), []pipeline.Job{{Plan: r.plan, Slot: slot, Window: w}}, nil) {
		if x.Status != pipeline.Succeeded {
			r.t.Fatalf("%s: %s", x.Status, x.Problem())
		}
	}
}

// alertsOf lists the alerts, without those that are building blocks, and the ids of all.
func alertsOf(t *rapid.T, alerts *store.Memory) (listed, ids []string) {
	err := alerts.List(context.Background(), alert.Filter{}, func(d alert.Document) (bool, error) {
		ids = append(ids, d.ID)
		if d.Source["kibana.alert.building_block_type"] != nil {
			return true, nil
		}
		var key []string
		for _, term := range d.Source["tocsin.correlation.group"].([]any) {
			one := term.(map[string]any)
			key = append(key, fmt.Sprintf("%s=%s", one["field"], one["value"]))
		}
		at, err := time.Parse(time.RFC3339, fmt.Sprint(d.Source["kibana.alert.original_time"]))
		listed = append(listed, fmt.Sprintf("%v at %s", key, at.Format("15:04:05")))
		return true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed)
	slices.Sort(ids)
	return listed, ids
}

// TestCorrelationsInWindows: slots in order, slots in any order and again with restarts between, and one window over all find what the
// definition finds over all events at once, and the same alerts.
func TestCorrelationsInWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawCorrelations(t)
		events := drawCorrelated(t)
		var lines strings.Builder
		for i, e := range events {
			e.source["@timestamp"] = e.at.Format(time.RFC3339)
			data, _ := json.Marshal(e.source)
			fmt.Fprintf(&lines, `{"_index": "logs-x", "_id": "e%d", "_source": %s}`+"\n", i, data)
			delete(e.source, "@timestamp")
		}
		open, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())})
		if err != nil || diags.HasErrors() {
			t.Fatal(err, diags)
		}
		defer func() { _ = open.Close() }()
		first, slots := rapid.IntRange(0, 4).Draw(t, "first"), rapid.IntRange(1, 9).Draw(t, "slots")
		slotOf := func(n int) time.Time { return noon.Add(time.Duration(first+n+1) * 5 * time.Minute) }
		windowOf := func(n int) window.Window {
			return window.Window{From: slotOf(n).Add(-6 * time.Minute), To: slotOf(n)}
		}
		whole := window.Window{From: windowOf(0).From, To: windowOf(slots - 1).To}
		want := expected(all, events, whole)

		alerts := [3]*store.Memory{store.NewMemory(), store.NewMemory(), store.NewMemory()}
		calm := newCorrelationRunner(t, written(all), open, alerts[0])
		calm.restart()
		for n := range slots {
			calm.run(slotOf(n), windowOf(n))
		}
		wild := newCorrelationRunner(t, written(all), open, alerts[1])
		wild.restart()
		order := slices.Concat(rapid.Permutation(slices.Collect(upTo(slots))).Draw(t, "order"), rapid.SliceOfN(rapid.IntRange(0, slots-1), 0, 4).Draw(t, "again"))
		for _, n := range order {
			if rapid.IntRange(0, 3).Draw(t, "restarts") == 0 {
				wild.restart()
			}
			m := min(slots-1, n+rapid.IntRange(0, 2).Draw(t, "together"))
			wild.run(slotOf(m), window.Window{From: windowOf(n).From, To: windowOf(m).To})
		}
		once := newCorrelationRunner(t, written(all), open, alerts[2])
		once.restart()
		once.run(slotOf(slots-1), whole)

		var firstIDs []string
		for i, a := range alerts {
			got, ids := alertsOf(t, a)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("way %d (-want +got):\n%s\n%s\n%s", i, diff, written(all), lines.String())
			}
			if i == 0 {
				firstIDs = ids
			} else if diff := gocmp.Diff(firstIDs, ids); diff != "" {
				t.Fatalf("the documents of way %d are others (-want +got):\n%s", i, diff)
			}
		}
	})
}

func upTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range cmp.Or(n, 0) {
			if !yield(i) {
				return
			}
		}
	}
}
