package splunk

import (
	"strconv"
	"time"

	"tocsin/internal/translate/spl"
)

// ranged is a condition and the times that stand in it.
type ranged struct {
	// where is the condition without times. It may hold of more than exact, which has the times of parts, and
	// those of indexing, as tests of fields; not so when it is whole.
	where, exact spl.Expr
	whole        bool
	window       Window
}

// Within returns the window of the events that a search asks for first, given that of the search: times
// in the condition take its place.
func Within(s *spl.Search, w Window) Window {
	t, err := within(condition1(s), w)
	if err != nil {
		return w
	}
	return t.window
}

// Whole reports whether what a search asks its source for first is all that its condition says: times of
// parts, and those of indexing, are looked at in memory.
func Whole(s *spl.Search) bool {
	t, err := within(condition1(s), Window{})
	return err == nil && t.whole
}

// condition1 is the condition that events are first asked for by.
func condition1(s *spl.Search) spl.Expr {
	switch first := s.Stages[0].(type) {
	case *spl.Find:
		return first.X
	case *spl.Tstats:
		return first.Where
	}
	return nil
}

// within takes the times out of a condition.
func within(x spl.Expr, w Window) (ranged, error) {
	if !hasTimes(x) {
		return ranged{x, x, true, w}, nil
	}
	switch x := x.(type) {
	case *spl.And:
		return withinAll(x.Xs, w)
	case *spl.Or:
		return withinAny(x.Xs, w)
	}
	return withinAll([]spl.Expr{x}, w)
}

func hasTimes(x spl.Expr) bool {
	found := false
	spl.Walk(x, func(x spl.Expr) {
		if c, ok := x.(*spl.Compare); ok {
			_, is, _ := spl.BoundOf(c)
			found = found || is
		}
	})
	return found
}

// withinAll takes the times of members of which all have to hold. A search that says when it begins and
// not when it ends, ends now.
func withinAll(xs []spl.Expr, w Window) (ranged, error) {
	var rest, exact []spl.Expr
	var earliest, latest *time.Time
	whole := true
	for _, x := range flatAnd(xs) {
		c, ok := x.(*spl.Compare)
		if !ok {
			rest = append(rest, x)
			continue
		}
		b, is, err := spl.BoundOf(c)
		switch {
		case err != nil:
			return ranged{}, err
		case !is:
			rest = append(rest, x)
			continue
		}
		at, err := b.At(w.Now)
		switch {
		case err != nil:
			return ranged{}, err
		case b.Indexed:
			exact = append(exact, indexed(at, b.Latest))
			whole = false
		case b.Latest:
			latest = &at
		default:
			earliest = &at
		}
	}
	switch {
	case earliest != nil && latest != nil:
		w.Earliest, w.Latest = *earliest, *latest
	case earliest != nil:
		w.Earliest, w.Latest = *earliest, w.Now
	case latest != nil:
		w.Earliest, w.Latest = time.Time{}, *latest
	}
	out := ranged{window: w, whole: whole}
	var where []spl.Expr
	for _, x := range rest {
		t, err := within(x, w)
		if err != nil {
			return ranged{}, err
		}
		if t.where != nil {
			where = append(where, t.where)
		}
		if t.exact != nil {
			exact = append(exact, t.exact)
		}
		if out.whole = out.whole && t.whole; hasTimes(x) {
			out.window = t.window
		}
	}
	out.where, out.exact = all(where), all(exact)
	return out, nil
}

func flatAnd(xs []spl.Expr) []spl.Expr {
	var out []spl.Expr
	for _, x := range xs {
		if and, ok := x.(*spl.And); ok {
			out = append(out, flatAnd(and.Xs)...)
			continue
		}
		out = append(out, x)
	}
	return out
}

// withinAny takes the times of members of which one has to hold: each has a window of its own, and what is
// searched is all of them.
func withinAny(xs []spl.Expr, w Window) (ranged, error) {
	var out ranged
	where, exact := &spl.Or{}, &spl.Or{}
	everything := false
	for i, x := range xs {
		t, err := within(x, w)
		if err != nil {
			return ranged{}, err
		}
		if i == 0 {
			out.window = t.window
		} else {
			out.window = united(out.window, t.window)
		}
		if t.where == nil {
			everything = true
		} else {
			where.Xs = append(where.Xs, t.where)
		}
		parts := bounds("_time", t.window)
		if t.exact != nil {
			parts = append(parts, t.exact)
		}
		if len(parts) == 0 {
			parts = []spl.Expr{&spl.Every{Span: x.Pos()}}
		}
		exact.Xs = append(exact.Xs, all(parts))
	}
	if out.exact = exact; !everything {
		out.where = where
	}
	return out, nil
}

// all is a condition that all members make; nil of none.
func all(xs []spl.Expr) spl.Expr {
	switch len(xs) {
	case 0:
		return nil
	case 1:
		return xs[0]
	}
	return &spl.And{Xs: xs}
}

func united(a, b Window) Window {
	if !a.Earliest.IsZero() && (b.Earliest.IsZero() || b.Earliest.Before(a.Earliest)) {
		a.Earliest = b.Earliest
	}
	if !a.Latest.IsZero() && (b.Latest.IsZero() || b.Latest.After(a.Latest)) {
		a.Latest = b.Latest
	}
	return a
}

// bounds are the tests that a field lies in a window.
func bounds(field string, w Window) []spl.Expr {
	var out []spl.Expr
	if !w.Earliest.IsZero() {
		out = append(out, timeTest(field, w.Earliest, false))
	}
	if !w.Latest.IsZero() {
		out = append(out, timeTest(field, w.Latest, true))
	}
	return out
}

func timeTest(field string, at time.Time, latest bool) spl.Expr {
	op := ">="
	if latest {
		op = "<"
	}
	text := strconv.FormatFloat(Epoch(at), 'f', -1, 64)
	return &spl.Compare{Field: spl.Name{Text: field}, Op: op, Value: spl.Value{Text: text, Quoted: true}}
}

// indexed tests the time of indexing; an event that does not tell it was indexed when it happened.
func indexed(at time.Time, latest bool) spl.Expr {
	known := &spl.Compare{Field: spl.Name{Text: indexTime}, Op: "=", Value: spl.Value{Text: "*"}}
	return &spl.Or{Xs: []spl.Expr{
		timeTest(indexTime, at, latest),
		&spl.And{Xs: []spl.Expr{&spl.Not{X: known}, timeTest("_time", at, latest)}},
	}}
}

// indexTime is the field of the time of indexing, in seconds.
const indexTime = "_indextime"
