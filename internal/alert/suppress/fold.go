package suppress

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// Alert is an alert of a group, as far as folding needs it.
type Alert struct {
	// ID is the identity of the founding hit.
	ID string
	// Start is the time of the founding hit, End the time of the latest hit, in milliseconds since
	// 1970.
	Start, End int64
	// Count is the number of hits besides the founding hit.
	Count int
	// Closed means that the alert takes no more hits: somebody has closed it, or it stands for one
	// hit only.
	Closed  bool
	Counted Counted
}

// Hit is a hit to be folded. T is what the caller makes the alert of.
type Hit[T any] struct {
	// Group is the same for hits that belong together.
	Group string
	// ID is the identity of the alert that the hit would found.
	ID string
	// Counted identifies the hit in the memory of an alert: hits with the same value are one. ""
	// means ID.
	Counted string
	// Index and Content describe the hit's document, "" where it has none. Hits with the same
	// Counted are one hit if they are in the same index or have the same content.
	Index, Content string
	At             time.Time
	// Of returns what the alert is made of. It is called only for a hit that founds an alert.
	Of func() T
}

// Verdict is the decision about a hit.
type Verdict int

// The verdicts.
const (
	// Known hits were counted before.
	Known Verdict = iota
	// Folded hits are taken by an alert.
	Folded
	// Founded hits create a new alert.
	Founded
	// Full means that the hit needs a new alert and there is no room for one.
	Full
)

// Folder folds the hits of one run of one rule. It is not safe for concurrent use.
type Folder[T any] struct {
	duration int64
	groups   map[string][]*Change[T]
	order    []*Change[T]
	founded  int
}

// New returns a folder. An alert takes the hits of its group within duration from its start, in
// whichever run they come. With duration 0 it takes the hits of its own run, whatever their time.
func New[T any](duration time.Duration) *Folder[T] {
	return &Folder[T]{duration: duration.Milliseconds(), groups: map[string][]*Change[T]{}}
}

// Knows reports whether AddStored was called for a group.
func (f *Folder[T]) Knows(group string) bool {
	_, known := f.groups[group]
	return known
}

// AddStored adds the stored alerts of a group.
func (f *Folder[T]) AddStored(group string, stored ...Alert) {
	for _, a := range stored {
		f.groups[group] = append(f.groups[group], &Change[T]{Group: group, Alert: a})
	}
	if !f.Knows(group) {
		f.groups[group] = nil
	}
}

// Founded returns the number of new alerts so far.
func (f *Folder[T]) Founded() int { return f.founded }

// Add decides about a hit. room says whether it may found an alert.
func (f *Folder[T]) Add(h Hit[T], room bool) Verdict {
	m := NewMark(cmp.Or(h.Counted, h.ID), h.Index, h.Content, h.At)
	alerts := f.groups[h.Group]
	if slices.ContainsFunc(alerts, func(c *Change[T]) bool { return c.has(m) }) {
		return Known
	}
	if c := f.openAlert(alerts, m.At); c != nil {
		f.take(c, m, h)
		return Folded
	}
	if !room {
		return Full
	}
	c := &Change[T]{
		Group: h.Group, New: true, Founder: h.Of(),
		Alert: Alert{ID: h.ID, Start: m.At, End: m.At},
	}
	c.add(m)
	f.groups[h.Group] = append(alerts, c)
	f.order = append(f.order, c)
	f.founded++
	return Founded
}

// openAlert returns the alert that takes a hit at a time: the latest alert that has begun by then, else
// a new alert that the hit can found instead.
func (f *Folder[T]) openAlert(alerts []*Change[T], at int64) *Change[T] {
	var best *Change[T]
	for _, c := range alerts {
		if !f.takes(c, at) {
			continue
		}
		if best == nil || c.Start <= at && (best.Start > at || c.Start > best.Start) {
			best = c
		}
	}
	return best
}

func (f *Folder[T]) takes(c *Change[T], at int64) bool {
	switch {
	case c.Closed:
		return false
	case f.duration == 0:
		return c.New
	case at >= c.Start:
		return at-c.Start < f.duration
	}
	// An alert that is not written yet may start earlier if all its hits stay within its duration.
	return c.New && c.End-at < f.duration
}

func (f *Folder[T]) take(c *Change[T], m Mark, h Hit[T]) {
	if c.n == 0 {
		f.order = append(f.order, c)
	}
	c.add(m)
	c.End = max(c.End, m.At)
	if m.At < c.Start { // only if c is New
		c.Start, c.ID, c.Founder = m.At, h.ID, h.Of()
	}
}

// Changes returns the new and the extended alerts, in the order in which they came up.
func (f *Folder[T]) Changes() []*Change[T] { return f.order }

// Change is an alert to be created or extended.
type Change[T any] struct {
	Alert
	Group string
	// New means that the alert is to be created, from Founder.
	New     bool
	Founder T
	// added holds the n hits of this run by the hash of their identity; for a new alert it includes
	// the Founder.
	added map[uint64][]Mark
	n     int
}

// Hits returns the number of hits of this run that the alert takes, including the founding hit.
func (c *Change[T]) Hits() int { return c.n }

func (c *Change[T]) add(m Mark) {
	if c.added == nil {
		c.added = map[uint64][]Mark{}
	}
	c.added[m.Hash] = append(c.added[m.Hash], m)
	c.n++
}

func (c *Change[T]) has(m Mark) bool {
	return slices.ContainsFunc(c.added[m.Hash], m.same) || c.Counted.Has(c.stored(), m)
}

// marks returns the marks of this run's hits.
func (c *Change[T]) marks() []Mark { return slices.Concat(slices.Collect(maps.Values(c.added))...) }

// stored returns the start of the alert before this run.
func (c *Change[T]) stored() int64 {
	if c.New {
		return math.MaxInt64
	}
	return c.Start
}

// Made returns the new alert with all its hits.
func (c *Change[T]) Made() Alert {
	a := c.Alert
	a.Count = c.n - 1
	a.Counted = Counted{}.With(c.marks())
	return a
}

// On applies the change to the alert as currently stored. It returns the changed alert and how many
// of the hits it had not counted before. An alert that was closed in the meantime takes them too:
// it was open when they were added.
func (c *Change[T]) On(stored Alert) (Alert, int) {
	var fresh []Mark
	for _, m := range c.marks() {
		if !stored.Counted.Has(stored.Start, m) {
			fresh = append(fresh, m)
			stored.End = max(stored.End, m.At)
		}
	}
	stored.Count += len(fresh)
	stored.Counted = stored.Counted.With(fresh)
	return stored, len(fresh)
}

// Alone returns an alert that stands for one hit, with the index and the content of its document,
// and takes no others.
func Alone(id, index, content string, at time.Time) Alert {
	m := NewMark(id, index, content, at)
	return Alert{ID: id, Start: m.At, End: m.At, Closed: true, Counted: Counted{marks: []Mark{m}}}
}
