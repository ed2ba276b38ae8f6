package backfill_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
	"tocsin/internal/search"
)

// readOnly fails the test on any write.
type readOnly struct {
	*store.Memory
	t *testing.T
}

func (r readOnly) Create(context.Context, []alert.Document) ([]alert.Written, error) {
	r.t.Error("alerts were written")
	return nil, errDead
}

func (r readOnly) Replace(context.Context, []alert.Document) ([]alert.Written, error) {
	r.t.Error("alerts were changed")
	return nil, errDead
}

// preview runs a job without a trace.
func preview(t *testing.T, events search.Events, a *store.Memory, rules []backfill.Rule, anew time.Time) (*backfill.Preview, backfill.Job) {
	t.Helper()
	there := readOnly{a, t}
	p := &backfill.Preview{Lookup: there, History: there, Anew: anew}
	job := backfill.NewJob(rules, hour(0), hour(9), "x", nil)
	result, err := newRunner(events, p, ledger.NewMemory()).Run(t.Context(), job, rules)
	if err != nil || result.Left() != 0 {
		t.Fatal(err, result)
	}
	return p, job
}

// written runs a job over some hours, and returns the number of documents by rule.
func written(t *testing.T, events search.Events, a *store.Memory, rules []backfill.Rule, from, to float64) map[string]int64 {
	t.Helper()
	result, err := newRunner(events, a, ledger.NewMemory()).Run(t.Context(), backfill.NewJob(rules, hour(from), hour(to), "x", nil), rules)
	if err != nil || result.Left() != 0 {
		t.Fatal(err, result)
	}
	n := map[string]int64{}
	for _, source := range contents(t, a) {
		n[source["kibana.alert.rule.rule_id"].(string)]++
	}
	return n
}

// TestDryRun: a dry run predicts the number of alerts, whatever they depend on, and writes none.
func TestDryRun(t *testing.T) {
	events := openEvents(t)
	rules := load(t, false, texts...)
	a := store.NewMemory()
	before := written(t, events, a, rules, 0, 4)
	p, _ := preview(t, events, a, rules, time.Time{})
	counts := p.Counts()
	after := written(t, events, a, rules, 0, 9)
	for id, n := range after {
		if got := counts[id].New; got != n-before[id] || n == before[id] {
			t.Errorf("rule %s: %d new foreseen, %d made", id, got, n-before[id])
		}
	}
	if got := counts["few"].Same; got != before["few"] {
		t.Errorf("%d of %d alerts that were there were met", got, before["few"])
	}
	p, _ = preview(t, events, a, rules, time.Time{})
	for id, n := range p.Counts() {
		if n.New != 0 {
			t.Errorf("rule %s: %d new ones after all were made", id, n.New)
		}
	}
}

// TestDiff compares the alerts of an empty store with the existing ones.
func TestDiff(t *testing.T) {
	events := openEvents(t)
	rules := load(t, false, texts...)
	a := store.NewMemory()
	n := written(t, events, a, rules, 0, 9)
	p, job := preview(t, events, a, rules, hour(0))
	counts, changes, err := p.Diff(t.Context(), a, job)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]backfill.Counts{}
	total := 0
	for id, count := range n {
		want[id] = backfill.Counts{Same: count}
		total += int(count)
	}
	if diff := cmp.Diff(want, counts); diff != "" || len(changes) != total {
		t.Errorf("nothing has changed, and yet (%d changes for %d alerts):\n%s", len(changes), total, diff)
	}

	changed := load(t, false, strings.Replace(texts[0], `"sh"`, `"curl"`, 1), strings.Replace(texts[3], "value = 3", "value = 5", 1))
	p, job = preview(t, events, a, changed, hour(0))
	counts, changes, err = p.Diff(t.Context(), a, job)
	if err != nil {
		t.Fatal(err)
	}
	few := counts["few"]
	if few.Same != 0 || few.Missing != n["few"] || few.New == 0 || counts["threshold"].New == 0 || counts["threshold"].Missing == 0 {
		t.Errorf("%+v", counts)
	}
	kinds := map[backfill.Kind]int64{}
	for _, c := range changes {
		kinds[c.Kind]++
		if c.ID == "" || c.Reason == "" || c.Time.IsZero() || c.Slot.Before(job.From) || !c.Slot.Before(job.To) {
			t.Errorf("%+v", c)
		}
	}
	if kinds[backfill.New] != few.New+counts["threshold"].New || kinds[backfill.Missing] != few.Missing+counts["threshold"].Missing {
		t.Error(kinds, counts)
	}

	// Alerts of other slots are outside the job.
	other := store.NewMemory()
	written(t, events, other, rules[:1], -1, 0)
	p, job = preview(t, events, other, changed[:1], hour(0))
	if counts, _, err = p.Diff(t.Context(), other, job); err != nil || counts["few"].Missing != 0 {
		t.Error(counts, err)
	}
}

// deaf cannot find out which alerts exist.
type deaf struct{}

func (deaf) Existing(context.Context, []string) (map[string]*alert.Source, error) {
	return nil, errDead
}

// TestDryRunBlind: if it is not known which alerts exist, the result is an error.
func TestDryRunBlind(t *testing.T) {
	p := &backfill.Preview{Lookup: deaf{}}
	if _, err := p.Create(t.Context(), []alert.Document{{ID: "a"}}); !errors.Is(err, errDead) {
		t.Error(err)
	}
	if _, err := p.Update(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if written, err := p.Update(t.Context(), []alert.Document{{ID: "a"}}); err != nil || written[0].Outcome != alert.Failed {
		t.Error("an alert was replaced that nobody has read:", written, err)
	}
}
