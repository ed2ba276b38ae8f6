//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/search"
)

// TestSuppressionGroups: alerts are grouped by the values that Elasticsearch has for a field. For query rules the
// groups are the buckets of its composite aggregation; for other rules, events are grouped by all values that the
// fields option returns. Search, scan and files give the same result.
func TestSuppressionGroups(t *testing.T) {
	n := newNode(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	slot, index := aSlot(), n.Name("grouped-*")
	var docs []doc
	for i, fields := range []object{groupMapping(), otherGroupMapping()} {
		name := n.Name(fmt.Sprintf("grouped-%d", i))
		fields["properties"].(object)["always"] = object{"type": "constant_keyword", "value": fmt.Sprint("index ", i)}
		n.CreateIndex(t, name, fields)
		docs = append(docs, groupEvents(r, name, slot.Add(-6*time.Minute+time.Duration(i)*617*time.Millisecond), 100)...)
	}
	for i := range docs {
		docs[i].source["unmapped"] = i % 3
	}
	put(t, n, docs)

	rules := ruleDir(t.TempDir())
	names := slices.DeleteFunc(append(slices.Clone(groupNames), "always", "unmapped"), func(name string) bool {
		return strings.HasPrefix(name, "flat") // Elasticsearch counts the keys of the object, not the events.
	})
	type grouping struct {
		by          []string
		apart, each bool
	}
	all := map[string]grouping{}
	for i := range 24 {
		g := grouping{apart: i%2 == 0, each: i%3 > 0}
		for _, at := range r.Perm(len(names))[:1+r.IntN(3)] {
			g.by = append(g.by, names[at])
		}
		strategy := "suppress"
		if g.apart {
			strategy = "doNotSuppress"
		}
		typ, text := "query", "language = 'kuery'\nquery = '*:*'\n"
		switch i % 3 {
		case 0:
			typ, text = "eql", "language = 'eql'\nquery = 'any where true'\n"
		case 1:
			text = "language = 'lucene'\nquery = '*'\n"
		}
		id := fmt.Sprintf("rule-%02d", i)
		all[id] = g
		by, err := json.Marshal(g.by)
		must(t, err)
		rules.addRule(t, id, typ, text+fmt.Sprintf("index = [%q]\nmax_signals = 5000\nalert_suppression = { group_by = %s, missing_fields_strategy = %q }\n",
			index, by, strategy))
	}

	want := map[string][]string{}
	told := fieldsTold(t, n, index, names)
	groups := 0
	for id, g := range all {
		if g.each {
			want[id] = aggregated(t, n, index, g.by, g.apart, told)
		} else {
			want[id] = listed(g.by, g.apart, told)
		}
		groups += len(want[id])
	}
	if groups < 300 {
		t.Errorf("only %d groups are compared", groups)
	}
	files := dump(t, n, index)
	var first map[string]object
	for _, strategy := range []string{"search", "scan"} {
		for _, kind := range []string{"elasticsearch", "embedded"} {
			p := embedded(t, files).withMapping(t, n, index)
			if kind == "elasticsearch" {
				p.flags = []string{"--elasticsearch", n.URL, "--namespace", n.Prefix + strategy}
				p.alerts = p.flags
			}
			p.mustOnce(t, string(rules), slot, "--strategy", strategy)
			if strategy == "scan" { // A second run changes nothing.
				for id, x := range p.mustOnce(t, string(rules), slot, "--strategy", strategy) {
					equal(t, kind+": "+id+" again", numbersOf(x), [4]int64{x.Hits, 0, x.Hits, 0})
				}
			}
			alerts := p.list(t)
			got := map[string][]string{}
			for _, a := range alerts {
				id := a["kibana.alert.rule.rule_id"].(string)
				got[id] = append(got[id], suppressedLine(a))
			}
			for id := range all {
				slices.Sort(got[id])
				if diff := cmp.Diff(want[id], got[id]); diff != "" {
					t.Errorf("%s, %s: %s by %v (-Elasticsearch +got):\n%s", kind, strategy, id, all[id], diff)
				}
			}
			if first == nil {
				first = lasting(alerts)
			}
			equal(t, kind+", "+strategy+": alerts, against those of a search", lasting(alerts), first)
			if t.Failed() {
				return
			}
		}
	}
}

// otherGroupMapping is another version of groupMapping, under which the same documents have other values.
func otherGroupMapping() object {
	fields := groupMapping()
	for name, field := range map[string]object{
		"k":     {"type": "keyword", "normalizer": "lowercase", "fields": object{"low": object{"type": "keyword", "ignore_above": 1}}},
		"t":     {"type": "keyword", "fields": object{"keyword": object{"type": "keyword"}}},
		"null":  {"type": "keyword", "null_value": "nothing"},
		"s":     {"type": "long"},
		"f":     {"type": "double"},
		"date":  {"type": "date_nanos"},
		"day":   {"type": "date", "format": "yyyy/dd/MM||epoch_second"},
		"alias": {"type": "alias", "path": "k.low"},
	} {
		fields["properties"].(object)[name] = field
	}
	return fields
}

// suppressedLine formats the terms of an alert, the time of its first and last event, and the number of events;
// for an alert about a single event, only the time.
func suppressedLine(a object) string {
	start, folded := a["kibana.alert.suppression.start"].(string)
	if !folded {
		return "alone " + a["kibana.alert.original_time"].(string)
	}
	var terms []string
	for _, term := range (JSON{a["kibana.alert.suppression.terms"]}).List() {
		switch value := term.At("value").Any().(type) {
		case nil:
			terms = append(terms, "-")
		case []any:
			terms = append(terms, listText(value))
		default:
			terms = append(terms, listText([]any{value}))
		}
	}
	return fmt.Sprintf("%s %s %s +%v", strings.Join(terms, " "), start, a["kibana.alert.suppression.end"], JSON{a["kibana.alert.suppression.docs_count"]}.Int())
}

// listText formats values in order; equal numbers have the same form.
func listText(values []any) string {
	var texts []string
	for _, v := range values {
		text := fmt.Sprint(v)
		if number, ok := v.(json.Number); ok {
			if x, err := number.Float64(); err == nil {
				text = strconv.FormatFloat(x, 'g', -1, 64)
			}
		}
		texts = append(texts, strconv.Quote(text))
	}
	slices.Sort(texts)
	return strings.Join(texts, ",")
}

// toldEvent is an event with its field values from Elasticsearch.
type toldEvent struct {
	at     time.Time
	values map[string][]any
}

// fieldsTold requests the values of fields, dates with milliseconds.
func fieldsTold(t *testing.T, n *Node, index string, names []string) []toldEvent {
	t.Helper()
	var wanted []any
	for _, name := range append(slices.Clone(names), "@timestamp") {
		one := object{"field": name, "include_unmapped": true}
		if slices.Contains([]string{"date", "day", "nanos", "@timestamp"}, name) {
			one["format"] = "strict_date_optional_time"
		}
		wanted = append(wanted, one)
	}
	var out []toldEvent
	hits := n.Must(t, http.MethodPost, "/"+index+"/_search", object{"size": 1000, "fields": wanted, "_source": false, "sort": []any{"@timestamp"}})
	for _, hit := range hits.At("hits", "hits").List() {
		e := toldEvent{values: map[string][]any{}}
		for name, values := range hit.At("fields").Any().(object) {
			e.values[name] = values.([]any)
		}
		var err error
		e.at, err = time.Parse(time.RFC3339, e.values["@timestamp"][0].(string))
		must(t, err)
		out = append(out, e)
	}
	return out
}

// listed groups events by all values of each field.
func listed(by []string, apart bool, events []toldEvent) []string {
	type group struct {
		first, last time.Time
		more        int
	}
	groups := map[string]*group{}
	var out []string
	for _, e := range events {
		var terms []string
		lacks := false
		for _, name := range by {
			values := e.values[name]
			if len(values) == 0 {
				lacks = true
				terms = append(terms, "-")
				continue
			}
			terms = append(terms, listText(values))
		}
		if lacks && apart {
			out = append(out, "alone "+search.FormatTime(e.at))
			continue
		}
		name := strings.Join(terms, " ")
		if g := groups[name]; g != nil {
			g.last = e.at
			g.more++
			continue
		}
		groups[name] = &group{first: e.at, last: e.at}
	}
	for name, g := range groups {
		out = append(out, fmt.Sprintf("%s %s %s +%d", name, search.FormatTime(g.first), search.FormatTime(g.last), g.more))
	}
	slices.Sort(out)
	return out
}

// aggregated returns the buckets of a composite aggregation with their counts.
func aggregated(t *testing.T, n *Node, index string, by []string, apart bool, events []toldEvent) []string {
	t.Helper()
	var sources []any
	for i, name := range by {
		sources = append(sources, object{strconv.Itoa(i): object{"terms": object{"field": name, "missing_bucket": !apart}}})
	}
	date := func(how string) object { return object{how: object{"field": "@timestamp"}} }
	answer := n.Must(t, http.MethodPost, "/"+index+"/_search", object{"size": 0, "aggs": object{"groups": object{
		"composite": object{"size": 10_000, "sources": sources}, "aggs": object{"first": date("min"), "last": date("max")},
	}}})
	clock := func(bucket JSON, of string) string {
		ms := bucket.At(of, "value").Any().(json.Number)
		x, err := ms.Float64()
		must(t, err)
		return search.FormatTime(time.UnixMilli(int64(x)))
	}
	var out []string
	for _, b := range answer.At("aggregations", "groups", "buckets").List() {
		var terms []string
		for i, name := range by {
			value := b.At("key", strconv.Itoa(i)).Any()
			switch number, isNumber := value.(json.Number); {
			case value == nil:
				terms = append(terms, "-")
			case isNumber && slices.Contains([]string{"date", "day", "nanos"}, name):
				ms, err := number.Int64()
				must(t, err)
				terms = append(terms, listText([]any{search.FormatTime(time.UnixMilli(ms))}))
			default:
				terms = append(terms, listText([]any{value}))
			}
		}
		out = append(out, fmt.Sprintf("%s %s %s +%d", strings.Join(terms, " "), clock(b, "first"), clock(b, "last"), b.At("doc_count").Int()-1))
	}
	for _, e := range events {
		lacks := slices.ContainsFunc(by, func(name string) bool { return name == "unmapped" || len(e.values[name]) == 0 })
		if apart && lacks {
			out = append(out, "alone "+search.FormatTime(e.at))
		}
	}
	slices.Sort(out)
	return out
}
