package rule

import (
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// reference is the slot at which windows are checked. Any slot would do; a fixed one gives the same
// result every day. It is a Thursday noon, far from a change of month.
var reference = time.Date(2026, time.January, 15, 12, 0, 0, 0, time.UTC)

// CheckSchedule checks when a rule of another format runs, and which window it reads.
func CheckSchedule(r *Rule) diag.List {
	c := checker{r: r, root: &tomltree.Value{}}
	c.schedule()
	return c.list
}

// schedule checks when a rule runs and which window it reads.
func (c *checker) schedule() {
	r := c.r
	c.number("rule.max_signals", r.MaxSignals, 1, unbounded)
	if c.has("rule.cron") && c.has("rule.interval") {
		c.fail("conflict", "rule.cron", "rule.cron replaces rule.interval: a rule can have only one of them")
	}
	if c.has("rule.cron_time_zone") && !c.has("rule.cron") {
		c.fail("conflict", "rule.cron_time_zone", "rule.cron_time_zone goes with rule.cron: intervals have no time zone")
	}
	from, to := r.From.At(reference), r.To.At(reference)
	if !from.Before(to) {
		c.fail("empty-window", "rule.from", "a run from %s to %s reads nothing", r.From.Text, r.To.Text)
		return
	}
	if n := r.NewTerms; n != nil && n.HistoryWindowStart.Text != "" && !n.HistoryWindowStart.At(reference).Before(from) {
		key := "rule.history_window_start"
		if c.has("rule.new_terms.history_window_start[0].value") {
			key = "rule.new_terms.history_window_start[0].value"
		}
		c.fail("empty-window", key, "the history from %s has to begin before the run's window from %s", n.HistoryWindowStart.Text, r.From.Text)
	}
	c.lookBack(to.Sub(from))
}

// lookBack reports a rule that does not read all of the time between two runs.
func (c *checker) lookBack(window time.Duration) {
	r := c.r
	pause := r.pause()
	if pause <= window {
		return
	}
	key := "rule.interval"
	if r.Cron != "" {
		key = "rule.cron"
	}
	if c.has("rule.from") {
		key = "rule.from"
	}
	c.warn("look-back-gap", key, "runs are %s apart and read %s each: %s between them are never read",
		brief(pause), brief(window), brief(pause-window))
}

// brief formats a duration without parts that are zero: 1h, not 1h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// cronSample is enough runs to include the longest pause of any usual expression.
const cronSample = 100

// pause returns the longest time between two runs.
func (r *Rule) pause() time.Duration {
	if r.Cron == "" {
		return r.Interval
	}
	slots, err := r.Slots()
	if err != nil {
		return 0
	}
	var longest time.Duration
	for i, at := 0, slots.Next(reference); i < cronSample && !at.IsZero(); i++ {
		next := slots.Next(at)
		longest = max(longest, next.Sub(at))
		at = next
	}
	return longest
}
