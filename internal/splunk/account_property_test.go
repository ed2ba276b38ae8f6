package splunk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/splunk"
)

// heldSearches are searches whose memory does not depend on how many rows come, with a number that it may depend on.
var heldSearches = []string{
	"* | streamstats window=%d count, list(long)",
	"* | streamstats window=%d current=f values(long)",
	"* | streamstats window=%d global=f last(long) by host",
	"* | transaction host maxevents=%d",
	"* | transaction host maxspan=%ds",
	"* | transaction pair maxpause=%ds",
	"* | transaction host startswith=id=3 maxevents=%d",
	"* | transaction host endswith=id=3 maxevents=%d",
	"* | stats list(long), last(id), max(long) by host | head %d",
	"* | tail %d",
	"* | dedup consecutive=true host | tail %d",
	"* | streamstats window=%[1]d list(long) | transaction host maxevents=%[1]d",
}

// TestHeldDoesNotGrow wants, of what looks back on some rows only, that it runs over any number of rows in what it
// takes for some; that a limit changes whether there are results, and never which; and that nothing is held at the end.
func TestHeldDoesNotGrow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		search := fmt.Sprintf(rapid.SampledFrom(heldSearches).Draw(rt, "search"), rapid.IntRange(1, 40).Draw(rt, "number"))
		hosts := rapid.IntRange(1, 4).Draw(rt, "hosts")
		long := rapid.IntRange(0, 400).Draw(rt, "long")
		limit := rapid.IntRange(1, 400_000).Draw(rt, "limit")
		rows := func(n int) splunk.Events {
			out := make(splunk.Events, n)
			for i := range out {
				out[i] = splunk.Row{
					"_time": splunk.Number(float64(1_000_000 - i)), "id": splunk.Number(float64(i % 7)), "pair": splunk.Number(float64(i / 2)),
					"host": splunk.Text(fmt.Sprint("h", i%hosts)), "long": splunk.Text(strings.Repeat("x", long) + fmt.Sprintf("%03d", i%150)),
				}
			}
			return out
		}
		results := func(n, limit int) (out []splunk.Row, fits bool) {
			e := boundsEnv()
			e.MemoryLimit = limit
			held, err := splunk.RunHeld(t.Context(), parsed(t, search), e, rows(n), splunk.Window{Now: now}, func(row splunk.Row, held int) error {
				if held > limit {
					rt.Fatalf("%s: %d bytes held of %d", search, held, limit)
				}
				out = append(out, row)
				return nil
			})
			_, over := errors.AsType[*splunk.LimitError](err)
			if held != 0 || err != nil && !over {
				rt.Fatalf("%s: %d bytes held at the end, %v", search, held, err)
			}
			return out, !over
		}
		some, fits := results(600, limit)
		more, still := results(1200, limit)
		if fits != still {
			rt.Fatalf("%s in %d bytes: %v over some rows, %v over many", search, limit, fits, still)
		}
		if !fits {
			return
		}
		for n, got := range map[int][]splunk.Row{600: some, 1200: more} {
			if free, _ := results(n, 1<<30); cmp.Diff(shown(free), shown(got)) != "" {
				rt.Fatalf("%s over %d rows: other results in %d bytes", search, n, limit)
			}
		}
	})
}

func shown(rows []splunk.Row) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = fmt.Sprint(row)
	}
	return out
}
