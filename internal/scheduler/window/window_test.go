package window_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/scheduler/datemath"
	"tocsin/internal/scheduler/window"
)

func TestAt(t *testing.T) {
	slot := time.Date(2026, 3, 1, 0, 5, 7, 0, time.FixedZone("", 3600))
	tests := []struct {
		name, from, to string
		want           string
	}{
		{"default of a rule", "now-6m", "now", "[2026-02-28T22:59:07Z, 2026-02-28T23:05:07Z)"},
		{"rounded ends", "now-70m/m", "now-10m/m", "[2026-02-28T21:55:00Z, 2026-02-28T22:55:00Z)"},
		{"yesterday", "now-1d/d", "now/d", "[2026-02-27T00:00:00Z, 2026-02-28T00:00:00Z)"},
		{"backwards", "now", "now-1h", "[2026-02-28T23:05:07Z, 2026-02-28T22:05:07Z)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := window.At(slot, mustParse(t, tt.from), mustParse(t, tt.to)).String()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestContainsAndEmpty(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.Add(time.Hour)
	tests := []struct {
		name     string
		window   window.Window
		at       time.Time
		contains bool
		empty    bool
	}{
		{"beginning", window.Window{From: from, To: to}, from, true, false},
		{"just before the end", window.Window{From: from, To: to}, to.Add(-1), true, false},
		{"end", window.Window{From: from, To: to}, to, false, false},
		{"before", window.Window{From: from, To: to}, from.Add(-1), false, false},
		{"no length", window.Window{From: from, To: from}, from, false, true},
		{"backwards", window.Window{From: to, To: from}, from, false, true},
		{"zero", window.Window{}, time.Time{}, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.window.Contains(tt.at); got != tt.contains {
				t.Errorf("Contains = %v, want %v", got, tt.contains)
			}
			if got := tt.window.Empty(); got != tt.empty {
				t.Errorf("Empty = %v, want %v", got, tt.empty)
			}
		})
	}
}

func TestStringShowsFractions(t *testing.T) {
	from := time.Unix(1_700_000_000, 120_000_000)
	got := window.Window{From: from, To: from.Add(time.Microsecond)}.String()
	want := "[2023-11-14T22:13:20.12Z, 2023-11-14T22:13:20.120001Z)"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Windows that are as long as their slots are apart cover every moment exactly once.
func TestWindowsTile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slot := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "slot"), 0)
		from, to := mustParse(t, "now-5m"), mustParse(t, "now")
		earlier := window.At(slot, from, to)
		later := window.At(slot.Add(5*time.Minute), from, to)
		at := slot.Add(time.Duration(rapid.Int64Range(-300e9, 300e9-1).Draw(t, "at")))
		if earlier.Contains(at) == later.Contains(at) {
			t.Fatalf("%s lies in both or none of %s and %s", at, earlier, later)
		}
	})
}

func mustParse(t interface {
	Helper()
	Fatal(args ...any)
}, text string,
) datemath.Expr {
	t.Helper()
	expr, err := datemath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return expr
}
