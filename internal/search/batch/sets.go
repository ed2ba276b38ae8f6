package batch

import (
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// Sets keeps the compiled conditions of the last scan: rules return with the same conditions, only
// their windows move. The zero value is ready to use, and safe for concurrent use.
type Sets struct {
	mu   sync.Mutex
	last *matched
	id   setID
	seed maphash.Seed
}

// setID identifies a set by its conditions, mappings, and fields of orders and windows.
type setID struct {
	conditions uint64
	members    int
}

// matched is a set of conditions, with what is read of each event for the set and for its hits.
type matched struct {
	set       atomic.Pointer[condition.Set]
	selection *event.Selection
	// variants are the conditions of the set, by number.
	variants []variant
	// errs are the reasons why members cannot be matched, by number of the member.
	errs []error
	// fields are the mappings under which the members were compiled.
	fields []mapping.Fields

	tuning sync.Mutex
	tuned  atomic.Bool
}

// variant is a member as matched in indices with the same mapping of its fields. A member has one
// variant, unless indices differ.
type variant struct {
	search.Variant
	member int
}

// of returns the set of members, and the members in it. The others get the reason.
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
			m.answer.refuse(err)
		}
	}
	if able {
		return set, members
	}
	// Members are numbered in a set without the others, which the next scan may bring again.
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
		for _, text := range []string{r.Words(), r.Time.Field, r.Time.Fallback, r.Tiebreaker, r.OrderBy, fmt.Sprint(r.Descending, r.Fields)} {
			_, _ = h.WriteString(text)
			_ = h.WriteByte(1)
		}
	}
	return setID{h.Sum64(), len(members)}
}

func newMatched(members []*member) *matched {
	out := &matched{errs: make([]error, len(members)), fields: make([]mapping.Fields, len(members))}
	var conditions []condition.Member
	for i, m := range members {
		out.fields[i] = m.request.FieldTypes
		variants, err := variantsOf(i, m.request)
		if err != nil {
			out.errs[i] = err
			continue
		}
		out.variants = append(out.variants, variants...)
		for _, v := range variants {
			conditions = append(conditions, condition.Member{Expr: m.request.Where, Fields: v.Way.Fields})
		}
	}
	set, errs := condition.NewSet(conditions)
	for i, err := range errs {
		if n := out.variants[i].member; err != nil && out.errs[n] == nil {
			out.errs[n] = err
		}
	}
	out.set.Store(set)
	out.selection = event.NewSelection(append(slices.Clone(set.Fields()), out.outside(members)...), set.Objects())
	return out
}

// variantsOf compiles what decides about a member besides its condition.
func variantsOf(i int, r search.Request) (out []variant, err error) {
	err = failure.Guard("compile a condition", func() error {
		variants, err := r.Variants()
		for _, v := range variants {
			out = append(out, variant{v, i})
		}
		return err //nolint:wrapcheck // it names the field
	})
	return out, err //nolint:wrapcheck // it names the field
}

// outside returns the fields of windows, orders and [search.Viewer], each once.
func (m *matched) outside(members []*member) []mapping.Field {
	known := map[string][]mapping.Field{}
	var out []mapping.Field
	add := func(f mapping.Field) {
		if !slices.ContainsFunc(known[f.Name], f.SameValues) {
			known[f.Name], out = append(known[f.Name], f), append(out, f)
		}
	}
	for _, f := range search.StreamFields() {
		add(f)
	}
	for _, v := range m.variants {
		for _, f := range v.Ordering.Fields() {
			add(f)
		}
		for _, name := range condition.Fields(members[v.member].request.Time.Condition()) {
			if f, mapped := v.Way.Fields.Field(name); mapped {
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

// untuned reports whether a page is still needed to arrange the set.
func (m *matched) untuned() bool { return m.set.Load().Len() >= fewConditions && !m.tuned.Load() }

// The set is rearranged once by a sample, if there are enough conditions for that to pay.
const (
	fewConditions = 32
	minSample     = 200
	maxSample     = 300
)

// arranged returns the set in the best known order, which the first large page determines. Other
// slices wait for it: until then they would match with a set that has to be prepared for that.
func (m *matched) arranged(view *event.View, page []event.Event) *condition.Set {
	set := m.set.Load()
	if m.tuned.Load() || set.Len() < fewConditions || len(page) < minSample {
		return set
	}
	m.tuning.Lock() // The others wait: arranging a set without a sample takes as long.
	defer m.tuning.Unlock()
	if m.tuned.Load() {
		return m.set.Load()
	}
	step := max(len(page)/maxSample, 1)
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
