package splunk

import (
	"strconv"
	"time"

	"tocsin/internal/translate/spl"
)

// ranged is a condition, split into its time bounds and the rest.
type ranged struct {
	// where is the condition without times. Unless it is whole, it may match more than exact, which keeps the
	// times of parts of the condition, and index times, as tests on fields.
	where, exact spl.Expr
	whole        bool
	window       Window
}

// Within returns the window of the events of the first scan. span is the window of the search; times in the
// condition replace it.
func Within(s *spl.Search, w Window) Window {
	t, err := within(condition1(s), w)
	if err != nil {
		return w
	}
	return t.window
}

// Whole reports whether the window and condition of the first scan express the whole condition. If not, times of
// parts of the condition, or index times, are tested in memory.
func Whole(s *spl.Search) bool {
	t, err := within(condition1(s), Window{})
	return err == nil && t.whole
}

// condition1 returns the condition of the first scan.
func condition1(s *spl.Search) spl.Expr {
	switch first := s.Stages[0].(type) {
	case *spl.Find:
		return first.X
	case *spl.Tstats:
		return first.Where
	}
	return nil
}

// within splits the times off a condition.
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

// withinAll splits the times off members that must all match. A search with an earliest time and no latest time
// ends now.
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

// withinAny splits the times off members of which one must match. Each has its own window; the scan covers all of
// them.
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

// all joins members with AND; nil for no members.
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

// bounds returns the tests that a field is within a window.
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

// indexed tests the index time. An event without one counts as indexed at its own time.
func indexed(at time.Time, latest bool) spl.Expr {
	known := &spl.Compare{Field: spl.Name{Text: indexTime}, Op: "=", Value: spl.Value{Text: "*"}}
	return &spl.Or{Xs: []spl.Expr{
		timeTest(indexTime, at, latest),
		&spl.And{Xs: []spl.Expr{&spl.Not{X: known}, timeTest("_time", at, latest)}},
	}}
}

// indexTime is the field of the index time in seconds.
const indexTime = "_indextime"
