package scheduler

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// searchYears is how far Cron's slots look for a match. The longest wait between two matches is
// the eight years between the leap days of 2096 and 2104.
const searchYears = 9

var (
	errZone     = errors.New("a time zone inside the expression is not supported")
	errField    = errors.New("empty list item")
	errStar     = errors.New("a * or ? takes a step only, as in */5")
	errInterval = errors.New("interval must be positive")
)

// parser reads five fields, minute first, and descriptors such as @daily. Only the parser of
// robfig/cron is used: its own Next skips a time of day that summer time leaves out, runs one
// that winter time repeats twice, has no way back, and stops searching after five years.
var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// Cron returns the slots of a cron expression of five fields (minute, hour, day of month, month,
// day of week; Sunday is 0) or of a descriptor (@hourly, @daily, @weekly, @monthly, @yearly), on
// the wall clock of loc, UTC when loc is nil. "@every 90m" is Interval(90m, 0). As in every cron,
// a day matches either of day of month and day of week when both are restricted.
//
// When the clock is changed, no slot is lost and none runs twice:
//   - Clock forward: a time of day that the clock leaves out runs once, at the moment of the
//     change; several of them share that run. An expression that runs in every hour has nothing
//     to make up for, as no hour has passed.
//   - Clock back: an hour field that begins with * or names every hour is an interval, and goes
//     on through the repeated hour. Any other names times of day: they run the first time only.
//
// An expression that names no day of the calendar, such as 30 February, parses; its slots are
// empty, Next and Prev return the zero time.
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

// checkFields refuses what the parser would panic on or silently misread.
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

// parseEvery reads the only descriptor that names no wall-clock times. The parser has accepted
// it, but rounds its duration to seconds.
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
