//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// reading is a cluster that supports only reading events, so that searches run in memory.
type reading struct{ search.Events }

// watched counts the searches for events.
type watched struct {
	*elastic.Client
	searches atomic.Int64
}

func (w *watched) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	w.searches.Add(1)
	return w.Client.Search(ctx, r, visit)
}

var splunkHour = splunk.Window{
	Earliest: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Latest: time.Date(2026, 1, 1, 11, 0, 0, 0, time.UTC),
	Now: time.Date(2026, 1, 1, 11, 10, 0, 0, time.UTC),
}

func parseSPL(t *testing.T, text string) *spl.Search {
	t.Helper()
	s, diags := spl.ParseText(diag.NewText("search", text), noMacros{})
	if s == nil {
		t.Fatal(diags)
	}
	return s
}

// mapWithoutPatterns is the shipped field map without index patterns: other tests use those indices.
func mapWithoutPatterns(t *testing.T) pushdown.Map {
	t.Helper()
	data := fieldmap.Default()
	data.Sources = slices.Clone(data.Sources)
	for i := range data.Sources {
		data.Sources[i].Index = nil
	}
	m, diags := pushdown.NewMap(data)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return m
}

func rowsOf(t *testing.T, text string, events search.Events, index string) (out []any) {
	t.Helper()
	m := mapWithoutPatterns(t)
	s := parseSPL(t, text)
	wanted, _ := splunk.Groups(s)
	source := &pushdown.Events{Search: events, Map: m, Index: []string{index}, Also: slices.Concat(wanted.By, wanted.Fields)}
	err := splunk.Run(t.Context(), s, splunk.Env{}, source, splunkHour, func(row splunk.Row) error {
		out = append(out, row.Native())
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

// TestSPLCountedAgrees: searches give the same rows whether aggregations count the groups or they run in memory.
// Each case also states whether counting is possible.
func TestSPLCountedAgrees(t *testing.T) {
	n := newNode(t)
	index := n.Name("counted")
	n.CreateIndex(t, index, json.RawMessage(`{"properties": {"@timestamp": {"type": "date"}, "sourcetype": {"type": "keyword"}, "a": {"type": "keyword"},
		"b": {"type": "keyword"}, "n": {"type": "keyword"}, "long": {"type": "keyword", "ignore_above": 20}, "number": {"type": "long"},
		"lower": {"type": "keyword", "normalizer": "lowercase"}, "text": {"type": "text"}, "sub": {"properties": {"x": {"type": "keyword"}}}}}`))
	var bulk strings.Builder
	for i := range 3000 {
		e := object{
			"@timestamp": splunkHour.Earliest.Add(time.Duration(i) * 1234567 * time.Microsecond).Format("2006-01-02T15:04:05.000000Z"), "sourcetype": "T",
			"a": fmt.Sprintf("A%d", i%7), "n": strconv.Itoa(i % 25), "long": "short", "number": []any{i % 3, fmt.Sprintf("0%d", i%3), float64(i%3) + 0.5}[i%3], "lower": "Up", "text": "x",
		}
		if i%5 != 0 {
			e["b"] = []any{fmt.Sprintf("b%d", i%3), fmt.Sprintf("b%d", i%4), nil}
		}
		if i%11 == 0 {
			e["n"] = []any{"x", i % 9}
		}
		if i%2 == 0 {
			e["sub"] = []object{{"x": "1"}, {"x": strconv.Itoa(i % 13)}}
		}
		if i == 17 {
			e["long"] = strings.Repeat("long", 10)
		}
		line, err := json.Marshal(e)
		must(t, err)
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n%s\n", index, line)
	}
	n.Bulk(t, bulk.String())
	n.Refresh(t, index)
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	for _, tt := range []struct {
		search  string
		counted bool
	}{
		{`sourcetype=t | stats count by a`, true},
		{`sourcetype=t | stats count min(_time) as first max(_time) as last by a b`, true},
		{`sourcetype=t NOT a=A3 | stats count values(n) dc(n) as d min(n) max(n) by a, b | where d > 3 | eval x = a . b`, true},
		{`sourcetype=t b=b1 | stats values(b) as all dc(b) by sub.x | sort - sub.x`, true},
		{`sourcetype=t | stats dc(sub{}.x) as d by a | fields d`, false},
		{`sourcetype=nothing | stats count by a`, true},
		{`sourcetype=t | stats count by a missing`, false},
		{`sourcetype=t | stats count by a long`, false}, // one value is too long for the index
		{`sourcetype=t a=A1 | stats count by a long`, true},
		{`sourcetype=t | stats count by lower`, false},
		{`sourcetype=t | stats count values(number) as all by number a`, true},
		{`sourcetype=t a!=A3 | stats count by a`, false}, // one of several values may differ
		{`sourcetype=t text=x | stats count by a`, false},
		{`sourcetype=t | stats sum(n) by a`, false},
		{`sourcetype=t | stats count`, false},
		{`sourcetype=t | eval a = "x" | stats count by a`, false},
		{`sourcetype=t | stats list(n) by a`, false},
		{`sourcetype=t | eventstats count by a | table count a`, false},
		{`sourcetype=t | stats count(eval(n > 3)) as c by a`, false},
	} {
		w := &watched{Client: client}
		counted := rowsOf(t, tt.search, w, index)
		read := rowsOf(t, tt.search, reading{client}, index)
		if diff := cmp.Diff(read, counted); diff != "" {
			t.Errorf("%s (-memory +counted):\n%s", tt.search, diff)
		}
		if was := w.searches.Load() == 0; was != tt.counted {
			t.Errorf("%s: counted %v, want %v", tt.search, was, tt.counted)
		}
	}
}

// TestTstatsCountedAgrees is the same for events of a data model, which gives missing fields a value.
func TestTstatsCountedAgrees(t *testing.T) {
	n := newNode(t)
	index := n.Name("processes")
	n.CreateIndex(t, index, json.RawMessage(`{"properties": {"@timestamp": {"type": "date"}, "event": {"properties": {"category": {"type": "keyword"}, "type": {"type": "keyword"}}},
		"host": {"properties": {"name": {"type": "keyword", "ignore_above": 1024}, "hostname": {"type": "keyword"}}}, "user": {"properties": {"name": {"type": "keyword"}}},
		"process": {"properties": {"name": {"type": "keyword", "ignore_above": 1024}, "pid": {"type": "long"}, "command_line": {"type": "wildcard"}, "entity_id": {"type": "keyword"},
			"parent": {"properties": {"name": {"type": "keyword"}, "command_line": {"type": "wildcard"}}}}}}}`))
	var bulk strings.Builder
	for i := range 2000 {
		process := object{"name": []string{"cmd.exe", "CMD.EXE", "sh"}[i%3], "command_line": fmt.Sprintf("cmd /c %d", i%40), "entity_id": fmt.Sprint("e", i%11)}
		if i%4 != 0 {
			process["pid"], process["parent"] = i%5, object{"name": fmt.Sprint("p", i%3), "command_line": ""}
		}
		e := object{
			"@timestamp": splunkHour.Earliest.Add(time.Duration(i) * time.Second).Format(time.RFC3339), "process": process,
			"event": object{"category": []string{"process"}, "type": []string{[]string{"start", "end"}[i%2]}},
		}
		if i%6 != 0 {
			e["user"] = object{"name": []any{"ann", []string{"ann", "bob"}}[i%2]}
		}
		if i%7 != 0 {
			e["host"] = object{"name": fmt.Sprint("h", i%2), "hostname": "other"}
		}
		if i == 4 {
			e["host"], process["name"] = object{"hostname": "elsewhere"}, "late.exe"
		}
		line, err := json.Marshal(e)
		must(t, err)
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n%s\n", index, line)
	}
	n.Bulk(t, bulk.String())
	n.Refresh(t, index)
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	const from, fill = ` from datamodel=Endpoint.Processes where `, `| tstats fillnull_value=null `
	for _, tt := range []struct {
		search  string
		counted bool
	}{
		{`| tstats count` + from + `Processes.process_name=cmd.exe by Processes.dest`, true},
		{fill + `count min(_time) as firstTime max(_time) as lastTime` + from + `Processes.process_name IN (cmd.exe, sh) by Processes.dest Processes.user Processes.process_name Processes.process Processes.parent_process_name Processes.parent_process Processes.process_id Processes.process_guid`, true},
		{`| tstats count` + from + `Processes.process_name=* by Processes.process_id Processes.user`, true},
		{fill + `count values(Processes.user) as user dc(Processes.process_id) as pids` + from + `(Processes.process="*1*" OR Processes.process=*2*) by Processes.dest`, true},
		{fill + `count` + from + `Processes.user=unknown by Processes.user Processes.parent_process_name | rename Processes.* as *`, true},
		{fill + `count` + from + `NOT Processes.dest=h1 by Processes.dest`, false},           // the value may be in either field
		{fill + `count` + from + `Processes.process_name=late.exe by Processes.dest`, false}, // and it is, in the second
		{fill + `count` + from + `Processes.process_name=sh by _time Processes.dest span=5m`, false},
		{fill + `count` + from + `Processes.process_name=sh by Processes.nothing`, false},
	} {
		w := &watched{Client: client}
		counted := rowsOf(t, tt.search, w, index)
		read := rowsOf(t, tt.search, reading{client}, index)
		if diff := cmp.Diff(read, counted); diff != "" || len(read) == 0 {
			t.Errorf("%s: %d rows (-memory +counted):\n%s", tt.search, len(read), diff)
		}
		if was := w.searches.Load() == 0; was != tt.counted {
			t.Errorf("%s: counted %v, want %v", tt.search, was, tt.counted)
		}
	}
}

// TestSPLMillion prints the time and memory of a search, stats by three fields and eval over a million events:
// read from the cluster and run in memory, and counted by the cluster, in turn, with the ratios. Set
// TOCSIN_MILLION=1, or another number of events.
func TestSPLMillion(t *testing.T) {
	events, _ := strconv.Atoi(os.Getenv("TOCSIN_MILLION"))
	if events == 1 {
		events = 1_000_000
	}
	if events < 1 {
		t.Skip("set TOCSIN_MILLION=1 to measure a million events")
	}
	n := newNode(t)
	index := n.Name("million")
	n.CreateIndex(t, index, json.RawMessage(`{"properties": {"@timestamp": {"type": "date"}, "sourcetype": {"type": "keyword"}, "process": {"type": "keyword"},
		"cluster": {"type": "keyword"}, "pod": {"type": "keyword"}, "user": {"type": "keyword"}}}`))
	var bulk strings.Builder
	for i := range events {
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n{\"@timestamp\":%q,\"sourcetype\":\"exec\",\"process\":\"/usr/bin/curl -s https://host-%d.example/%d\",\"cluster\":\"cluster-%d\",\"pod\":\"pod-%d\",\"user\":\"user-%d\"}\n",
			index, splunkHour.Earliest.Add(time.Duration(i)*3*time.Millisecond).Format(time.RFC3339Nano), i%100, i%7, i%5, i%500, i%2)
		if bulk.Len() > 8<<20 {
			n.Bulk(t, bulk.String())
			bulk.Reset()
		}
	}
	n.Bulk(t, bulk.String())
	n.Refresh(t, index)
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	// Each round excludes another value that does not exist, so that cached answers are not used.
	const text = `sourcetype=EXEC process="*CURL*" NOT process=*secret-%d*
		| stats count min(_time) as first max(_time) as last dc(process) as processes by cluster pod user
		| eval seconds = last - first`
	const rounds = 3
	ways := []struct {
		name  string
		place search.Events
		took  []float64
		peaks []float64
		rows  []any
	}{{name: "in memory", place: reading{client}}, {name: "pushed down", place: client}}
	for round := range rounds {
		for i := range ways {
			way := &ways[i]
			start := time.Now()
			peak := peakMemory(func() { way.rows = rowsOf(t, fmt.Sprintf(text, round), way.place, index) })
			way.took = append(way.took, time.Since(start).Seconds())
			way.peaks = append(way.peaks, float64(peak)/(1<<20))
		}
	}
	for _, way := range ways {
		slices.Sort(way.took)
		slices.Sort(way.peaks)
		t.Logf("%-11s %6.2f s (%.2f to %.2f)  %9.0f events/s  %4.0f MiB at most  %d rows", way.name, way.took[1], way.took[0], way.took[rounds-1],
			float64(events)/way.took[1], way.peaks[rounds-1], len(way.rows))
	}
	t.Logf("in memory / pushed down: %.1f times the time, %.2f times the memory; %d events, median of %d rounds", ways[0].took[1]/ways[1].took[1],
		ways[0].peaks[rounds-1]/ways[1].peaks[rounds-1], events, rounds)
	if diff := cmp.Diff(ways[0].rows, ways[1].rows); diff != "" || len(ways[0].rows) == 0 {
		t.Errorf("%d rows (-memory +pushed):\n%s", len(ways[0].rows), diff)
	}
}

// peakMemory returns the largest heap during a function.
func peakMemory(do func()) uint64 {
	runtime.GC()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(stop)
	return <-peak
}
