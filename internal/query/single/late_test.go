package single_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/trial"
)

// TestLate finds what came since, in each part of the time, and nothing else.
func TestLate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.ndjson")
	lines := `{"_index":"logs-a","_id":"in time","_source":{"@timestamp":"2026-01-15T12:01:00Z","event":{"category":"process","ingested":"2026-01-15T12:01:05Z"}}}
{"_index":"logs-a","_id":"late","_source":{"@timestamp":"2026-01-15T12:01:00Z","event":{"category":"process","ingested":"2026-01-15T12:11:00Z"}}}
{"_index":"logs-a","_id":"late, of another kind","_source":{"@timestamp":"2026-01-15T12:01:00Z","event":{"category":"file","ingested":"2026-01-15T12:11:00Z"}}}
{"_index":"logs-a","_id":"late for the first part only","_source":{"@timestamp":"2026-01-15T12:06:00Z","event":{"category":"process","ingested":"2026-01-15T12:11:00Z"}}}
{"_index":"logs-a","_id":"late for the second part","_source":{"@timestamp":"2026-01-15T12:06:00Z","event":{"category":"process","ingested":"2026-01-15T12:15:00Z"}}}
`
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	events, _, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	at := func(minute int) time.Time { return time.Date(2026, 1, 15, 12, minute, 0, 0, time.UTC) }
	src := query.Source{Events: events, At: at(20), Late: []query.Late{
		{Window: window.Window{From: at(0), To: at(5)}, Since: at(10)},
		{Window: window.Window{From: at(5), To: at(10)}, Since: at(15)},
	}}
	p := trial.EQL(t, "process where true")
	if !query.CatchUp(p).Late {
		t.Fatal("the rule takes late events")
	}
	prepared, diags, err := p.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(diags, err)
	}
	var got []string
	_, err = prepared.Execute(t.Context(), src, window.Window{From: at(0), To: at(10)}, func(hits []query.Hit) (bool, error) {
		for _, h := range hits {
			got = append(got, h.Event.ID)
		}
		return true, nil
	})
	if want := []string{"late", "late for the second part"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
