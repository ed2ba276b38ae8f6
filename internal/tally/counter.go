package tally

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"
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
	keys := [][]string{{}}
	for _, f := range c.request.By {
		if keys = extend(keys, texts(doc, f)); len(keys) == 0 {
			return nil
		}
	}
	times := c.times(doc)
	for _, key := range keys {
		for _, n := range c.find(key) {
			if !n.excepts(times) {
				c.count(n, e, doc, times)
			}
		}
	}
	return nil
}

// extend returns every key with every value behind it.
func extend(keys [][]string, values []string) [][]string {
	out := make([][]string, 0, len(keys)*len(values))
	for _, key := range keys {
		for _, v := range values {
			out = append(out, append(slices.Clip(key), v))
		}
	}
	return out
}

// texts are the different values of a field.
func texts(doc *event.Document, f mapping.Field) []string {
	var out []string
	own, _ := doc.Own(f)
	for _, v := range doc.Values(f) {
		if text := search.KeyText(own, v); !slices.Contains(out, text) {
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

func (c *counter) count(n *count, e *event.Event, doc *event.Document, times []time.Time) {
	n.group.Count++
	for i, f := range c.request.Distinct {
		for _, text := range texts(doc, f) {
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
	n.sample(e, first, c.request.Samples)
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
	kept := *e
	kept.Fields = nil
	n.at = slices.Insert(n.at, i, at)
	n.group.Samples = slices.Insert(n.group.Samples, i, kept)
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
		if order := compareKeys(f, a[i], b[i]); order != 0 {
			return order
		}
	}
	return 0
}

func compareKeys(f mapping.Field, a, b string) int {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		x, errX := strconv.ParseInt(a, 10, 64)
		y, errY := strconv.ParseInt(b, 10, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	case mapping.FamilyFloat:
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		if errX == nil && errY == nil && x != y {
			return cmp.Compare(x, y)
		}
	case mapping.FamilyIP:
		x, okX := mapping.ParseIP(a)
		y, okY := mapping.ParseIP(b)
		if okX && okY {
			bytesX, bytesY := x.As16(), y.As16()
			return slices.Compare(bytesX[:], bytesY[:])
		}
	case mapping.FamilyVersion:
		if order := mapping.CompareVersions(a, b); order != 0 {
			return order
		}
	default:
	}
	return strings.Compare(a, b)
}
