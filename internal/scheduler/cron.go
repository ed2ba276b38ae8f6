package scheduler

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// searchYears is how many years ahead a slot is searched for. The longest wait between two matches
// is the eight years between the leap days of 2096 and 2104.
const searchYears = 9

var (
	errZone     = errors.New("a time zone inside the expression is not supported")
	errField    = errors.New("empty list item")
	errStar     = errors.New("a * or ? takes a step only, as in */5")
	errInterval = errors.New("interval must be positive")
)

// parser reads five fields, minute first, and descriptors such as @daily. Only the parser of
// robfig/cron is used. Its own Next skips a time of day that the change to summer time leaves out,
// runs a time that winter time repeats twice, cannot search backwards, and stops searching after
// five years.
var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// Cron returns the slots of a cron expression of five fields (minute, hour, day of month, month,
// day of week; Sunday is 0) or of a descriptor (@hourly, @daily, @weekly, @monthly, @yearly), on
// the wall clock of loc, UTC when loc is nil. "@every 90m" is Interval(90m, 0). As in every cron, a
// day matches either day of month or day of week when both are restricted.
//
// When the clock changes, no slot is lost and none runs twice:
//   - Clock forward: a time of day that the clock leaves out runs once, at the moment of the
//     change. Several such times share that run. An expression that runs in every hour has
//     nothing to make up for, as no hour has passed.
//   - Clock back: an hour field that begins with * or names every hour is an interval, and
//     continues through the repeated hour. Any other hour field names times of day, which run
//     the first time only.
//
// An expression that matches no day of the calendar, such as 30 February, is valid. It has no
// slots: Next and Prev return the zero time.
func Cron(expr string, loc *time.Location) (Slots, error) {
	slots, err := parseCron(expr, loc)
	if err != nil {
		return nil, fmt.Errorf("parse cron %q: %w", expr, err)
	}
	return slots, nil
}

func parseCron(expr string, loc *time.Location) (Slots, error) {
	fields := strings.Fields(expr)
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	schedule, err := parser.Parse(strings.Join(fields, " "))
	if err != nil {
		return nil, err
	}

	spec, ok := schedule.(*cron.SpecSchedule)
	if !ok {
		return parseEvery(fields)
	}
	if loc == nil {
		loc = time.UTC
	}
	slots := cronSlots{calendar: newCalendar(spec), loc: loc}
	slots.everyHour = slots.calendar.hours == 1<<24-1
	slots.repeats = slots.everyHour || len(fields) == 5 && isStar(fields[1])
	return slots, nil
}

// checkFields rejects fields on which the parser would panic or that it would misread silently.
func checkFields(fields []string) error {
	for _, field := range fields {
		if strings.Contains(field, "=") {
			return errZone
		}
		for item := range strings.SplitSeq(field, ",") {
			if item == "" {
				return errField
			}
			if isStar(item) && len(item) > 1 && item[1] != '/' {
				return errStar
			}
		}
	}
	return nil
}

func isStar(field string) bool {
	return strings.HasPrefix(field, "*") || strings.HasPrefix(field, "?")
}

// parseEvery parses "@every", the only descriptor that names no wall-clock times. The parser
// accepts it but rounds its duration to seconds.
func parseEvery(fields []string) (Slots, error) {
	every, err := time.ParseDuration(fields[len(fields)-1])
	if err != nil {
		return nil, err
	}
	if every <= 0 {
		return nil, errInterval
	}
	return Interval(every, 0), nil
}
