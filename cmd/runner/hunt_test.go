package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/run/hunt"
	"tocsin/internal/scheduler/window"
)

func TestSparkline(t *testing.T) {
	for _, tt := range []struct {
		counts []int64
		want   string
	}{
		{nil, ""},
		{[]int64{0, 0}, "  "},
		{[]int64{1}, "█"},
		{[]int64{0, 1, 2, 3, 4, 5, 6, 7, 8}, " ▁▂▃▄▅▆▇█"},
		{[]int64{1, 1_000_000}, "▁█"},
	} {
		if got := sparkline(tt.counts); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.counts, got, tt.want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		counts := rapid.SliceOf(rapid.Int64Range(0, 1<<55)).Draw(rt, "counts")
		line := []rune(sparkline(counts))
		if len(line) != len(counts) {
			rt.Fatalf("%d bars of %d", len(line), len(counts))
		}
		for i := range counts {
			for j := range counts {
				if (counts[i] == 0) != (line[i] == ' ') || counts[i] < counts[j] && line[i] > line[j] {
					rt.Fatalf("%v: %q", counts, string(line))
				}
			}
		}
	})
}

// TestLengthText wants the length of each kind of bar in one unit.
func TestLengthText(t *testing.T) {
	want := []string{"1s", "5s", "15s", "30s", "1m", "5m", "15m", "30m", "1h", "2h", "6h", "12h", "24h", "7d", "28d", "364d", "728d"}
	var got []string
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for reach := time.Second; len(got) < len(want) && reach > 0; reach += max(time.Second, reach/50) {
		text := lengthText(hunt.StepFor(window.Window{From: at, To: at.Add(reach)}, 2))
		if len(got) == 0 || got[len(got)-1] != text {
			got = append(got, text)
		}
		if utf8.RuneCountInString(text) > 5 {
			t.Errorf("%s is long", text)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMatching(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"logs/a.ndjson", "logs/b.ndjson.gz", "logs/c.txt", "odd[1].ndjson"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ names, want []string }{
		{[]string{"logs/*.ndjson*"}, []string{"logs/a.ndjson", "logs/b.ndjson.gz"}},
		{[]string{"logs/*.gz", "logs/*.ndjson*"}, []string{"logs/b.ndjson.gz", "logs/a.ndjson"}},
		{[]string{"odd[1].ndjson", "-"}, []string{"odd[1].ndjson", "-"}},
		{[]string{"nosuch/*", "no[such", "none.ndjson"}, []string{"nosuch/*", "no[such", "none.ndjson"}},
		{[]string{"logs/a.ndjson", "logs/a.ndjson"}, []string{"logs/a.ndjson", "logs/a.ndjson"}}, // as they are named
	} {
		if d := cmp.Diff(tt.want, matching(tt.names)); d != "" {
			t.Errorf("%v (-want +got):\n%s", tt.names, d)
		}
	}
}
