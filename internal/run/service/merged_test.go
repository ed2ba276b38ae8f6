package service_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
)

// TestMergedIsSingle: for a rule that may be merged, one run over the windows of many slots makes
// the same alerts as separate runs, max_signals included.
func TestMergedIsSingle(t *testing.T) {
	origin := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	var lines strings.Builder
	for i := range 400 {
		at := origin.Add(-3*time.Minute + rand.N(40*time.Minute))
		category := []string{"process", "file"}[random.IntN(2)]
		_, _ = fmt.Fprintf(&lines, `{"_index":"logs-a","_id":"e%d","_source":{"@timestamp":%q,"event":{"category":[%q]}}}`+"\n", i, at.Format(time.RFC3339Nano), category)
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{file}})
	if err != nil || diags.HasErrors() {
		t.Fatal(diags, err)
	}
	t.Cleanup(func() { _ = events.Close() })
	r := newRule(t, "r", func(r *rule.Rule) { r.MaxSignals = 20 })
	var owed []ledger.Owed
	for n := range 30 {
		if n != 11 { // a gap in the middle
			owed = append(owed, ledger.Owed{RuleID: "r", Entry: ledger.Entry{Slot: origin.Add(time.Duration(n) * time.Minute)}})
		}
	}
	run := func(rules catchup.Rule) (ids []string, runs int) {
		alerts := store.NewMemory()
		line := &pipeline.Pipeline{Events: events, Alerts: alerts}
		for _, task := range catchup.Plan(owed, map[string]catchup.Rule{"r": rules}, origin.Add(time.Hour), catchup.Options{}) {
			x := line.Run(t.Context(), pipeline.Job{Plan: r.Plan, Slot: task.Slot(), Window: task.Window, Covers: task.Slots})
			if x.Status != pipeline.Succeeded {
				t.Fatalf("%+v", x)
			}
			runs++
		}
		found := map[string]bool{}
		if err := alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
			found[d.ID] = true
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(found)), runs
	}
	merged, few := run(r.CatchUp())
	alone := r.CatchUp()
	alone.Together = nil
	single, many := run(alone)
	if diff := cmp.Diff(single, merged); diff != "" || len(single) < 50 {
		t.Errorf("%d alerts one by one, %d merged:\n%s", len(single), len(merged), diff)
	}
	if many != 29 || few != 1 {
		t.Errorf("%d runs one by one, %d merged", many, few)
	}
}
