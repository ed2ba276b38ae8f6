package rule

import (
	"cmp"
	"fmt"
	"time"

	"tocsin/internal/scheduler"
)

// leastInterval is how close slots may be.
const leastInterval = time.Second

// Slots is the grid of the rule's runs: the multiples of its interval, the same for all rules of that
// interval, so that those that are due together share the read of their events; or the times of its
// cron expression in its time zone.
func (r *Rule) Slots() (scheduler.Slots, error) {
	if r.Cron == "" {
		return scheduler.Interval(max(r.Interval, leastInterval), r.Skew), nil
	}
	zone, err := time.LoadLocation(cmp.Or(r.CronTimeZone, "UTC"))
	if err != nil {
		return nil, fmt.Errorf("time zone of the cron expression: %w", err)
	}
	slots, err := scheduler.Cron(r.Cron, zone)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the expression
	}
	return scheduler.Later(slots, r.Skew), nil
}

// parseTimeZone takes a name of the IANA time zone database. What means the machine's own zone is
// none: it would be another grid on another machine.
func parseTimeZone(text string) (string, error) {
	if _, err := time.LoadLocation(text); err != nil || text == "" || text == "Local" {
		return "", fmt.Errorf("%q is no time zone of the IANA database, such as Europe/Berlin", text)
	}
	return text, nil
}
