package splunk_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/splunk"
)

// TestWithin wants the window of a search to be that of the times in its condition, and what of it is left to be
// looked at in memory to be known.
func TestWithin(t *testing.T) {
	base := splunk.Window{Earliest: now.Add(-24 * time.Hour), Latest: now.Add(-time.Minute), Now: now}
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for search, want := range map[string]struct {
		earliest, latest time.Time
		whole            bool
	}{
		"a=1":                                  {base.Earliest, base.Latest, true},
		"a=1 earliest=-2h":                     {ago(2 * time.Hour), now, true},
		"a=1 earliest=-2h latest=-1h":          {ago(2 * time.Hour), ago(time.Hour), true},
		"a=1 latest=-1h":                       {time.Time{}, ago(time.Hour), true},
		"(a=1 earliest=-2h latest=-1h) OR b=2": {base.Earliest, base.Latest, false},
		"(a=1 earliest=-2d latest=-1h) OR (b=2 earliest=-1h)": {ago(48 * time.Hour), now, false},
		"a=1 _index_earliest=-1h":                             {base.Earliest, base.Latest, false},
		"| tstats count where a=1 earliest=-2h by b":          {ago(2 * time.Hour), now, true},
		"| inputlookup stars where earliest=-2h":              {base.Earliest, base.Latest, true},
		"a=1 | search earliest=-2h":                           {base.Earliest, base.Latest, true},
	} {
		s := parsed(t, search)
		got := splunk.Within(s, base)
		if !got.Earliest.Equal(want.earliest) || !got.Latest.Equal(want.latest) || splunk.Whole(s) != want.whole {
			t.Errorf("%s: %s to %s, whole %t", search, got.Earliest, got.Latest, splunk.Whole(s))
		}
		if scan, _ := splunk.First(s); scan.Where != nil && strings.Contains(scan.Where.String(), "est=") {
			t.Errorf("%s: a time is asked for as a field: %s", search, scan.Where)
		}
	}
}
