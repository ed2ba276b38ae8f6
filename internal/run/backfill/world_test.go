package backfill_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

var begin = time.Date(2026, 1, 14, 20, 0, 0, 0, time.UTC)

func hour(n float64) time.Time { return begin.Add(time.Duration(n * float64(time.Hour))) }

// ruleText is a rule that looks back 70 minutes every half hour.
func ruleText(id, typ, query, more string) string {
	language := "kuery"
	if typ == "eql" {
		language = "eql"
	}
	return fmt.Sprintf(`[rule]
rule_id = %q
name = "rule %s"
description = "A rule of a test."
type = %q
language = %q
index = ["logs-*"]
severity = "low"
risk_score = 21
interval = "30m"
from = "now-70m"
query = '''%s'''
%s
`, id, id, typ, language, query, more)
}

// texts are rules of all kinds: merged, with more hits than max_signals, and those that need order.
var texts = []string{
	ruleText("few", "eql", `any where process.name == "sh"`, "max_signals = 1"),
	ruleText("event", "query", `process.name: curl`, ""),
	ruleText("sequence", "eql", `sequence by host.id with maxspan=20m [any where process.name == "sh"] [any where process.name == "curl"]`, ""),
	ruleText("threshold", "threshold", `process.name: *`, "[rule.threshold]\nfield = \"host.id\"\nvalue = 3\n"),
	ruleText("terms", "new_terms", `process.name: *`, "new_terms_fields = [\"user.name\"]\nhistory_window_start = \"now-4h\"\n"),
	ruleText("suppress", "query", `process.name: sh`, "[rule.alert_suppression]\ngroup_by = [\"host.id\"]\nduration = {value = 2, unit = \"h\"}\n"),
	ruleText("now", "query", `process.name: ls and @timestamp >= now-40m`, ""),
}

func load(t *testing.T, single bool, texts ...string) []backfill.Rule {
	t.Helper()
	files := fstest.MapFS{}
	for i, text := range texts {
		files[fmt.Sprintf("%02d.toml", i)] = &fstest.MapFile{Data: []byte(text)}
	}
	set, diags := rule.LoadFS(files, ".")
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	var rules []backfill.Rule
	for _, r := range set.Rules() {
		plan, diags := plans.For(r)
		if plan == nil {
			t.Fatal(diags.Err())
		}
		one, err := backfill.NewRule(plan, single)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, one)
	}
	return rules
}

// openEvents returns some hundred events over ten hours.
func openEvents(t *testing.T) search.Events {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same every time
	var lines strings.Builder
	for i := range 150 {
		at := begin.Add(-time.Hour + time.Duration(random.IntN(10*3600))*time.Second)
		fmt.Fprintf(&lines, `{"_index":"logs-x","_id":"%d","_source":{"@timestamp":%q,"event":{"category":"process"},"host":{"id":"h%d"},"user":{"name":"u%d"},"process":{"name":%q}}}`+"\n",
			i, at.Format(time.RFC3339), random.IntN(3), random.IntN(12), []string{"sh", "curl", "ls"}[random.IntN(3)])
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// alerts is an alert store in all its roles.
type alerts interface {
	alert.Indexer
	alert.Instances
}

// newRunner returns a runner with a fixed clock, so that the result does not depend on the speed of
// the test.
func newRunner(events search.Events, a alerts, l ledger.Store) *backfill.Runner {
	now := func() time.Time { return hour(1000) }
	return &backfill.Runner{
		Jobs: backfill.Jobs{Store: l},
		Rounds: &pipeline.Round{
			Pipeline: &pipeline.Pipeline{Events: events, Alerts: a, Instances: a, Now: now}, Planner: &planner.Planner{},
		},
		Options: backfill.Options{Stretch: 2 * time.Hour, Now: now},
	}
}

var ofRun = []string{"kibana.alert.rule.execution.uuid"}

// contents returns alerts by id, without the fields that differ between runs.
func contents(t require, a alert.Reader) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	err := a.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		for _, name := range ofRun {
			delete(d.Source, name)
		}
		out[d.ID] = d.Source
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var errDead = errors.New("the process is dead")

// life ends after a number of calls: the last one may or may not have an effect, later ones have
// none.
type life struct {
	mu    sync.Mutex
	left  int
	apply bool
}

// call reports whether a call has an effect, and whether its caller gets the answer.
func (l *life) call() (done, heard bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left--
	return l.left > 0 || l.left == 0 && l.apply, l.left > 0
}

// live runs a call for as long as the process lives.
func live[T any](l *life, do func() (T, error)) (T, error) {
	var none T
	done, heard := l.call()
	if !done {
		return none, errDead
	}
	out, err := do()
	if !heard {
		return none, errDead
	}
	return out, err
}

// mortalAlerts and mortalLedger die with their process, and keep the effects of earlier calls.
type mortalAlerts struct {
	*store.Memory
	life *life
}

func (m mortalAlerts) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	return live(m.life, func() ([]alert.Written, error) { return m.Memory.Create(ctx, docs) })
}

func (m mortalAlerts) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	return live(m.life, func() ([]alert.Written, error) { return m.Memory.Update(ctx, docs) })
}

type mortalLedger struct {
	ledger.Store
	life *life
}

func (m mortalLedger) SavePages(ctx context.Context, pages []*ledger.Page) ([]error, error) {
	return live(m.life, func() ([]error, error) { return m.Store.SavePages(ctx, pages) })
}

func (m mortalLedger) SaveHeads(ctx context.Context, heads []*ledger.Head) ([]error, error) {
	return live(m.life, func() ([]error, error) { return m.Store.SaveHeads(ctx, heads) })
}
