package hunt_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/hunt"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// open opens events that are the lines of a file.
func open(t interface{ Fatal(args ...any) }, ctx context.Context, lines []string) *store.Events { //nolint:revive // of a test
	events, diags, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n"))})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	return events
}

// plan plans a rule that is written without what all rules have.
func plan(t interface{ Fatal(args ...any) }, id, text string) query.Plan {
	r, diags := rule.Parse(id+".toml", fmt.Sprintf("[rule]\nrule_id = %q\nname = %q\ndescription = \"d\"\nseverity = \"low\"\nrisk_score = 21\nindex = [\"logs-*\"]\n%s", id, id, text))
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	p, diags := plans.For(r)
	if p == nil {
		t.Fatal(diags.Err())
	}
	return p
}

// texts are rules of each type and of every way in which a hunt answers one. whole are those that are run over a range in
// one go, the others are run slot by slot.
var texts = []struct {
	id, text string
	whole    bool
}{
	{"eql", "type = \"eql\"\nquery = 'process where process.name == \"sh\"'", true},
	{"eql-function", "type = \"eql\"\nquery = 'process where length(user.name) == 2'", true},
	{"kuery", "type = \"query\"\nlanguage = \"kuery\"\nquery = 'process.name: (sh or curl) and not user.name: u1'", true},
	{analysed, "type = \"query\"\nlanguage = \"kuery\"\nquery = 'one'", true},
	{"lucene", "type = \"query\"\nlanguage = \"lucene\"\nquery = 'process.name:c*'", true},
	{"head", "type = \"eql\"\nquery = 'process where true | head 3'", true},
	{"sequence", "type = \"eql\"\nquery = 'sequence by user.name with maxspan=5m [process where process.name == \"sh\"] [process where process.name == \"curl\"]'", true},
	{"never", "type = \"eql\"\nquery = 'sequence by user.name [process where process.name == \"sh\"] [process where process.name == \"none\"]'", true},
	{"now", "type = \"query\"\nlanguage = \"kuery\"\nquery = 'process.name: sh and @timestamp >= now-4m'", false},
	{"threshold", "type = \"threshold\"\nlanguage = \"kuery\"\nquery = 'process.name: sh'\n[rule.threshold]\nfield = [\"user.name\"]\nvalue = 2", false},
	{"terms", "type = \"new_terms\"\nlanguage = \"kuery\"\nquery = 'process.name: *'\n[rule.new_terms]\nfield = \"new_terms_fields\"\nvalue = [\"user.name\"]\n[[rule.new_terms.history_window_start]]\nfield = \"history_window_start\"\nvalue = \"now-1h\"", false},
}

// analysed is the rule that needs an index.
const analysed = "text"

// events draws lines of events within some hours.
func events(rt *rapid.T) []string {
	var lines []string
	minutes := rapid.SampledFrom([]int{20, 300}).Draw(rt, "minutes")
	for n := range rapid.IntRange(1, 40).Draw(rt, "events") {
		at := noon.Add(time.Duration(rapid.IntRange(0, minutes*60).Draw(rt, "second")) * time.Second)
		lines = append(lines, fmt.Sprintf(`{"_index":%q,"_id":"%d","_source":{"@timestamp":%q,"event":{"category":"process"},"message":"one two","process":{"name":%q},"user":{"name":%q}}}`,
			rapid.SampledFrom([]string{"logs-a", "logs-b", "other"}).Draw(rt, "index"), n, at.Format(time.RFC3339),
			rapid.SampledFrom([]string{"sh", "curl", "ls"}).Draw(rt, "name"), rapid.SampledFrom([]string{"u1", "u2", "root"}).Draw(rt, "user")))
	}
	return lines
}

// TestHuntFindsWhatRulesFind compares a hunt with each rule's own run: over the whole range, or over every slot of it one
// after the other with alerts in a store.
func TestHuntFindsWhatRulesFind(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		files := open(t, t.Context(), events(rt))
		defer func() { _ = files.Close() }()
		var all []query.Plan
		for _, text := range texts {
			all = append(all, plan(t, text.id, text.text))
		}
		w := window.Window{}
		if rapid.Bool().Draw(rt, "bounded") {
			w.From = noon.Add(time.Duration(rapid.IntRange(-5, 100).Draw(rt, "from")) * time.Minute)
			w.To = w.From.Add(time.Duration(rapid.IntRange(1, 300).Draw(rt, "length")) * time.Minute)
		}
		strategy := rapid.SampledFrom([]planner.Strategy{planner.Auto, planner.Search, planner.Single}).Draw(rt, "strategy")
		var events search.Events = files
		if rapid.Bool().Draw(rt, "indexed") && !w.From.IsZero() {
			events = indexed{files}
		}
		h := hunt.Hunt{
			Events: events, Range: w, Series: files, Concurrency: 2, Now: noon,
			Planner: &planner.Planner{Pin: strategy, Options: batch.ScanOptions{Slices: rapid.IntRange(1, 3).Draw(rt, "slices")}},
		}
		report, err := h.Run(t.Context(), all)
		if err != nil {
			rt.Fatal(err)
		}
		for i, f := range report.Findings {
			if texts[i].id == analysed {
				if f.Vacant == "" && f.Err == nil {
					rt.Fatalf("no error for a rule that files cannot answer")
				}
				continue
			}
			if f.Err != nil || len(f.Refused) > 0 {
				rt.Fatalf("rule %s: %v %v", f.Rule.ID, f.Err, f.Refused)
			}
			if f.Vacant != "" || report.Range.Empty() {
				continue
			}
			want := slotBySlot
			if texts[i].whole {
				want = atOnce
			}
			if d := cmp.Diff(want(t, all[i], files, report.Range), f.Hits); d != "" {
				rt.Errorf("hits of rule %s in %s (-alone +hunt):\n%s", f.Rule.ID, report.Range, d)
			}
		}
	})
}

// indexed can count, as an index can, and has no other way to know where candidates are if nothing is read.
type indexed struct{ *store.Events }

func (e indexed) Count(ctx context.Context, r search.Request) (int64, error) {
	n := int64(0)
	_, err := e.Search(ctx, r, func(page []event.Event) (bool, error) {
		n += int64(len(page))
		return true, nil
	})
	return n, err //nolint:wrapcheck // a test
}

// atOnce is the number of hits of a range.
func atOnce(t *testing.T, p query.Plan, files *store.Events, w window.Window) int64 {
	t.Helper()
	src := query.Source{Events: files, At: w.To, Window: w}
	prepared, diags, err := p.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(err, diags.Err())
	}
	n := int64(0)
	if _, err := prepared.Execute(t.Context(), src, w, func(hits []query.Hit) (bool, error) {
		n += int64(len(hits))
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// slotBySlot is the number of alerts whose time lies in a range, of all slots whose windows meet it.
func slotBySlot(t *testing.T, p query.Plan, files *store.Events, w window.Window) int64 {
	t.Helper()
	alerts := store.NewMemory()
	one := &pipeline.Pipeline{Events: files, Series: files, Alerts: alerts, Instances: alerts, Now: func() time.Time { return noon }}
	slots, err := p.Rule().Slots()
	if err != nil {
		t.Fatal(err)
	}
	for slot := range scheduler.Between(slots, w.From.Add(-1), w.To.Add(time.Hour)) {
		own := p.Rule().Window(slot)
		if !own.From.Before(w.To) || !own.To.After(w.From) {
			continue
		}
		if x := one.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: own}); x.Status != pipeline.Succeeded {
			t.Fatal(x.Problem())
		}
	}
	n := int64(0)
	if err := alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		if at := alert.TimeOf(d.Source, "kibana.alert.original_time"); at.IsZero() || w.Contains(at) {
			n++
		}
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCensus: events outside the range and without a time are counted, and no rule finds them.
func TestCensus(t *testing.T) {
	line := func(at string) string {
		return `{"_index":"logs-a","_source":{` + at + `"process":{"name":"sh"},"event":{"category":"process"}}}`
	}
	files := open(t, t.Context(), []string{
		line(`"@timestamp":"2026-01-15T11:59:59Z",`), line(`"@timestamp":"2026-01-15T12:00:00Z",`), line(`"@timestamp":"2026-01-15T12:59:59.999Z",`),
		line(`"@timestamp":"2026-01-15T13:00:00Z",`), line(``), line(`"@timestamp":"1969-01-15T13:00:00Z",`),
	})
	defer func() { _ = files.Close() }()
	p := plan(t, "eql", texts[0].text)
	report := func(w window.Window) hunt.Report {
		h := hunt.Hunt{Events: files, Range: w, Planner: &planner.Planner{}, Now: noon}
		r, err := h.Run(t.Context(), []query.Plan{p})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	hour := report(window.Window{From: noon, To: noon.Add(time.Hour)})
	want := &hunt.Census{Inside: 2, Outside: 3, Untimed: 1, First: time.Date(1969, 1, 15, 13, 0, 0, 0, time.UTC), Last: noon.Add(time.Hour)}
	if d := cmp.Diff(want, hour.Census); d != "" || hour.Findings[0].Hits != 2 {
		t.Errorf("an hour (-want +got):\n%s%d hits", d, hour.Findings[0].Hits)
	}
	all := report(window.Window{})
	if d := cmp.Diff(&hunt.Census{Inside: 5, Untimed: 1}, all.Census); d != "" || all.Findings[0].Hits != 5 {
		t.Errorf("all time (-want +got):\n%s%d hits", d, all.Findings[0].Hits)
	}
	since := report(window.Window{From: noon})
	if got := since.Range; !got.From.Equal(noon) || !got.To.Equal(noon.Add(time.Hour+time.Second)) || since.Census.Outside != 2 {
		t.Errorf("since noon: %s, %s", got, since.Census)
	}
}

// crashing is a plan whose preparation panics.
type crashing struct{ query.Plan }

func (crashing) Prepare(context.Context, query.Source) (query.Prepared, diag.List, error) {
	panic("a fault")
}

// TestHuntSaysWhatItCannotAnswer: a rule that fails, crashes or cannot be run on files says so, and the others are answered.
func TestHuntSaysWhatItCannotAnswer(t *testing.T) {
	files := open(t, t.Context(), []string{`{"_index":"logs-a","_source":{"@timestamp":"2026-01-15T12:00:00Z","process":{"name":"sh"},"event":{"category":"process"}}}`})
	defer func() { _ = files.Close() }()
	esql := plan(t, "esql", "type = \"esql\"\nlanguage = \"esql\"\nquery = 'FROM logs-* METADATA _id, _index, _version | WHERE process.name == \"sh\"'")
	ml := plan(t, "ml", "type = \"machine_learning\"\nanomaly_threshold = 50\nmachine_learning_job_id = \"job\"")
	h := hunt.Hunt{Events: files, Planner: &planner.Planner{}, Now: noon, Concurrency: 2}
	report, err := h.Run(t.Context(), []query.Plan{esql, ml, crashing{plan(t, "crash", texts[0].text)}, plan(t, "eql", texts[0].text)})
	if err != nil {
		t.Fatal(err)
	}
	f := report.Findings
	if len(f[0].Refused) == 0 || len(f[1].Refused) == 0 && f[1].Vacant == "" || f[2].Err == nil || f[3].Hits != 1 || f[3].Err != nil {
		t.Errorf("%+v\n%+v\n%+v\n%+v", *f[0], *f[1], *f[2], *f[3])
	}
}
