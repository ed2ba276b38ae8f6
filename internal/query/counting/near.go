package counting

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

// alone is a source of one event.
type alone struct {
	search.Events
	event event.Event
}

// Search passes on the event, whatever is asked.
func (a alone) Search(_ context.Context, _ search.Request, visit search.Visit) (search.Result, error) {
	_, err := visit([]event.Event{a.event})
	return search.Result{Total: 1}, err
}

// keysOf returns the keys of the groups that an event is in, as they are counted.
func (c *counted) keysOf(ctx context.Context, e *event.Event, w window.Window) ([][]string, error) {
	r := c.request(w)
	r.Where, r.Whole, r.Text, r.NoTimes = condition.Const(true), nil, nil, true
	r.Distinct = nil
	var keys [][]string
	_, err := tally.Groups(ctx, alone{event: *e}, r, tally.Options{}, func(page []search.Group) (bool, error) {
		for _, g := range page {
			keys = append(keys, slices.Clone(g.Key))
		}
		return true, nil
	})
	return keys, err //nolint:wrapcheck // it names what it did
}

// values returns the values of a group by field.
func (c *counted) values(key []string) map[string]string {
	out := map[string]string{}
	for i, f := range c.by {
		out[f.name] = key[i]
	}
	return out
}

// lacking says which group field an event has no value of.
func (c *counted) lacking(e *event.Event) ([]query.Near, error) {
	doc, err := e.Document()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the event
	}
	var names []string
	for _, f := range c.by {
		if !f.mapped || len(doc.Values(f.field)) == 0 {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	return []query.Near{{Text: "the event has no value of " + strings.Join(names, ", ") + ", and is in no group"}}, nil
}

// Inquire implements [query.Inquirer]: how many events and different values the groups of the event have.
func (s *thresholdSearch) Inquire(ctx context.Context, src query.Source, w window.Window, e *event.Event) ([]query.Near, error) {
	keys, err := s.keysOf(ctx, e, w)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return s.lacking(e)
	}
	past, err := s.past(ctx, src, groupsOf(keys), w.From)
	if err != nil {
		return nil, err
	}
	var out []query.Near
	for _, key := range keys {
		before := spans(past[s.instance(key)], w)
		whole, err := s.near(ctx, src, w, search.Selection{Key: key})
		if err != nil {
			return nil, err
		}
		if len(before) > 0 && whole.Reached {
			if whole, err = s.near(ctx, src, w, search.Selection{Key: key, Except: before}); err != nil {
				return nil, err
			}
			whole.Text += ", without the events of the alert that was made up to " + search.FormatTime(before[len(before)-1].To)
		}
		out = append(out, whole)
	}
	return out, nil
}

func groupsOf(keys [][]string) []search.Group {
	out := make([]search.Group, len(keys))
	for i, key := range keys {
		out[i].Key = key
	}
	return out
}

// near counts one group.
func (s *thresholdSearch) near(ctx context.Context, src query.Source, w window.Window, only search.Selection) (query.Near, error) {
	r := s.request(w)
	r.MinCount, r.NoTimes, r.Only = 1, len(only.Except) == 0, []search.Selection{only}
	groups, partialErr, err := s.collect(ctx, src.Events, r)
	if err := cmp.Or(err, partialErr); err != nil {
		return query.Near{}, err
	}
	g := search.Group{Key: only.Key, Distinct: make([]int64, len(s.distinct))}
	if len(groups) > 0 {
		g = groups[0]
	}
	t := s.plan.Rule().Threshold
	n := query.Near{Group: s.values(only.Key), Reached: s.reached(g)}
	n.Measures = append(n.Measures, measure("events", g.Count, t.Value))
	for i, c := range t.Cardinality {
		n.Measures = append(n.Measures, measure("different values of "+c.Field, g.Distinct[i], c.Value))
	}
	n.Text = query.Measured(n.Measures)
	return n, nil
}

func measure(what string, has int64, needs int) query.Measure {
	m := query.Measure{What: what, Has: strconv.FormatInt(has, 10), Needs: strconv.Itoa(needs)}
	if has < int64(needs) {
		m.Short = strconv.FormatInt(int64(needs)-has, 10)
	}
	return m
}

// Inquire implements [query.Inquirer]: whether the values of the event are new.
func (s *newTermsSearch) Inquire(ctx context.Context, src query.Source, w window.Window, e *event.Event) ([]query.Near, error) {
	keys, err := s.keysOf(ctx, e, w)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return s.lacking(e)
	}
	history := s.history(src.At, w)
	groups := groupsOf(keys)
	fresh, partialErr, err := s.without(ctx, src, history, groups)
	if err := cmp.Or(err, partialErr); err != nil {
		return nil, err
	}
	past, err := s.past(ctx, src, groups, history.From)
	if err != nil {
		return nil, err
	}
	var out []query.Near
	for _, key := range keys {
		n := query.Near{Group: s.values(key), Text: "the values are new: no event of the history " + history.String() + " has them"}
		n.Reached = slices.ContainsFunc(fresh, func(g search.Group) bool { return slices.Equal(g.Key, key) })
		switch {
		case !n.Reached:
			n.Text = "the values are not new: an event of the history " + history.String() + " has them"
		case len(past[s.instance(key)]) > 0:
			n.Reached, n.Text = false, "the values are not new: an alert about them was made"
		}
		out = append(out, n)
	}
	return out, nil
}
