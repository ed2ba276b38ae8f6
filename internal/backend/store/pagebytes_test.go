package store_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// TestOnPage: whatever the length of lines, a page is not larger than the limit, unless it is one line, and has all
// lines that fit.
func TestOnPage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lengths := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1000, 500_000, 2_500_000, store.PageBytes - 1, store.PageBytes, store.PageBytes + 1, 7 << 20}), 1, 9).Draw(rt, "lengths")
		wanted := rapid.IntRange(1, 9).Draw(rt, "page")
		sum := func(n int) (bytes int) {
			for _, length := range lengths[:n] {
				bytes += length
			}
			return bytes
		}
		n := store.OnPage(lengths, wanted)
		if n < 1 || n > min(wanted, len(lengths)) || n > 1 && sum(n) > store.PageBytes {
			rt.Errorf("%d lines of %v make a page of %d", n, lengths, wanted)
		}
		if n < min(wanted, len(lengths)) && sum(n+1) <= store.PageBytes {
			rt.Errorf("%d lines of %v make a page of %d: one more fits", n, lengths, wanted)
		}
	})
}

// TestPagesOfLongLines wants all hits in order, whatever pages they make.
func TestPagesOfLongLines(t *testing.T) {
	sizes := []int{0, 7 << 20, 1000, 2_500_000, 2_500_000, 2_500_000, 500_000, 1}
	var lines []string
	for i, size := range sizes {
		lines = append(lines, fmt.Sprintf(`{"_index":"logs","_id":"%d","_source":{"@timestamp":"2026-01-15T14:01:%02dZ","x":%q}}`, i, i, strings.Repeat("x", size)))
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n"))})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = events.Close() }()
	for wanted, want := range map[int]string{1: "0 1 2 3 4 5 6 7", 2: "0 1 23 45 67", 8: "0 1 234 567"} {
		var pages []string
		_, err := events.Search(t.Context(), search.Request{
			Patterns: []string{"logs"}, PageSize: wanted, Time: search.TimeRange{Field: search.DefaultTimestamp},
		}, func(page []event.Event) (bool, error) {
			var text strings.Builder
			for _, e := range page {
				text.WriteString(e.ID)
			}
			pages = append(pages, text.String())
			return true, nil
		})
		if got := strings.Join(pages, " "); err != nil || got != want {
			t.Errorf("pages of %d: %s, %v; want %s", wanted, got, err, want)
		}
	}
}
