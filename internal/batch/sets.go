package batch

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// Sets remembers the compiled conditions of the last scan: rules come round with the same conditions,
// only their windows move. The zero value is ready to use, and safe for concurrent use.
type Sets struct {
	mu   sync.Mutex
	last *matched
	id   setID
	seed maphash.Seed
}

// setID tells whether conditions, mappings and the fields of orders and windows are those of a set.
type setID struct {
	conditions uint64
	members    int
}

// matched is a set of conditions and what is read of each event for it and for what is asked of hits.
type matched struct {
	set       atomic.Pointer[condition.Set]
	selection *event.Selection
	// errs are the reasons why conditions cannot be matched, by number of the member.
	errs []error
	// fields are the mappings that the members were compiled under.
	fields []mapping.Fields
	tuning sync.Mutex
	tuned  atomic.Bool
}

// of returns the set of members, and those of them that are in it. The others are told why not.
func (s *Sets) of(members []*member) (*matched, []*member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.identify(members)
	if s.last == nil || s.id != id || !s.last.under(members) {
		s.last, s.id = newMatched(members), id
	}
	set := s.last
	able := true
	for i, m := range members {
		if err := set.errs[i]; err != nil {
			able = false
			m.answer.why = err.Error()
		}
	}
	if able {
		return set, members
	}
	// Members have the numbers of a set without the others, which the next scan may bring again.
	var rest []*member
	for i, m := range members {
		if set.errs[i] == nil {
			rest = append(rest, m)
		}
	}
	return newMatched(rest), rest
}

func (s *Sets) identify(members []*member) setID {
	if s.last == nil {
		s.seed = maphash.MakeSeed()
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, m := range members {
		r := m.request
		for _, text := range []string{r.Words(), r.Time.Field, r.Time.Fallback, r.Tiebreaker, r.OrderBy} {
			_, _ = h.WriteString(text)
			_ = h.WriteByte(1)
		}
	}
	return setID{h.Sum64(), len(members)}
}

func newMatched(members []*member) *matched {
	out := &matched{}
	conditions := make([]condition.Member, len(members))
	var further []mapping.Fields
	for i, m := range members {
		conditions[i] = condition.Member{Expr: m.request.Where, Fields: m.request.FieldTypes}
		further = append(further, m.request.FieldTypes)
	}
	out.fields = further
	var set *condition.Set
	set, out.errs = condition.NewSet(conditions)
	out.set.Store(set)
	out.selection = event.NewSelection(append(slices.Clone(set.Fields()), outside(members)...), set.Objects())
	return out
}

// outside are the fields that windows and orders ask for, each once.
func outside(members []*member) []mapping.Field {
	known := map[string][]mapping.Field{}
	var out []mapping.Field
	add := func(f mapping.Field) {
		if !slices.ContainsFunc(known[f.Name], f.SameValues) {
			known[f.Name], out = append(known[f.Name], f), append(out, f)
		}
	}
	for _, m := range members {
		for _, f := range m.ordering.Fields() {
			add(f)
		}
		for _, name := range condition.Fields(m.request.Time.Condition()) {
			if f, mapped := m.request.FieldTypes.Field(name); mapped {
				add(f)
			}
		}
	}
	return out
}

// under reports whether the members have the mappings that the set was compiled under.
func (m *matched) under(members []*member) bool {
	for i, other := range members {
		if !mapping.Same(m.fields[i], other.request.FieldTypes) {
			return false
		}
	}
	return true
}

// The set is arranged anew by a sample, once, where there are enough conditions for that to pay.
const (
	fewConditions = 32
	leastSample   = 200
	mostSample    = 300
)

// arranged returns the set in the best order that is known, which the first large page helps to find.
func (m *matched) arranged(view *event.View, page []event.Event) *condition.Set {
	set := m.set.Load()
	if m.tuned.Load() || set.Len() < fewConditions || len(page) < leastSample || !m.tuning.TryLock() {
		return set
	}
	defer m.tuning.Unlock()
	if m.tuned.Load() {
		return m.set.Load()
	}
	step := max(len(page)/mostSample, 1)
	n := -step
	set = set.Tuned(func() condition.Columns {
		for n += step; n < len(page); n += step {
			if view.ReadEvent(&page[n]) == nil {
				return view
			}
		}
		return nil
	})
	m.set.Store(set)
	m.tuned.Store(true)
	return set
}
