package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/run/health"
)

// TestStatesAgree: whatever is found, the API, the metrics, /readyz and the log tell of the same states.
func TestStatesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log strings.Builder
		r := &runner{
			app: &app{global: &globals{log: slog.New(slog.NewJSONHandler(&log, nil))}}, cmd: &runCmd{}, metrics: metrics.New(), backend: &backend{states: &health.Memory{}},
		}
		r.id = "this"
		r.health = r.newWatching()
		s := &statusPage{runner: r, started: time.Now()}
		if _, err := s.States(t.Context()); api.ProblemOf(err, strings.ToUpper).Status != http.StatusServiceUnavailable {
			t.Fatalf("before anything is known: %v", err)
		}
		now := time.Now()
		for range rapid.IntRange(1, 12).Draw(t, "turns") {
			now = now.Add(time.Minute)
			d := rapid.SampledFrom(health.Kinds).Draw(t, "kind")
			var found []health.Finding
			for i := range rapid.IntRange(0, 2).Draw(t, "findings") {
				found = append(found, health.Finding{Subject: fmt.Sprintf("s%d", i), Text: "no"})
			}
			for range d.After {
				r.health.watch.Set(d.Kind, now, found...)
			}
			if err := r.health.board.Sync(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			countStates(r.metrics, r.health.board)
		}
		got, err := s.States(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r.metrics.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		note, counted, bySeverity := r.health.note(), map[api.Kind]int{}, map[api.Gravity]int{}
		for _, one := range got.States {
			if one.Status == api.Phase(health.Open) {
				counted[one.Kind]++
				bySeverity[one.Severity]++
				if line := fmt.Sprintf("%s %s since %s: %s", one.Kind, one.Subject, one.Since.Format(time.RFC3339), one.Text); one.Kind != api.Kind(health.ReloadBroken) && !strings.Contains(note+"\n", line+"\n") {
					t.Errorf("/readyz does not say %q: %s", line, note)
				}
			}
			begins, ends := 0, 0
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, fmt.Sprintf(`"kind":%q,"subject":%q`, one.Kind, one.Subject)) {
					if strings.Contains(line, `"msg":"state ended"`) {
						ends++
					} else {
						begins++
					}
				}
			}
			if int64(begins) != one.Count || one.Status == api.Phase(health.Ended) && ends != begins || one.Status == api.Phase(health.Open) && ends != begins-1 {
				t.Errorf("%+v, but the log has %d begins and %d ends", one, begins, ends)
			}
		}
		for _, d := range health.Kinds {
			if line := fmt.Sprintf("tocsin_states{kind=%q,severity=%q} %d\n", d.Kind, d.Severity, counted[api.Kind(d.Kind)]); !strings.Contains(w.Body.String(), line) {
				t.Errorf("the metrics do not say %q", line)
			}
		}
		if lines := len(strings.Split(note, "\n")); note != "" && lines != total(counted)-counted[api.Kind(health.ReloadBroken)] {
			t.Errorf("/readyz has %d lines for %v: %s", lines, counted, note)
		}
		if fmt.Sprint(bySeverity) != fmt.Sprint(got.Open) {
			t.Errorf("open %v, want %v", got.Open, bySeverity)
		}
	})
}

func total[K comparable](counts map[K]int) int {
	n := 0
	for _, one := range counts {
		n += one
	}
	return n
}
