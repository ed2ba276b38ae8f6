package splunk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/pcre"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// TestMemoryLimit requires that every command that holds rows reports the limit before it exceeds it.
func TestMemoryLimit(t *testing.T) {
	for command, search := range map[string]string{
		"stats": "* | stats count by id", "eventstats": "* | eventstats count", "sort": "* | sort id", "dedup": "* | dedup id",
		"fillnull": "* | fillnull", "join": "* | join id [search *]", "tail": "* | reverse", "transaction": "* | transaction host",
		"bin": "* | bin id", "mvcombine": "* | mvcombine host", "appendpipe": "* | appendpipe [stats count]", "tstats": "| tstats count from datamodel=Web by Web.id",
		"a subsearch": "* [search * | fields id]", "format": "* | format", "top": "* | top id", "streamstats": "* | streamstats count by id",
		"timechart": "* | timechart span=1s count", "chart": "* | chart count over id by host", "xyseries": "* | xyseries id host host",
		"transpose": "* | transpose 0", "makecontinuous": "* | makecontinuous id", "outlier": "* | outlier id", "anomalydetection": "* | anomalydetection id", "fit": "* | fit DensityFunction id", "predict": "* | predict id",
		"appendcols": "* | appendcols [search *]", "union": "| union [search *]", "multisearch": "| multisearch [search *] [search *]",
		"set": "| set diff [search *] [search *]", "delta": "* | delta id p=5000", "autoregress": "* | autoregress id p=5000",
		"trendline": "* | trendline sma5000(id)", "mstats": "| mstats avg(id) where host=* by id",
	} {
		e := env()
		e.MemoryLimit = 64 << 10
		_, err := run(t.Context(), t, search, e, numbered(5000))
		limit, ok := errors.AsType[*splunk.LimitError](err)
		if !ok || limit.Command != command {
			t.Errorf("%s: %v", command, err)
		}
	}
	e := env()
	e.MemoryLimit = 64 << 10
	if rows, err := run(t.Context(), t, "* | eval x = id * 2 | where x > 5 | stats count", e, numbered(5000)); err != nil || len(rows) != 1 {
		t.Errorf("what holds nothing is bounded: %v", err)
	}
}

func numbered(n int) splunk.Events {
	rows := make(splunk.Events, n)
	for i := range rows {
		rows[i] = splunk.Row{"_time": splunk.Number(float64(i)), "id": splunk.Number(float64(i)), "host": splunk.Text("h")}
	}
	return rows
}

// TestHeadStops requires that a search stops reading once it has enough rows.
func TestHeadStops(t *testing.T) {
	source := &counted{events: numbered(5000)}
	rows, err := run(t.Context(), t, "* | head 3 | table id", env(), source)
	if err != nil || len(rows) != 3 || source.read != 3 {
		t.Errorf("%d rows of %d events, %v", len(rows), source.read, err)
	}
}

// counted counts the events that are taken.
type counted struct {
	events splunk.Events
	read   int
}

func (c *counted) Events(ctx context.Context, s splunk.Scan, visit func(splunk.Row) error) error {
	return c.events.Events(ctx, s, func(row splunk.Row) error {
		c.read++
		return visit(row)
	})
}

func TestErrorsEndASearch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run(ctx, t, "* | stats count", env(), numbered(5000)); !errors.Is(err, context.Canceled) {
		t.Errorf("a search whose context has ended: %v", err)
	}
	slow := splunk.Events{{"_time": splunk.Number(1), "a": splunk.Text(strings.Repeat("a", 40) + "!")}}
	for _, search := range []string{`* | regex a="^(?=(a+)+$)a+b"`, `* | where match(a, "^(?=(a+)+$)a+b")`} {
		if _, err := run(t.Context(), t, search, env(), slow); !errors.Is(err, pcre.ErrTimeout) {
			t.Errorf("%s: %v", search, err)
		}
	}
	for search, want := range map[string]string{
		"* | lookup exact nowhere AS a OUTPUT value": "the lookup exact has no column nowhere",
		"* | lookup exact key AS a OUTPUT nowhere":   "the lookup exact has no column nowhere",
		`* | rex mode=sed field=a "s/x"`:             "is no expression such as s/pattern/new/g",
	} {
		if _, err := run(t.Context(), t, search, env(), numbered(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", search, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for search, want := range map[string]string{
		"* | iplocation ip":                                "search:1:5: warning: the command iplocation adds nothing",
		"* | join a [search * | iplocation ip]":            "search:1:24: warning: the command iplocation adds nothing",
		"| union [search a=1 [search * | iplocation ip]]":  "search:1:33: warning: the command iplocation adds nothing",
		"* | appendcols [search * | iplocation ip]":        "search:1:28: warning: the command iplocation adds nothing",
		"| set diff [search *] [search * | iplocation ip]": "search:1:35: warning: the command iplocation adds nothing",
	} {
		if diags := splunk.Check(parsed(t, search), splunk.Env{}); len(diags) != 1 || !strings.Contains(diags[0].Error(), want) {
			t.Errorf("%s without a database: %v", search, diags)
		}
	}
	s, diags := spl.ParseText(newText("* | lookup nowhere a OUTPUT b"), macros)
	if s == nil {
		t.Fatal(diags)
	}
	if diags := splunk.Check(s, env()); diags.HasErrors() || len(diags) != 1 || !strings.Contains(diags[0].Error(), "search:1:12: warning: the lookup nowhere is not defined") {
		t.Errorf("a lookup that is not there: %v", diags)
	}
}

func TestTokens(t *testing.T) {
	row := splunk.Row{
		"user": splunk.Text("ann"), "n": splunk.Number(3), "a.b": splunk.Text("dotted"), "list": splunk.Texts([]string{"x", "y"}), "arr.k": splunk.Text("1"),
	}
	for _, tt := range []struct {
		message, want string
		missing       []string
	}{
		{"$user$ did $n$", "ann did 3", nil},
		{"[$a.b$] $list$ $arr{}.k$", "[dotted] x, y 1", nil},
		{"$nobody$ and $user$ and $nobody$", "$nobody$ and ann and $nobody$", []string{"nobody", "nobody"}},
		{"costs $5 for $user$", "costs $5 for ann", nil},
		{"a dollar $$ and $user", "a dollar $ and $user", nil},
		{"", "", nil},
	} {
		var missing []string
		got := splunk.Tokens(tt.message, row, func(f string) { missing = append(missing, f) })
		if got != tt.want || !slices.Equal(missing, tt.missing) {
			t.Errorf("%q: %q, missing %v", tt.message, got, missing)
		}
	}
}

func TestWindow(t *testing.T) {
	rows := numbered(10)
	s, diags := spl.ParseText(newText("* | table id"), macros)
	if s == nil {
		t.Fatal(diags)
	}
	var got []string
	window := splunk.Window{Earliest: at(3), Latest: at(6), Now: at(8)}
	if err := splunk.Run(t.Context(), s, env(), rows, window, func(row splunk.Row) error {
		got = append(got, row.Get("id").String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// From earliest on, without latest, the newest first.
	if diff := cmp.Diff([]string{"5", "4", "3"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWrites requires that a search that writes anything is recognised, wherever it does so.
func TestWrites(t *testing.T) {
	for search, want := range map[string]bool{
		"* | stats count": false, "* | outputlookup t": true, "* | collect index=a": true, "* | fit DensityFunction n": false,
		"* | fit DensityFunction n into m": true, "* | append [search * | outputlookup t]": true, "| union [search *] [search * | collect index=a]": true,
	} {
		if got := splunk.Writes(parsed(t, search)); got != want {
			t.Errorf("%s: %t", search, got)
		}
	}
}
