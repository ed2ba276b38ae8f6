package store

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// entry is one alert of a listing, before it is decoded.
type entry struct {
	id     string
	order  []byte
	source []byte
}

// listBatch is how many alerts a listing reads at once.
const listBatch = 256

// stretch is the part of the order that a listing reads, and the direction.
type stretch struct {
	rule string
	// from is the first order, below the end of the orders; nil: no bound.
	from, below []byte
	newest      bool
}

func newSpan(f alert.Filter) stretch {
	s := stretch{rule: f.RuleID, newest: f.Newest}
	if !f.Since.IsZero() {
		s.from = appendTime(nil, f.Since.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano))
		s.below = []byte{withoutTime}
	}
	return s
}

// has reports whether an order has not left the stretch in its direction.
func (s stretch) has(order []byte) bool {
	if s.newest {
		return bytes.Compare(order, s.from) >= 0
	}
	return s.below == nil || bytes.Compare(order, s.below) < 0
}

// list runs a listing over any store that can read the next entries of a stretch after an order. The store is
// not locked while visit runs, so visit may create alerts; alerts with a later time are then listed
// too, oldest first. An alert that cannot be decoded is skipped, and reported in the final error.
func list(f alert.Filter, next func(s stretch, after []byte, n int) ([]entry, error), visit func(alert.Document) (bool, error)) error {
	wanted, err := newWanted(f)
	if err != nil {
		return err
	}
	var after []byte
	var unread unreadAlerts
	of := newSpan(f)
	for left := f.Limit; f.Limit <= 0 || left > 0; {
		want := listBatch
		if f.Limit > 0 && f.Where == nil {
			want = min(want, left)
		}
		entries, err := next(of, after, want)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.order
			doc, ok, err := wanted.read(e)
			if err != nil {
				unread.add(err)
				continue
			}
			if !ok {
				continue
			}
			if more, err := visit(doc); err != nil || !more {
				return errors.Join(err, unread.err())
			}
			if left--; left == 0 {
				return unread.err()
			}
		}
		if len(entries) < want {
			break
		}
	}
	return unread.err()
}

// wanted decides which alerts a listing visits.
type wanted struct{ matcher *condition.Matcher }

func newWanted(f alert.Filter) (wanted, error) {
	if f.Where == nil {
		return wanted{}, nil
	}
	m, err := condition.Compile(f.Where, f.Fields)
	if err != nil {
		return wanted{}, fmt.Errorf("the condition on alerts: %w", err)
	}
	return wanted{m}, nil
}

// read decodes an alert if it is wanted.
func (w wanted) read(e entry) (doc alert.Document, ok bool, err error) {
	if w.matcher != nil {
		ev := event.Event{ID: e.id, Source: e.source}
		d, err := ev.Document()
		if err != nil {
			return doc, false, fmt.Errorf("read alert %s: %w", e.id, err)
		}
		if !w.matcher.Match(d) {
			return doc, false, nil
		}
	}
	doc, err = document(e.id, e.source)
	return doc, err == nil, err
}
