package planner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

// cluster is an Events with a given number of documents for windows up to a length, and a given
// duration of requests, without a real clock.
type cluster struct {
	documents func(length time.Duration) int64
	scanErr   error
	log       []string
	took      time.Duration
}

func (c *cluster) Resolve(context.Context, []string, []string) (search.Target, error) {
	return search.Target{}, nil
}

func (c *cluster) Search(context.Context, search.Request, search.Visit) (search.Result, error) {
	c.log = append(c.log, "search")
	return search.Result{}, nil
}

func (c *cluster) Locate(context.Context, []string) (func(string) bool, error) {
	return func(string) bool { return true }, nil
}

func (c *cluster) SearchSlices(_ context.Context, _ search.Request, visits []search.Visit) (search.Result, error) {
	c.log = append(c.log, "scan")
	if c.scanErr != nil {
		return search.Result{}, c.scanErr
	}
	_, err := visits[0](make([]event.Event, 0))
	return search.Result{}, err
}

func (c *cluster) FirstPages(_ context.Context, requests []search.Request) []search.FirstPage {
	c.log = append(c.log, fmt.Sprintf("msearch %d", len(requests)))
	time.Sleep(c.took * time.Duration(len(requests)))
	return make([]search.FirstPage, len(requests))
}

// Count reads the length of the longest window from the text of the union.
func (c *cluster) Count(_ context.Context, r search.Request) (int64, error) {
	for _, length := range []time.Duration{24 * time.Hour, time.Hour} {
		if strings.Contains(r.Where.String(), search.FormatTime(noon.Add(-length))) {
			return c.documents(length), nil
		}
	}
	return c.documents(9 * time.Minute), nil
}

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func requests(n int, length time.Duration, where func(i int) condition.Expr) []planner.Need {
	var out []planner.Need
	for i := range n {
		out = append(out, planner.Need{Request: search.Request{
			Patterns: []string{"logs-*"}, Where: where(i), FieldTypes: mapping.ECS(),
			Time: search.TimeRange{Field: search.DefaultTimestamp, Window: window.Window{From: noon.Add(-length), To: noon}},
		}})
	}
	return out
}

func scanOnly(needs []planner.Need) []planner.Need {
	for i := range needs {
		needs[i].ScanOnly = true
	}
	return needs
}

func searchOnly(needs []planner.Need) []planner.Need {
	for i := range needs {
		needs[i].SearchOnly = true
	}
	return needs
}

func name(i int) condition.Expr {
	return condition.Term{Field: "process.name", Value: fmt.Sprintf("p%d", i)}
}

func text(i int) condition.Expr {
	return condition.Match{Field: "message", Value: fmt.Sprintf("w%d", i)}
}

func TestAnswerChoosesByCost(t *testing.T) {
	few, many := int64(1000), int64(100_000_000)
	flat := func(n int64) func(time.Duration) int64 { return func(time.Duration) int64 { return n } }
	for _, tt := range []struct {
		name     string
		pin      planner.Strategy
		requests []planner.Need
		cluster  cluster
		want     string
	}{
		{"many rules, few events", "", requests(500, 9*time.Minute, name), cluster{documents: flat(few)}, "scan"},
		{"a rule alone", "", requests(1, 9*time.Minute, name), cluster{documents: flat(few)}, ""},
		{"few rules, many events", "", requests(3, 9*time.Minute, name), cluster{documents: flat(many)}, "msearch 3"},
		{"what only a search can match", "", requests(3, 9*time.Minute, text), cluster{documents: flat(few)}, "msearch 3"},
		{
			"some of each", "", append(requests(500, 9*time.Minute, name), requests(3, 9*time.Minute, text)...),
			cluster{documents: flat(few)},
			"scan, msearch 3",
		},
		{
			"a few long windows are left out", "", append(requests(500, 9*time.Minute, name), requests(2, 24*time.Hour, name)...),
			cluster{documents: func(d time.Duration) int64 {
				if d > time.Hour {
					return many
				}
				return few
			}},
			"scan, msearch 2",
		},
		{
			"long windows that cost nothing ride along", "", append(requests(500, 9*time.Minute, name), requests(2, 24*time.Hour, name)...),
			cluster{documents: flat(few)},
			"scan",
		},
		{
			"what is cheaper than a search rides along or is left", "", scanOnly(requests(500, 9*time.Minute, name)),
			cluster{documents: flat(few)},
			"scan",
		},
		{"what is cheaper than a search is not searched", "", scanOnly(requests(3, 9*time.Minute, name)), cluster{documents: flat(many)}, ""},
		{"what is not to be scanned", planner.Scan, searchOnly(requests(3, 9*time.Minute, name)), cluster{documents: flat(few)}, "msearch 3"},
		{"pinned to search", planner.Search, requests(40, 9*time.Minute, name), cluster{documents: flat(few)}, "msearch 32, msearch 8"},
		{"pinned to scan", planner.Scan, requests(1, 9*time.Minute, name), cluster{documents: flat(many)}, "scan"},
		{
			"a scan that fails gives way", "", requests(20, 9*time.Minute, name),
			cluster{documents: flat(few), scanErr: errors.New("broken")},
			"scan, msearch 20",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &planner.Planner{Pin: tt.pin}
			_, round := p.Answer(t.Context(), &tt.cluster, tt.requests)
			if got := strings.Join(tt.cluster.log, ", "); got != tt.want {
				t.Errorf("did %q, want %q: %s", got, tt.want, round)
			}
			if (round.Err != nil) != (tt.cluster.scanErr != nil) {
				t.Error(round.Err)
			}
		})
	}
}

// TestAnswerLearns: searches that turn out to be expensive are scanned the next time.
func TestAnswerLearns(t *testing.T) {
	c := &cluster{documents: func(time.Duration) int64 { return 4000 }, took: 30 * time.Millisecond}
	p := &planner.Planner{}
	all := requests(6, 9*time.Minute, name)
	for range 4 {
		p.Answer(t.Context(), c, all)
	}
	if got := strings.Join(c.log, ", "); !strings.HasPrefix(got, "msearch 6, ") || !strings.HasSuffix(got, "scan") {
		t.Error(got)
	}
}

// TestAnswerJudgesByMapping: a cached result for a request is used for the same mapping only.
func TestAnswerJudgesByMapping(t *testing.T) {
	p := &planner.Planner{Pin: planner.Scan}
	ask := func(fields mapping.Fields) string {
		c := &cluster{documents: func(time.Duration) int64 { return 1 }}
		needs := requests(2, 9*time.Minute, text)
		for i := range needs {
			needs[i].FieldTypes = fields
		}
		p.Answer(t.Context(), c, needs)
		return strings.Join(c.log, ", ")
	}
	time := mapping.Field{Name: "@timestamp", Type: mapping.Date}
	analysed := mapping.Table{"@timestamp": time, "message": {Name: "message", Type: mapping.Text}}
	whole := mapping.Table{"@timestamp": time, "message": {Name: "message", Type: mapping.Keyword}}
	for _, tt := range []struct {
		fields mapping.Fields
		want   string
	}{{analysed, "msearch 2"}, {whole, "scan"}, {whole, "scan"}, {analysed, "msearch 2"}} {
		if got := ask(tt.fields); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.fields, got, tt.want)
		}
	}
}
