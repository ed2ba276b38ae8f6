package rule

import (
	"cmp"
	"fmt"
	"time"

	"tocsin/internal/scheduler"
)

// minInterval is the minimum distance of slots.
const minInterval = time.Second

// Slots returns the grid of the rule's runs: the multiples of its interval, the same for all rules
// with that interval, so that rules that are due together share a read of events; or the times of
// its cron expression in its time zone.
func (r *Rule) Slots() (scheduler.Slots, error) {
	if r.Cron == "" {
		return scheduler.Interval(max(r.Interval, minInterval), r.Skew), nil
	}
	zone, err := time.LoadLocation(cmp.Or(r.CronTimeZone, "UTC"))
	if err != nil {
		return nil, fmt.Errorf("time zone of the cron expression: %w", err)
	}
	slots, err := scheduler.Cron(r.Cron, zone)
	if err != nil {
		return nil, err //nolint:wrapcheck // the error names the expression
	}
	return scheduler.Later(slots, r.Skew), nil
}

// parseTimeZone accepts names of the IANA time zone database, but no names for the machine's own
// zone: they would mean another grid on another machine.
func parseTimeZone(text string) (string, error) {
	if _, err := time.LoadLocation(text); err != nil || text == "" || text == "Local" {
		return "", fmt.Errorf("%q is not a time zone of the IANA database, such as Europe/Berlin", text)
	}
	return text, nil
}
