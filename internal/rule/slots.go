package rule

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/scheduler"
)

// minInterval is the minimum distance of slots.
const minInterval = time.Second

// Slots returns the grid of the rule's runs: the multiples of its interval, the same for all rules
// with that interval, so that rules that are due together share a read of events; or the times of
// its cron expression in its time zone.
func (r *Rule) Slots() (scheduler.Slots, error) { return ParseSchedule(r.Schedule()) }

// Schedule is the rule's schedule as one text, which [ParseSchedule] reads: its interval, or its cron expression with its time zone
// where it has one, and how much later the slots are, such as "5m0s" or "0 9 * * 1 in Europe/Berlin +12s".
func (r *Rule) Schedule() string {
	text := max(r.Interval, minInterval).String()
	if r.Cron != "" {
		if text = r.Cron; r.CronTimeZone != "" {
			text += inZone + r.CronTimeZone
		}
	}
	if r.Skew != 0 {
		text += later + r.Skew.String()
	}
	return text
}

const inZone, later = " in ", " +"

// ParseSchedule returns the slots of a schedule as [Rule.Schedule] writes it.
func ParseSchedule(text string) (scheduler.Slots, error) {
	var skew time.Duration
	if i := strings.LastIndex(text, later); i >= 0 {
		by, err := time.ParseDuration(text[i+len(later):])
		if err != nil {
			return nil, fmt.Errorf("schedule %q: %w", text, err)
		}
		text, skew = text[:i], by
	}
	if every, err := time.ParseDuration(text); err == nil {
		return scheduler.Interval(every, skew), nil
	}
	expr, name, _ := strings.Cut(text, inZone)
	zone, err := time.LoadLocation(cmp.Or(name, "UTC"))
	if err != nil {
		return nil, fmt.Errorf("time zone of the cron expression: %w", err)
	}
	slots, err := scheduler.Cron(expr, zone)
	if err != nil {
		return nil, err //nolint:wrapcheck // the error names the expression
	}
	return scheduler.Later(slots, skew), nil
}

// parseTimeZone accepts names of the IANA time zone database, but no names for the machine's own
// zone: they would mean another grid on another machine.
func parseTimeZone(text string) (string, error) {
	if _, err := time.LoadLocation(text); err != nil || text == "" || text == "Local" {
		return "", fmt.Errorf("%q is not a time zone of the IANA database, such as Europe/Berlin", text)
	}
	return text, nil
}
