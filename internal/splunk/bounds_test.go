package splunk_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// everyCommand has a search with each command.
var everyCommand = map[string]string{
	"search": "* | search id=*", "where": "* | where id >= 0", "eval": "* | eval x=id.host", "tstats": "| tstats count from datamodel=Web by Web.id",
	"stats": "* | stats count by id", "eventstats": "* | eventstats count by id", "streamstats": "* | streamstats window=50 list(id)",
	"rename": "* | rename id AS x", "table": "* | table id", "fields": "* | fields id", "fillnull": "* | fillnull", "dedup": "* | dedup id sortby id",
	"sort": "* | sort 0 - id", "rex": `* | rex field=host "(?<x>.)"`, "regex": `* | regex host="h"`, "bin": "* | bin id", "bucket": "* | bucket id",
	"discretize": "* | discretize id", "convert": "* | convert ctime(id)", "lookup": "* | lookup wide glob AS id OUTPUT value", "inputlookup": "| inputlookup wide",
	"mvexpand": "* | mvexpand many", "makemv": "* | makemv id", "nomv": "* | nomv many", "mvcombine": "* | mvcombine id", "spath": "* | spath input=host",
	"fromjson": "* | fromjson host", "xmlkv": "* | xmlkv host", "xpath": `* | xpath field=host "//a"`, "extract": "* | extract pairdelim=\",\" kvdelim=\"=\"", "kv": "* | kv pairdelim=\",\" kvdelim=\"=\"",
	"replace": "* | replace h WITH g IN host", "foreach": "* | foreach i* [eval <<FIELD>>=1]", "join": "* | join [search *]", "append": "* | append [search *]",
	"appendpipe": "* | appendpipe [eval x=1]", "transaction": "* | transaction id", "iplocation": "* | iplocation host", "head": "* | head 100000",
	"tail": "* | tail 100000", "top": "* | top limit=0 id", "rare": "* | rare limit=0 id", "addtotals": "* | addtotals", "timechart": "* | timechart span=1s count",
	"from": "| from datamodel Web.Web", "makeresults": "| makeresults count=1000000", "reverse": "* | reverse", "format": "* | format", "return": "* | return 100000 id",
	"map":   `* | map maxsearches=100000 search="search *"`,
	"accum": "* | accum id", "delta": "* | delta id", "autoregress": "* | autoregress id p=1-3", "filldown": "* | filldown", "uniq": "* | uniq",
	"trendline": "* | trendline sma5(id)", "strcat": `* | strcat id "x" host y`, "rangemap": "* | rangemap field=id low=0-5", "tojson": "* | tojson",
	"fieldformat": "* | fieldformat id=id+1", "noop": "* | noop", "localop": "* | localop", "addinfo": "* | addinfo",
	"makecontinuous": "* | makecontinuous id span=1", "outlier": "* | outlier id", "multikv": "* | multikv noheader=t", "collect": "* | collect index=a", "fit": "* | fit DensityFunction id by host",
	"apply": "* | apply model", "datamodel": "| datamodel Web Web search", "outputlookup": "* | outputlookup t", "predict": "* | predict id", "anomalydetection": "* | anomalydetection id", "chart": "* | chart count over id by host",
	"xyseries": "* | xyseries id host _time", "untable": "* | untable id k v", "transpose": "* | transpose 0",
	"appendcols": "* | appendcols [search *]", "union": "* | union [search *]", "multisearch": "| multisearch [search *] [search *]",
	"set": "| set union [search *] [search *]", "addcoltotals": "* | addcoltotals", "mstats": "| mstats avg(id) where host=* by id",
}

// boundsEnv has a lookup of stars, which takes its time.
func boundsEnv() splunk.Env {
	e := env()
	wide := &splunk.Table{Name: "wide", Columns: []string{"glob", "value"}, Matching: map[string]splunk.Matching{"glob": splunk.Wildcard}, MaxMatches: 1}
	for i := range 5000 {
		wide.Rows = append(wide.Rows, []string{fmt.Sprintf("*no%d*", i), "v"})
	}
	tables := e.Table
	e.Table = func(name string) *splunk.Table {
		if name == "wide" {
			return wide
		}
		return tables(name)
	}
	return e
}

// laden are events with many values.
func laden(n int) splunk.Events {
	events := numbered(n)
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprint("v", i)
	}
	for _, row := range events {
		row["many"] = splunk.Texts(many)
	}
	return events
}

// ending is a source that ends the context behind some of its events, and counts those that are taken then.
type ending struct {
	events splunk.Events
	after  int
	end    func()
	late   int
	ended  bool
}

func (e *ending) Events(_ context.Context, _ splunk.Scan, visit func(splunk.Row) error) error {
	for i, row := range e.events {
		if i == e.after {
			e.ended = true
			e.end()
		}
		if e.ended {
			e.late++
		}
		if err := visit(maps.Clone(row)); err != nil {
			return err
		}
	}
	return nil
}

func parsed(tb testing.TB, search string) *spl.Search {
	tb.Helper()
	s, diags := spl.ParseText(newText(search), macros)
	if s == nil {
		tb.Fatalf("%s: %v", search, diags)
	}
	return s
}

// TestEveryCommandEnds ends the context while events come, or while results go out, of a chain of commands: not
// one more event is taken, nor result given, and nothing stays held.
func TestEveryCommandEnds(t *testing.T) {
	for _, name := range spl.Commands() {
		if everyCommand[name] == "" {
			t.Fatalf("no search has the command %s", name)
		}
		parsed(t, everyCommand[name])
	}
	events := laden(40)
	window := splunk.Window{Latest: now, Now: now}
	names := slices.Sorted(maps.Keys(everyCommand))
	rapid.Check(t, func(rt *rapid.T) {
		parts := []string{everyCommand[rapid.SampledFrom(names).Draw(rt, "first")]}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 2).Draw(rt, "more") {
			if _, tail, piped := strings.Cut(everyCommand[name], "* | "); piped && name != "map" {
				parts = append(parts, tail)
			}
		}
		text := strings.Join(parts, " | ")
		s := parsed(t, text)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if rapid.Bool().Draw(rt, "while events come") {
			source := &ending{events: events, after: rapid.IntRange(0, len(events)-1).Draw(rt, "after"), end: cancel}
			held, err := splunk.RunHeld(ctx, s, boundsEnv(), source, window, func(splunk.Row, int) error { return nil })
			if source.ended && (!errors.Is(err, context.Canceled) || source.late > 1) || held != 0 {
				rt.Errorf("%s: %v, %d events taken after the end, %d bytes held", text, err, source.late, held)
			}
			return
		}
		left := rapid.IntRange(1, 30).Draw(rt, "results")
		held, err := splunk.RunHeld(ctx, s, boundsEnv(), &ending{events: events, after: -1}, window, func(splunk.Row, int) error {
			if left--; left == 0 {
				cancel()
			}
			return nil
		})
		if left < 0 || left == 0 && !errors.Is(err, context.Canceled) && err != nil || held != 0 {
			rt.Errorf("%s: %v, %d results too many, %d bytes held", text, err, -left, held)
		}
	})
}

// TestLongStepsEnd wants a command that is long at one row, or at the end, to notice.
func TestLongStepsEnd(t *testing.T) {
	wide := func(n int) splunk.Value {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint("value ", i)
		}
		return splunk.Texts(list)
	}
	one := splunk.Events{{"_time": splunk.Number(1), "a": wide(200_000), "b": wide(200_000)}}
	many := numbered(200_000)
	same := make(splunk.Events, 20_000)
	for i := range same {
		same[i] = splunk.Row{"_time": splunk.Number(float64(i)), "host": splunk.Text("h"), fmt.Sprint("f", i): splunk.Number(1)}
	}
	for search, events := range map[string]splunk.Events{
		"* | mvexpand a": one, "* | mvexpand a | mvexpand b": one, `* | where a=b."x"`: one, "* | eval x=mvmap(a, mvcount(mvmap(b, b.\"x\")))": one,
		"* | stats count by a b": one, "* | lookup wide glob AS a OUTPUT value": one, "* | join [search *]": same, "* | transaction host": many,
		"* | sort 0 id": many, "* | streamstats window=5000 list(id)": many, "* | streamstats values(id)": many, "* | mvcombine id": many,
		"* | transaction id": many, "* | fillnull": same, "* | dedup id": many, "| makeresults count=100000000 | eval x=1": nil,
	} {
		e := boundsEnv()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		begun := time.Now()
		held, err := splunk.RunHeld(ctx, parsed(t, search), e, events, splunk.Window{Now: now}, func(splunk.Row, int) error { return nil })
		cancel()
		if took := time.Since(begun); took > 10*time.Second || held != 0 || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %s, %v, %d bytes held", search, took, err, held)
		}
	}
}

// TestHeldIsGivenBack wants what holds little at a time to run over many rows in 64 KiB, and what holds much to
// end at the limit.
func TestHeldIsGivenBack(t *testing.T) {
	const limit = 64 << 10
	texts := make(splunk.Events, 4000)
	for i := range texts {
		texts[i] = splunk.Row{
			"_time": splunk.Number(float64(100_000 - i)), "id": splunk.Number(float64(i)), "pair": splunk.Number(float64(i / 2)), "host": splunk.Text("h"),
			"long": splunk.Text(strings.Repeat("x", 100) + strconv.Itoa(i)),
		}
	}
	for search, fits := range map[string]bool{
		"* | streamstats window=20 count":                       true,
		"* | streamstats window=20 current=f values(long)":      true,
		"* | streamstats window=20 global=f list(long) by host": true,
		"* | streamstats window=5000 count":                     false,
		"* | transaction pair maxpause=5":                       true,
		"* | transaction host maxevents=20":                     true,
		"* | transaction host maxspan=10s":                      true,
		"* | transaction pair endswith=id=7 maxpause=5":         true,
		"* | transaction id":                                    false,
		"* | transaction host":                                  false,
		"* | stats list(long)":                                  true, // A hundred of them.
		"* | stats list(long) by id":                            false,
		"* | stats max(long) by id":                             false,
		"* | stats last(long) values(host) by host":             true,
		"* | eventstats count":                                  false,
		"* | tail 20":                                           true,
		"* | tail 3000":                                         false,
		"* | dedup consecutive=true id":                         true,
		"* | top limit=3 host":                                  true,
		"* | top id":                                            false,
		"* | join id [search id<50]":                            true,
		"* | join id [search *]":                                false,
		"* | mvcombine long":                                    false,
		"* | mvexpand host | stats count":                       true,
		"* | delta id p=20 | autoregress id | trendline sma20(id) | filldown | uniq | accum id": true,
		"* | chart count by host":                                 true,
		"* | chart count by id":                                   false,
		"* | timechart span=1000s count":                          true,
		"* | timechart count":                                     false,
		"* | xyseries id host long":                               false,
		"* | xyseries grouped=t id host long":                     true,
		"* | transpose 20":                                        true,
		"* | transpose 0":                                         false,
		"* | addtotals col=t":                                     true,
		"* | makecontinuous id":                                   false,
		"* | outlier id":                                          false,
		"* | appendcols [search * | head 20]":                     true,
		"* | appendcols [search *]":                               false,
		"| union [search *] [search *]":                           false,
		"| set diff [search *] [search id<9]":                     false,
		"* | streamstats reset_after=(id%20==0) list(long) by id": true,
		"* | streamstats time_window=20s count":                   true,
		"| tstats prestats=t count by id":                         true,
		"* | head 60 | sort 0 id | reverse | eventstats count | bin id | fillnull | sort 0 long | reverse":                                true,
		`* | head 200 | map maxsearches=200 search="search * | head 40 | sort 0 long | head 1"`:                                           true,
		`* | head 200 | map maxsearches=200 search="search [search * | head 20 | fields id] | head 1"`:                                    true,
		"* | append [search * | head 60 | sort 0 id] | append [search * | head 60 | sort 0 id] | append [search * | head 60 | sort 0 id]": true,
		"* | head 1 | eval a=long | foreach a b c [eval a=a.a]":                                                                           true,
		"* | head 1 | eval x=long | eval " + strings.Repeat("x=x.x, ", 12) + "x=x.x":                                                      false,
	} {
		e := boundsEnv()
		e.MemoryLimit = limit
		most := 0
		held, err := splunk.RunHeld(t.Context(), parsed(t, search), e, texts, splunk.Window{Now: now}, func(_ splunk.Row, held int) error {
			most = max(most, held)
			return nil
		})
		_, over := errors.AsType[*splunk.LimitError](err)
		if over == fits || err != nil && !over || most > limit || held != 0 {
			t.Errorf("%s: %v, %d bytes held at most, %d at the end", search, err, most, held)
		}
	}
}
