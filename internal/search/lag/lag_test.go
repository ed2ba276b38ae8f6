package lag_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/search/lag"
)

func near(got, want time.Duration) bool { return got >= want*9/10 && got <= want*13/10 }

func TestMeter(t *testing.T) {
	var m lag.Meter
	logs, all := []string{"logs-*"}, []string{"logs-*", "metrics-*"}
	if _, known := m.Of(logs); known {
		t.Error("nothing was measured")
	}
	for n := range 100 {
		m.Add(logs, "quick", time.Duration(n)*time.Second)
		m.Add(all, "quick", time.Duration(n)*time.Second)
		m.Add(all, "slow", time.Hour)
	}
	m.Add(logs, "quick", -time.Hour) // a clock that is ahead
	if got, known := m.Of(logs); !known || !near(got.P50, 50*time.Second) || !near(got.P99, 99*time.Second) {
		t.Errorf("%+v", got)
	}
	if got, _ := m.Of(all); !near(got.P50, time.Hour) || !near(got.P99, time.Hour) {
		t.Errorf("the worst of two sets: %+v", got)
	}
	for range 100_000 {
		m.Add(all, "slow", 10*time.Second)
	}
	if got := m.Sets()["slow"]; !near(got.P99, 10*time.Second) {
		t.Errorf("what was long ago weighs little: %+v", got)
	}
}

func TestSample(t *testing.T) {
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, more string
		want       string
		known      bool
	}{
		{"by data stream", `"data_stream":{"dataset":"nginx.access"},"event":{"dataset":"other","ingested":%q}`, "nginx.access", true},
		{"by event", `"event":{"dataset":"other","ingested":%q}`, "other", true},
		{"by index", `"event":{"ingested":%q}`, "logs-a", true},
		{"not told", `"labels":{"at":%q}`, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines strings.Builder
			for n := range 20 {
				at := now.Add(-time.Duration(n) * time.Minute)
				more := fmt.Sprintf(tt.more, at.Format(time.RFC3339))
				_, _ = fmt.Fprintf(&lines, `{"_index":"logs-a","_id":"%d","_source":{"@timestamp":%q,%s}}`+"\n", n, at.Add(-time.Minute).Format(time.RFC3339), more)
			}
			file := filepath.Join(t.TempDir(), "events.ndjson")
			if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			events, _, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{file}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = events.Close() })
			var m lag.Meter
			if err := lag.Sample(t.Context(), &m, events, []string{"logs-*"}, now); err != nil {
				t.Fatal(err)
			}
			got, known := m.Of([]string{"logs-*"})
			if known != tt.known || known && !near(got.P99, time.Minute) {
				t.Errorf("%+v, known %v", got, known)
			}
			if _, there := m.Sets()[tt.want]; there != tt.known {
				t.Errorf("sets %v", m.Sets())
			}
		})
	}
}
