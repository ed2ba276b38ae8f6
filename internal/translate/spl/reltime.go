package spl

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Relative is a time modifier such as -70m@m: steps from a time, in order.
type Relative struct{ steps []relativeStep }

// relativeStep moves by N units, or with At snaps down to a unit. Weekday is the day of @w0 to @w7.
type relativeStep struct {
	at      bool
	n       int
	unit    string
	weekday int
}

// ParseRelative parses a time modifier: steps of sign, number and unit, and @unit to snap. "now" and "" have no
// steps.
func ParseRelative(text string) (Relative, error) {
	var r Relative
	rest := strings.TrimSpace(text)
	if strings.EqualFold(rest, "now") || rest == "now()" {
		return r, nil
	}
	rest = strings.TrimPrefix(rest, "now")
	for rest != "" {
		step, tail, ok := parseStep(rest)
		if !ok {
			return Relative{}, fmt.Errorf("%q is no time modifier such as -24h@h", text)
		}
		r.steps = append(r.steps, step)
		rest = tail
	}
	return r, nil
}

func parseStep(s string) (step relativeStep, rest string, ok bool) {
	sign := 1
	switch s[0] {
	case '@':
		step.at = true
		s = s[1:]
	case '-':
		sign = -1
		s = s[1:]
	case '+':
		s = s[1:]
	default:
		return step, s, false
	}
	step.n = sign
	if !step.at {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if digits > 9 {
			return step, s, false
		}
		if digits > 0 {
			n, err := strconv.Atoi(s[:digits])
			if err != nil {
				return step, s, false
			}
			step.n = sign * n
			s = s[digits:]
		}
	}
	letters := 0
	for letters < len(s) && isLetter(s[letters]) {
		letters++
	}
	name := strings.ToLower(s[:letters])
	unit, known := units[name]
	if !known {
		return step, s, false
	}
	step.unit = unit
	s = s[letters:]
	if step.at && unit == "w" && s != "" && s[0] >= '0' && s[0] <= '7' {
		step.weekday = int(s[0]-'0') % 7
		s = s[1:]
	}
	return step, s, true
}

// Apply returns the modified time, in the calendar of t's location.
func (r Relative) Apply(t time.Time) time.Time {
	for _, s := range r.steps {
		if s.at {
			t = snap(t, s.unit, s.weekday)
		} else {
			t = move(t, s.n, s.unit)
		}
	}
	return t
}

func move(t time.Time, n int, unit string) time.Time {
	switch unit {
	case "us", "ms", "cs", "ds", "s", "m", "h":
		seconds, _ := TimeSpan{N: 1, Unit: unit}.Seconds()
		return t.Add(time.Duration(n) * time.Duration(seconds*float64(time.Second)))
	case "d":
		return t.AddDate(0, 0, n)
	case "w":
		return t.AddDate(0, 0, 7*n)
	case "mon":
		return addMonths(t, n)
	case "q":
		return addMonths(t, 3*n)
	}
	return addMonths(t, 12*n)
}

// addMonths keeps the day if the month has it, and otherwise uses the last day.
func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		return moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// snap rounds down to the start of a unit.
func snap(t time.Time, unit string, weekday int) time.Time {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	switch unit {
	case "us", "ms", "cs", "ds":
		seconds, _ := TimeSpan{N: 1, Unit: unit}.Seconds()
		return t.Truncate(time.Duration(seconds * float64(time.Second)))
	case "s":
		return t.Truncate(time.Second)
	case "m":
		return t.Add(-time.Duration(second)*time.Second - time.Duration(t.Nanosecond()))
	case "h":
		return t.Add(-time.Duration(minute)*time.Minute - time.Duration(second)*time.Second - time.Duration(t.Nanosecond()))
	case "d":
		hour, minute, second = 0, 0, 0
	case "w":
		hour, minute, second = 0, 0, 0
		day -= (int(t.Weekday()) - weekday + 7) % 7
	case "mon":
		day, hour, minute, second = 1, 0, 0, 0
	case "q":
		month -= (month - 1) % 3
		day, hour, minute, second = 1, 0, 0, 0
	case "y":
		month, day, hour, minute, second = 1, 1, 0, 0, 0
	}
	return time.Date(year, month, day, hour, minute, second, 0, t.Location())
}

// Step returns the time one interval later.
func Step(t time.Time, s TimeSpan) time.Time {
	if s.Unit == "" {
		s.Unit = "s"
	}
	if seconds, ok := s.Seconds(); ok && s.Unit != "d" && s.Unit != "w" {
		return t.Add(time.Duration(seconds * float64(time.Second)))
	}
	return move(t, int(s.N), s.Unit)
}
