package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// TestPagesOfLongLines: whatever the length of lines, all hits come in order, and no page is larger than
// the limit, unless it is one line.
func TestPagesOfLongLines(t *testing.T) {
	const most = 6 << 20
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1000, 500_000, 2_500_000, 7 << 20}), 1, 6).Draw(rt, "sizes")
		for i, size := range sizes {
			lines = append(lines, fmt.Sprintf(`{"_index":"logs","_id":"%d","_source":{"@timestamp":"2026-01-15T14:01:%02dZ","x":%q}}`, i, i, strings.Repeat("x", size)))
		}
		events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n"))})
		if err != nil || diags.HasErrors() {
			rt.Fatal(err, diags)
		}
		defer func() { _ = events.Close() }()
		wanted := rapid.IntRange(1, 5).Draw(rt, "page")
		next := 0
		_, err = events.Search(t.Context(), search.Request{
			Patterns: []string{"logs"}, PageSize: wanted, Time: search.TimeRange{Field: search.DefaultTimestamp},
		}, func(page []event.Event) (bool, error) {
			bytes := 0
			for _, e := range page {
				if e.ID != strconv.Itoa(next) {
					rt.Fatalf("%s comes for %d", e.ID, next)
				}
				next++
				bytes += len(e.Source)
			}
			if len(page) > wanted || len(page) > 1 && bytes > most {
				rt.Fatalf("a page of %d events, %d bytes", len(page), bytes)
			}
			return true, nil
		})
		if err != nil || next != len(sizes) {
			rt.Fatalf("%d of %d events, %v", next, len(sizes), err)
		}
	})
}
