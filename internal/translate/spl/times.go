package spl

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimeBound is a bound of a search's time range in its condition, such as earliest=-1h.
type TimeBound struct {
	// Latest distinguishes the exclusive end from the inclusive start.
	Latest bool
	// Indexed applies to the index time instead of the event time.
	Indexed bool

	text string
	// absolute is the layout of a timestamp; "" for a time modifier.
	layout string
}

// timeBounds maps lower-case words to bounds. A unit converts their number to a time modifier.
var timeBounds = map[string]struct {
	bound TimeBound
	unit  string
}{
	"earliest": {}, "latest": {bound: TimeBound{Latest: true}},
	"_index_earliest": {bound: TimeBound{Indexed: true}}, "_index_latest": {bound: TimeBound{Latest: true, Indexed: true}},
	"starttime": {bound: TimeBound{layout: timeLayout}}, "endtime": {bound: TimeBound{Latest: true, layout: timeLayout}},
	"starttimeu": {}, "endtimeu": {bound: TimeBound{Latest: true}},
	"daysago": {unit: "d"}, "hoursago": {unit: "h"}, "minutesago": {unit: "m"},
	"startdaysago": {unit: "d"}, "starthoursago": {unit: "h"}, "startminutesago": {unit: "m"}, "startmonthsago": {unit: "mon"},
	"enddaysago": {TimeBound{Latest: true}, "d"}, "endhoursago": {TimeBound{Latest: true}, "h"},
	"endminutesago": {TimeBound{Latest: true}, "m"}, "endmonthsago": {TimeBound{Latest: true}, "mon"},
}

// timeLayout is the form of a written timestamp.
const timeLayout = "01/02/2006:15:04:05"

// BoundOf returns the time bound of a comparison; false for a comparison of a field. The error says why the bound
// is invalid.
func BoundOf(c *Compare) (TimeBound, bool, error) {
	word := strings.ToLower(c.Field.Text)
	known, ok := timeBounds[word]
	if !ok {
		return TimeBound{}, false, nil
	}
	b := known.bound
	if b.text = strings.TrimSpace(c.Value.Text); known.unit != "" {
		b.text = "-" + b.text + known.unit
	}
	if c.Op != "=" {
		return b, true, fmt.Errorf("%s takes =, not %s", word, c.Op)
	}
	if _, err := b.At(time.Unix(0, 0).UTC()); err != nil {
		return b, true, err
	}
	return b, true, nil
}

// At returns the time of the bound, relative to now.
func (b TimeBound) At(now time.Time) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(b.text, 64); err == nil && b.text[0] >= '0' && b.text[0] <= '9' {
		if seconds > maxEpoch {
			return now, fmt.Errorf("%s is no time: seconds since 1970 are wanted", b.text)
		}
		return time.UnixMicro(int64(seconds * 1e6)).In(now.Location()), nil
	}
	if t, err := time.ParseInLocation(timeLayout, b.text, now.Location()); err == nil {
		return t, nil
	}
	r, err := ParseRelative(b.text)
	if err != nil || b.text == "" || b.layout != "" {
		return now, fmt.Errorf("%q is no time such as -24h@h, 1772450000 or 03/05/2026:12:00:00", b.text)
	}
	return r.Apply(now), nil
}

// maxEpoch is the largest time in seconds; larger numbers are milliseconds by mistake.
const maxEpoch = 1e11

// checkTimes reports invalid time bounds, and bounds in places where they have no meaning.
func (p *parser) checkTimes(x Expr) {
	Walk(x, func(x Expr) {
		switch x := x.(type) {
		case *Compare:
			if _, is, err := BoundOf(x); is && err != nil {
				p.badPattern(x.Pos(), err)
			}
		case *Not:
			Walk(x.X, func(x Expr) {
				if c, ok := x.(*Compare); ok {
					if _, is, _ := BoundOf(c); is {
						p.unsupported(c.Pos(), "%s behind NOT is not supported", c.Field.Text)
					}
				}
			})
		}
	})
}
