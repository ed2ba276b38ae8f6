package batch

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// Sets compiles the conditions of requests, once for [Sets.Check] and [Scan], and caches the last results:
// rules run again with the same conditions, only their windows differ. The zero value is ready to use, and
// safe for concurrent use.
type Sets struct {
	mu   sync.Mutex
	last *matched
	// verdicts caches the results for requests, whose set may have been replaced since.
	verdicts map[conditionKey][]verdict
	// remembered is the number of verdicts.
	remembered int
}

// maxVerdicts bounds the cached conditions, maxMappings the cached mappings of each condition.
const (
	maxVerdicts = 20_000
	maxMappings = 8
)

// conditionKey identifies the compiled part of a request, without its mapping: everything except patterns and
// window.
type conditionKey struct {
	where, field, fallback, orderBy, tiebreaker, fields string
	descending                                          bool
}

func keyOf(r search.Request) conditionKey {
	return conditionKey{r.Key(), r.Time.Field, r.Time.Fallback, r.OrderBy, r.Tiebreaker, strings.Join(r.Fields, "\x00"), r.Descending}
}

// verdict is why a request cannot be answered from memory under a mapping; nil if it can.
type verdict struct {
	fields mapping.Fields
	err    error
}

// matched is a set of conditions, with the fields that are read of each event for the set and for its hits.
type matched struct {
	set       atomic.Pointer[condition.Set]
	selection *event.Selection
	// variants are the conditions of the set, by number.
	variants []variant
	// errs are the reasons why members cannot be matched, by number of the member.
	errs []error
	// fields are the mappings under which the members were compiled.
	fields []mapping.Fields
	// places are the numbers of the members by key.
	places map[conditionKey][]int

	tuning sync.Mutex
	tuned  atomic.Bool
}

// variant is a member as matched in indices with the same mapping of its fields. A member has one
// variant, unless indices differ.
type variant struct {
	search.Variant
	member int
}

// Check returns, for each request, why it cannot be answered from memory, as [search.Request.InMemory] does;
// nil if it can. If the answer is not known for all of them, their set is compiled, and kept for a scan of
// most of them.
func (s *Sets) Check(requests []search.Request) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(requests))
	for i, r := range requests {
		known := s.verdicts[keyOf(r)]
		at := slices.IndexFunc(known, func(v verdict) bool { return mapping.Same(v.fields, r.FieldTypes) })
		if at < 0 {
			return slices.Clone(s.compile(requests).errs)
		}
		errs[i] = known[at].err
	}
	return errs
}

// of returns a set that contains the members, and the members by their number in it: nil for numbers of other
// members. A member that cannot be matched gets the reason.
func (s *Sets) of(members []*member) (*matched, []*member) {
	requests := make([]search.Request, len(members))
	for i, m := range members {
		requests[i] = m.request
	}
	s.mu.Lock()
	set, numbers := s.last, s.last.numbers(requests)
	if numbers == nil {
		set = s.compile(requests)
		for i := range requests {
			numbers = append(numbers, i)
		}
	}
	s.mu.Unlock()
	numbered := make([]*member, len(set.errs))
	for i, m := range members {
		if err := set.errs[numbers[i]]; err != nil {
			m.answer.refuse(err)
			continue
		}
		numbered[numbers[i]] = m
	}
	return set, numbered
}

// compile compiles requests and caches the results.
func (s *Sets) compile(requests []search.Request) *matched {
	s.last = newMatched(requests)
	if s.verdicts == nil || s.remembered+len(requests) > maxVerdicts {
		s.verdicts, s.remembered = map[conditionKey][]verdict{}, 0
	}
	for i, r := range requests {
		k := keyOf(r)
		list := s.verdicts[k]
		switch at := slices.IndexFunc(list, func(v verdict) bool { return mapping.Same(v.fields, r.FieldTypes) }); {
		case at >= 0:
			continue
		case len(list) >= maxMappings:
			list = slices.Delete(list, 0, 1)
		default:
			s.remembered++
		}
		s.verdicts[k] = append(list, verdict{r.FieldTypes, s.last.errs[i]})
	}
	return s.last
}

// mostIdle: at least one in mostIdle conditions of a set must be requested, as skipping the others for each
// event takes time too.
const mostIdle = 2

// numbers returns the numbers of requests in the set; nil if one is missing, or the set has too many others.
func (m *matched) numbers(requests []search.Request) []int {
	if m == nil || len(m.errs) > mostIdle*len(requests) {
		return nil
	}
	out := make([]int, len(requests))
	taken := make([]bool, len(m.errs))
	for i, r := range requests {
		places := m.places[keyOf(r)]
		at := slices.IndexFunc(places, func(n int) bool { return !taken[n] && mapping.Same(m.fields[n], r.FieldTypes) })
		if at < 0 {
			return nil
		}
		out[i], taken[places[at]] = places[at], true
	}
	return out
}

func newMatched(requests []search.Request) *matched {
	out := &matched{errs: make([]error, len(requests)), fields: make([]mapping.Fields, len(requests)), places: make(map[conditionKey][]int, len(requests))}
	var conditions []condition.Member
	for i, r := range requests {
		out.fields[i] = r.FieldTypes
		k := keyOf(r)
		out.places[k] = append(out.places[k], i)
		variants, err := variantsOf(i, r)
		if err != nil {
			out.errs[i] = err
			continue
		}
		out.variants = append(out.variants, variants...)
		for _, v := range variants {
			conditions = append(conditions, condition.Member{Expr: r.Asked(), Fields: v.Way.Fields})
		}
	}
	set, errs := condition.NewSet(conditions)
	for i, err := range errs {
		if n := out.variants[i].member; err != nil && out.errs[n] == nil {
			out.errs[n] = err
		}
	}
	out.set.Store(set)
	out.selection = event.NewSelection(append(slices.Clone(set.Fields()), out.outside(requests)...), set.Objects())
	return out
}

// variantsOf compiles the parts of a member besides its condition.
func variantsOf(i int, r search.Request) (out []variant, err error) {
	err = failure.Guard("compile a condition", func() error {
		variants, err := r.Variants()
		for _, v := range variants {
			out = append(out, variant{v, i})
		}
		return err //nolint:wrapcheck // the error names the field
	})
	return out, err //nolint:wrapcheck // the error names the field
}

// outside returns the fields of windows, orders and [search.Viewer], each once.
func (m *matched) outside(requests []search.Request) []mapping.Field {
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
		for _, name := range condition.Fields(requests[v.member].Time.Condition()) {
			if f, mapped := v.Way.Fields.Field(name); mapped {
				add(f)
			}
		}
	}
	return out
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
