package tally

import (
	"iter"
	"slices"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
	"tocsin/internal/window"
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

// count is a group under way.
type count struct {
	group    search.Group
	except   []window.Window
	distinct []map[string]struct{}
	// at are the times of the samples.
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

// add tells an event to its groups.
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
	one := told{event: e, doc: doc, times: c.times(doc)}
	switch n := by.number(); {
	case c.request.Only != nil && n > len(c.only):
		c.addToMembers(slices.Values(c.only), by, &one)
	case c.request.Only == nil && n > len(c.byName)+c.room:
		c.addToMembers(c.all(), by, &one)
		c.addNew(by, &one)
	default:
		for key := range by.each() {
			for _, n := range c.find(key) {
				c.count(n, &one)
			}
		}
	}
	return nil
}

// addToMembers counts an event in those of some groups that it is in: where it has more combinations
// of values than there are groups, they are not gone through.
func (c *counter) addToMembers(groups iter.Seq[*count], by combinations, one *told) {
	has := by.sets()
	for n := range groups {
		if has(n.group.Key) {
			c.count(n, one)
		}
	}
}

// addNew counts an event in as many new groups as there is room for.
func (c *counter) addNew(by combinations, one *told) {
	for key := range by.each() {
		if c.byName[search.KeyName(key)] != nil {
			continue
		}
		found := c.find(key)
		if found == nil {
			return // There is no room left.
		}
		c.count(found[0], one)
	}
}

// texts are the different values of a field.
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

// times are an event's times, which are those of the fallback where it has no other.
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

// find returns the group of a key, or the several that were asked for by it; nil when nobody asks,
// or there is no room.
func (c *counter) find(key []string) []*count {
	id := search.KeyName(key)
	known := c.byName[id]
	if known != nil || c.request.Only != nil || !c.take() {
		return known
	}
	c.byName[id] = []*count{c.newCount(slices.Clone(key))}
	return c.byName[id]
}

// take reports whether there is room for one thing more.
func (c *counter) take() bool {
	if c.room == 0 {
		c.full = true
		return false
	}
	c.room--
	return true
}

// excepts reports whether one of an event's times is not to be counted.
func (n *count) excepts(times []time.Time) bool {
	return slices.ContainsFunc(n.except, func(w window.Window) bool { return slices.ContainsFunc(times, w.Contains) })
}

// count counts an event in a group, unless one of its times is not to be counted there.
func (c *counter) count(n *count, one *told) {
	times := one.times
	if n.excepts(times) {
		return
	}
	n.group.Count++
	for i, values := range one.distinct(c.request.Distinct) {
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
	n.sample(one.event, first, c.request.Samples)
}

// sample keeps an event if it is one of the earliest.
func (n *count) sample(e *event.Event, at time.Time, most int) {
	i, _ := slices.BinarySearchFunc(n.at, at, func(have, at time.Time) int {
		if have.After(at) {
			return 1
		}
		return -1 // behind those of the same time
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

// groups returns the groups that are wanted, in order.
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
