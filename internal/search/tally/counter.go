package tally

import (
	"iter"
	"slices"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// counter holds the counts of one request.
type counter struct {
	request              search.GroupRequest
	timeField, fallback  mapping.Field
	hasTime, hasFallback bool
	byName               map[string][]*count
	only                 []*count // in the order of the request's Only
	room                 int
	full                 bool
}

// count is a group that is being counted.
type count struct {
	group    search.Group
	except   []window.Window
	distinct []map[string]struct{}
	// at holds the times of the samples.
	at []time.Time
}

func newCounter(r search.GroupRequest, limit int) *counter {
	c := &counter{request: r, byName: map[string][]*count{}, room: limit}
	if r.FieldTypes != nil {
		c.timeField, c.hasTime = r.FieldTypes.Field(r.Time.Field)
		c.fallback, c.hasFallback = r.FieldTypes.Field(r.Time.Fallback)
	}
	for _, s := range r.Only {
		n := c.newCount(s.Key)
		n.except = s.Except
		c.only = append(c.only, n)
		c.byName[search.KeyName(s.Key)] = append(c.byName[search.KeyName(s.Key)], n)
	}
	return c
}

func (c *counter) newCount(key []string) *count {
	n := &count{group: search.Group{Key: key}}
	for range c.request.Distinct {
		n.distinct = append(n.distinct, map[string]struct{}{})
	}
	return n
}

// add counts an event in its groups.
func (c *counter) add(e *event.Event) error {
	doc, err := e.Document()
	if err != nil {
		return &failure.Error{Kind: failure.Rejected, Op: "count an event", Err: err}
	}
	by := make(combinations, len(c.request.By))
	for i, f := range c.request.By {
		if by[i] = texts(doc, f); len(by[i]) == 0 {
			return nil
		}
	}
	current := counted{event: e, doc: doc, times: c.times(doc)}
	switch n := by.number(); {
	case c.request.Only != nil && n > len(c.only):
		c.addToMembers(slices.Values(c.only), by, &current)
	case c.request.Only == nil && n > len(c.byName)+c.room:
		c.addToMembers(c.all(), by, &current)
		c.addNew(by, &current)
	default:
		for key := range by.each() {
			for _, n := range c.find(key) {
				c.count(n, &current)
			}
		}
	}
	return nil
}

// addToMembers counts an event in the given groups that it belongs to. It is used where the event
// has more combinations of values than there are groups, so that the combinations are not
// enumerated.
func (c *counter) addToMembers(groups iter.Seq[*count], by combinations, e *counted) {
	has := by.sets()
	for n := range groups {
		if has(n.group.Key) {
			c.count(n, e)
		}
	}
}

// addNew counts an event in as many new groups as there is room for.
func (c *counter) addNew(by combinations, e *counted) {
	for key := range by.each() {
		if c.byName[search.KeyName(key)] != nil {
			continue
		}
		found := c.find(key)
		if found == nil {
			return // There is no room left.
		}
		c.count(found[0], e)
	}
}

// texts returns the distinct values of a field.
func texts(doc *event.Document, f mapping.Field) []string {
	own, _ := doc.Own(f)
	values := doc.Values(f)
	out := make([]string, 0, len(values))
	seen := make(map[string]struct{}, len(values))
	for _, v := range values {
		text := own.Key(v)
		if _, again := seen[text]; !again {
			seen[text] = struct{}{}
			out = append(out, text)
		}
	}
	return out
}

// times returns an event's times, or the times of the fallback field if there are none.
func (c *counter) times(doc *event.Document) []time.Time {
	var out []time.Time
	if c.hasTime {
		for _, v := range doc.Values(c.timeField) {
			out = append(out, v.Time)
		}
	}
	if len(out) == 0 && c.hasFallback {
		for _, v := range doc.Values(c.fallback) {
			out = append(out, v.Time)
		}
	}
	return out
}

// find returns the groups of a key: one, or several if the request lists the key several times. It
// returns nil when the key is not requested or there is no room.
func (c *counter) find(key []string) []*count {
	id := search.KeyName(key)
	known := c.byName[id]
	if known != nil || c.request.Only != nil || !c.take() {
		return known
	}
	c.byName[id] = []*count{c.newCount(slices.Clone(key))}
	return c.byName[id]
}

// take reports whether there is room for one more group or value.
func (c *counter) take() bool {
	if c.room == 0 {
		c.full = true
		return false
	}
	c.room--
	return true
}

// excepts reports whether the group excludes one of an event's times.
func (n *count) excepts(times []time.Time) bool {
	return slices.ContainsFunc(n.except, func(w window.Window) bool { return slices.ContainsFunc(times, w.Contains) })
}

// count counts an event in a group, unless the group excludes one of its times.
func (c *counter) count(n *count, e *counted) {
	times := e.times
	if n.excepts(times) {
		return
	}
	n.group.Count++
	for i, values := range e.distinct(c.request.Distinct) {
		for _, text := range values {
			if _, known := n.distinct[i][text]; !known && c.take() {
				n.distinct[i][text] = struct{}{}
			}
		}
	}
	if len(times) == 0 {
		return
	}
	first := slices.MinFunc(times, time.Time.Compare)
	if !c.request.NoTimes {
		last := search.Milliseconds(slices.MaxFunc(times, time.Time.Compare))
		if at := search.Milliseconds(first); n.group.First.IsZero() || at.Before(n.group.First) {
			n.group.First = at
		}
		if last.After(n.group.Last) {
			n.group.Last = last
		}
	}
	n.sample(e.event, first, c.request.Samples)
}

// sample keeps an event if it is one of the earliest.
func (n *count) sample(e *event.Event, at time.Time, most int) {
	i, _ := slices.BinarySearchFunc(n.at, at, func(have, at time.Time) int {
		if have.After(at) {
			return 1
		}
		return -1 // after samples of the same time
	})
	if i >= most {
		return
	}
	n.at = slices.Insert(n.at, i, at)
	n.group.Samples = slices.Insert(n.group.Samples, i, *e)
	if len(n.at) > most {
		n.at, n.group.Samples = n.at[:most], n.group.Samples[:most]
	}
}

// groups returns the requested groups, in order.
func (c *counter) groups() []search.Group {
	counts := c.only
	if c.request.Only == nil {
		counts = slices.SortedFunc(c.all(), func(a, b *count) int { return c.compare(a.group.Key, b.group.Key) })
	}
	var out []search.Group
	for _, n := range counts {
		for _, values := range n.distinct {
			n.group.Distinct = append(n.group.Distinct, int64(len(values)))
		}
		if c.request.Wants(n.group) {
			out = append(out, n.group)
		}
	}
	return out
}

func (c *counter) all() iter.Seq[*count] {
	return func(yield func(*count) bool) {
		for _, counts := range c.byName {
			if !yield(counts[0]) {
				return
			}
		}
	}
}

// compare orders keys as their fields order values.
func (c *counter) compare(a, b []string) int {
	for i, f := range c.request.By {
		if order := f.CompareKeys(a[i], b[i]); order != 0 {
			return order
		}
	}
	return 0
}
