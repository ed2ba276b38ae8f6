//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/match/condition"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
	"tocsin/internal/search/planner"
	"tocsin/internal/translate"
)

// TestIndexNamesAgree: dates in index names are resolved as Elasticsearch resolves them at the current time, and
// names that it refuses are refused.
func TestIndexNamesAgree(t *testing.T) {
	n := newNode(t)
	for _, expression := range []string{
		"{now/d}", "{now}", "{now-1d/d}", "{now/M{yyyy.MM}}", "{now/y{uuuu}}", "{now/w}", "{now-3w/w{yyyy.MM.dd}}", "{now/d{yyyy.MM.dd|+12:00}}",
		"{now/d{yyyy.MM.dd|-08:00}}", "{now/h{yyyy.MM.dd.HH|Asia/Kathmandu}}", "{now{HH}}", "{now/d{dd|America/New_York}}", `\{x\}-{now/M{yyyy}}`, `a\-{now/d}`,
		"{now/d}-{now-1d/d{dd}}", "{now/d{yyyy.MM.dd}}.x", "{now{yyyy'y'MM'm'}}", "{now{D.DDD.Q.q.yy.y.yyyyy.M.L.d.H.h.k.K}}", "{now{basic_date}}",
		"{now{strict_date}}", "{now{ordinal_date}}", "{2026.01.31||+1M}", "{2026-01-31||/M{yyyy-MM-dd}}", "{2026.01.31}", "{now+1M-1d/d}", "{now-1M+1h/h{dd.HH}}",
		"{now/d", "}", "{}", "{now{}}", "{now{yyyy}x}", "{now{yyyy{MM}}}", `{now{yyyy\{MM\}}}`, "{now/q}", "{now/2d}", "{2026-01-01||/M}", "{now/d{yyyy|Mars/Base}}",
		"plain",
	} {
		for {
			before := time.Now().UTC()
			name := "<" + n.Name("") + expression + ">"
			status, reply := n.Do(t, http.MethodGet, "/"+url.PathEscape(name)+"/_search", nil)
			if !time.Now().UTC().Truncate(time.Minute).Equal(before.Truncate(time.Minute)) {
				continue // the date may have changed in between
			}
			names, err := indexname.Names(name, before, window.Window{})
			missing := reply.At("error", "resource.id").String()
			switch {
			case status == http.StatusNotFound && err == nil:
				if diff := cmp.Diff([]string{missing}, names); diff != "" {
					t.Errorf("%s (-Elasticsearch +written out):\n%s", name, diff)
				}
			case status == http.StatusNotFound || err == nil:
				t.Errorf("%s: %d %s, but %v, %v", name, status, missing, names, err)
			}
			break
		}
	}
}

// TestRawNowAgrees: date math in clauses that are passed through finds the same documents, once resolved for the
// slot, as Elasticsearch finds at that time.
func TestRawNowAgrees(t *testing.T) {
	n := newNode(t)
	index := n.Name("dates")
	n.CreateIndex(t, index, object{"properties": object{
		"d": object{"type": "date"}, "n": object{"type": "date_nanos"}, "e": object{"type": "date", "format": "epoch_second"}, "k": object{"type": "keyword"},
		"txt": object{"type": "text"}, "r": object{"type": "date_range"},
	}})
	now := time.Now().UTC()
	var docs []doc
	for i, age := range []time.Duration{0, time.Hour, 5 * time.Hour, 20 * time.Hour, 30 * time.Hour, 50 * time.Hour, 40 * 24 * time.Hour, -20 * time.Hour, -48 * time.Hour} {
		at := now.Add(-age)
		docs = append(docs, doc{index, strconv.Itoa(i), object{
			"d": at.Format(time.RFC3339Nano), "n": at.Format(time.RFC3339Nano), "e": at.Unix(), "k": "a", "txt": "some text",
			"r": object{"gte": at.Format(time.RFC3339), "lt": at.Add(time.Hour).Format(time.RFC3339)},
		}})
	}
	put(t, n, docs)
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}, Password: n.Password})
	must(t, err)
	target, err := client.Resolve(t.Context(), []string{index}, []string{"d", "n", "e", "k", "txt", "r"})
	must(t, err)
	changed := 0
	for _, clause := range []string{
		`{"query_string": {"query": "k:a~1 AND d:[now-1d/d TO now]"}}`,
		`{"query_string": {"query": "k:a~1 AND NOT d:now\\/d"}}`,
		`{"query_string": {"query": "k:a~1 AND (n:<now-1d\\/d OR n:>now)"}}`,
		`{"query_string": {"query": "k:a~1 AND e:>=now-1d\\/d"}}`,
		`{"query_string": {"query": "k:a~1 AND now\\/d", "default_field": "d", "time_zone": "+05:00"}}`,
		`{"query_string": {"query": "txt:some~1 AND d:[2020-01-01 TO now-1d\\/d}"}}`,
		`{"range": {"d": {"gte": "now-1d/d", "boost": 2}}}`,
		`{"range": {"d": {"from": "now-2d/d", "to": "now/d", "include_upper": false, "boost": 2}}}`,
		`{"range": {"d": {"gt": "now-1d/d", "lte": "now/d", "time_zone": "-08:00", "boost": 2}}}`,
		`{"range": {"r": {"gte": "now-1d/d", "lt": "now/d", "relation": "within"}}}`,
		`{"range": {"r": {"gte": "now-1d/d", "lt": "now/d"}}}`,
		`{"bool": {"minimum_should_match": 2, "should": [{"range": {"d": {"gte": "now-1d/d"}}}, {"term": {"e": "now/d"}}, {"terms": {"n": ["now-1d/d", "now/d"]}}]}}`,
		`{"constant_score": {"filter": {"match": {"d": "now/d"}}, "boost": 2, "x_content": 1}}`,
		`{"function_score": {"query": {"match_phrase": {"n": "now-1d/d"}}}}`,
	} {
		var plain condition.Query
		must(t, json.Unmarshal([]byte(clause), &plain))
		raw, err := condition.NewRaw(plain)
		must(t, err)
		r := &rule.Rule{Type: rule.TypeQuery, Filters: []map[string]any{{"query": plain}}}
		lowered, diags := translate.Moment{Fields: target.Fields, Now: time.Now()}.Narrow(r)
		if diags.HasErrors() {
			t.Fatal(diags.Err())
		}
		find := func(e condition.Expr) ([]string, int) {
			status, reply := n.Do(t, http.MethodPost, "/"+index+"/_search", object{"query": condition.DSL(e), "size": 100})
			var found []string
			for _, hit := range reply.At("hits", "hits").List() {
				found = append(found, hit.At("_id").String())
			}
			slices.Sort(found)
			return found, status
		}
		want, status := find(raw)
		got, again := find(lowered.Where)
		if status != again {
			t.Errorf("%s: status %d, written out as %s: %d", clause, status, lowered.Where, again)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, written out as %s:\n%s", clause, lowered.Where, diff)
		}
		if strings.Contains(lowered.Where.String(), "now") && status == http.StatusOK {
			t.Errorf("%s is left to the clock: %s", clause, lowered.Where)
		}
		if status == http.StatusOK && len(want) > 0 && len(want) < len(docs) {
			changed++
		}
	}
	if changed < 10 {
		t.Errorf("only %d clauses find some of the documents", changed)
	}
}

// TestSlotsAnyWay: on a node, too, a rule makes the same alerts whether its slots run as one job or one by one.
func TestSlotsAnyWay(t *testing.T) {
	n := newNode(t)
	from := time.Date(2026, 1, 14, 20, 0, 0, 0, time.UTC)
	date := object{"type": "date"}
	body := eventMapping()
	body["properties"].(object)["file"] = object{"properties": object{"created": date}}
	var docs []doc
	made := map[string]bool{}
	for i := range 96 {
		at := from.Add(time.Duration(i*5-60) * time.Minute).Add(17 * time.Second)
		index := n.Name(at.Format("day-2006.01.02"))
		if i%7 == 0 {
			index = n.Name(at.Add(24 * time.Hour).Format("day-2006.01.02")) // not in an index that the slot reads
		}
		if !made[index] {
			made[index] = true
			n.CreateIndex(t, index, body)
		}
		age := time.Duration([]int{1, 30, 90, 3000}[i%4]) * time.Minute
		docs = append(docs, doc{index, strconv.Itoa(i), object{
			"@timestamp": at.Format(time.RFC3339), "event": object{"category": "process"}, "host": object{"name": fmt.Sprintf("h%d", i%2)},
			"process": object{"name": []string{"sh", "curl"}[i%3%2]}, "file": object{"created": at.Add(-age).Format(time.RFC3339)},
		}})
	}
	put(t, n, docs)
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}, Password: n.Password})
	must(t, err)
	text := func(typ, language, index, query, more string) string {
		if index != "" {
			index = "index = [" + strings.ReplaceAll(index, "@day", n.Name("day")) + "]\n"
		}
		return fmt.Sprintf("[rule]\nrule_id = \"r\"\nname = \"R\"\ndescription = \"A rule.\"\ntype = %q\nlanguage = %q\nseverity = \"low\"\nrisk_score = 21\ninterval = \"30m\"\nfrom = \"now-70m\"\n%squery = '''%s'''\n%s",
			typ, language, index, strings.ReplaceAll(query, "@day", n.Name("day")), more)
	}
	const filter = "[[rule.filters]]\nquery = {range = {\"file.created\" = {gte = \"now-40m\"}}}\n"
	all, days := `"@day-*"`, `"<@day-{now/d}>"`
	cases := map[string]string{
		"KQL":                text("query", "kuery", all, `file.created >= now-15m`, ""),
		"Lucene":             text("query", "lucene", all, `file.created:[now-1h\/h TO now}`, ""),
		"only a search":      text("query", "lucene", all, `process.name:shh~1 AND file.created:[now-1h TO *]`, ""),
		"EQL":                text("eql", "eql", all, `process where process.name == "sh"`, filter),
		"sequence":           text("eql", "eql", all, `sequence by host.name with maxspan=20m [any where process.name == "sh"] [any where process.name == "curl"]`, filter),
		"sample":             text("eql", "eql", all, `sample by host.name [any where process.name == "sh"] [any where process.name == "curl"]`, filter),
		"threshold":          text("threshold", "kuery", all, `file.created >= now-1h`, "[rule.threshold]\nfield = \"host.name\"\nvalue = 2\n"),
		"new terms":          text("new_terms", "kuery", days, `process.name: *`, "new_terms_fields = [\"process.name\"]\nhistory_window_start = \"now-30h\"\n"),
		"index of a day":     text("query", "kuery", days, `process.name: sh`, ""),
		"indices taken away": text("query", "kuery", all+`, "-<@day-{now-1d/d}>"`, `process.name: sh`, ""),
		"zone of an index":   text("query", "kuery", `"<@day-{now/d{yyyy.MM.dd|+05:00}}>"`, `process.name: sh`, ""),
		"ES|QL":              text("esql", "esql", "", `FROM "<@day-{now/d}>" METADATA _id, _index, _version | WHERE process.name == "sh" AND @timestamp <= NOW()`, filter),
		"ES|QL, no quotes":   text("esql", "esql", "", `FROM <@day-{now/d}> METADATA _id, _index, _version | WHERE process.name == "sh"`, ""),
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			single := ofSlots(t, client, cases[name], from, true)
			if diff := cmp.Diff(single, ofSlots(t, client, cases[name], from, false)); diff != "" {
				t.Errorf("-each by itself +as one job:\n%s", diff)
			}
			if len(single) == 0 {
				t.Error("no alerts")
			}
		})
	}
}

// ofSlots returns the ids of the alerts of eight hours, each with its slot.
func ofSlots(t *testing.T, events search.Events, text string, from time.Time, single bool) map[string]string {
	t.Helper()
	set, diags := rule.LoadFS(fstest.MapFS{"r.toml": &fstest.MapFile{Data: []byte(text)}}, ".")
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	plan, diags := plans.For(set.Rules()[0])
	if plan == nil {
		t.Fatal(diags.Err())
	}
	a := store.NewMemory()
	now := func() time.Time { return from.AddDate(1, 0, 0) }
	round := &pipeline.Round{Pipeline: &pipeline.Pipeline{Events: events, Alerts: a, Instances: a, Now: now}, Planner: &planner.Planner{}}
	one, err := backfill.NewRule(plan, false)
	must(t, err)
	if single {
		for slot := one.Slots.Next(from.Add(-1)); slot.Before(from.Add(6 * time.Hour)); slot = one.Slots.Next(slot) {
			x := round.RunAll(t.Context(), []pipeline.Job{{Plan: plan, Slot: slot, Window: plan.Rule().Window(slot)}}, nil)[0]
			if x.Status != pipeline.Succeeded {
				t.Fatal(x.Status, x.Problem())
			}
		}
	} else {
		runner := &backfill.Runner{Jobs: backfill.Jobs{Store: ledger.NewMemory()}, Rounds: round, Options: backfill.Options{Now: now}}
		rules := []backfill.Rule{one}
		result, err := runner.Run(t.Context(), backfill.NewJob(rules, from, from.Add(6*time.Hour), "x", nil), rules)
		if err != nil || result.Left() != 0 {
			t.Fatal(err, result)
		}
	}
	out := map[string]string{}
	must(t, a.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		out[d.ID], _ = d.Source["kibana.alert.intended_timestamp"].(string)
		return true, nil
	}))
	return out
}
