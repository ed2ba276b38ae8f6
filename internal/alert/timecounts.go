package alert

import (
	"context"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// TimeCount are numbers of alerts whose @timestamp is in a part of the time.
type TimeCount struct {
	From time.Time
	// BySeverity are the numbers by severity; "" for alerts without one.
	BySeverity map[string]int64
}

// TimeCounter is a [Reader] that counts over time by itself.
type TimeCounter interface {
	// CountByTime counts the alerts of a filter from its Since on in parts of a length, so many of them. Newest and Limit have no
	// effect.
	CountByTime(ctx context.Context, f Filter, step time.Duration, parts int) ([]TimeCount, error)
}

// CountByTime counts alerts over time: by the reader itself if it can, else by a listing.
func CountByTime(ctx context.Context, r Reader, f Filter, step time.Duration, parts int) ([]TimeCount, error) {
	if own, ok := r.(TimeCounter); ok {
		return own.CountByTime(ctx, f, step, parts) //nolint:wrapcheck // it says what it was doing
	}
	f.Newest, f.Limit = false, 0
	out := TimeParts(f.Since, step, parts)
	err := r.List(ctx, f, func(d Document) (bool, error) {
		at, _, err := mapping.ParseDate(event.First(d.Source, "@timestamp"), "")
		if err != nil {
			return true, nil //nolint:nilerr // an alert without a time is in no part
		}
		i := int(at.Sub(out[0].From) / step)
		if i >= len(out) {
			return false, nil // they come in order of time
		}
		if i >= 0 {
			out[i].BySeverity[event.First(d.Source, SeverityField)]++
		}
		return true, nil
	})
	return out, err //nolint:wrapcheck // it says what it was doing
}

// TimeParts returns parts without alerts. The first begins at a time, to the millisecond.
func TimeParts(from time.Time, step time.Duration, parts int) []TimeCount {
	out := make([]TimeCount, max(1, parts))
	for i := range out {
		out[i] = TimeCount{From: from.UTC().Truncate(time.Millisecond).Add(time.Duration(i) * step), BySeverity: map[string]int64{}}
	}
	return out
}
