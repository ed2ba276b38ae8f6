package sequence

import "slices"

// Sampler finds samples: one event per term, all different, with a common key, in any order. It is
// not safe for concurrent use.
type Sampler[T any] struct {
	terms  int
	perKey int
	limit  int
	kept   int
	keys   map[string]*sampleState[T]
}

type sampleState[T any] struct {
	key        Key
	candidates [][]*Event[T] // per term, in order of arrival
}

// NewSampler makes a sampler for a number of terms and a number of samples per key. limit bounds
// the events kept; 0 means [DefaultLimit].
func NewSampler[T any](terms, perKey, limit int) *Sampler[T] {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Sampler[T]{terms: terms, perKey: max(1, perKey), limit: limit, keys: map[string]*sampleState[T]{}}
}

// Add takes an event with the terms that it fits.
func (s *Sampler[T]) Add(e Event[T], fits []Fit) error {
	for _, f := range fits {
		for _, key := range f.Keys {
			id := key.id()
			state := s.keys[id]
			if state == nil {
				state = &sampleState[T]{key: key, candidates: make([][]*Event[T], s.terms)}
				s.keys[id] = state
			}
			// With this many events for a term there are enough samples even if the other terms of
			// each one take some of them.
			if len(state.candidates[f.Step]) < s.terms+s.perKey {
				state.candidates[f.Step] = append(state.candidates[f.Step], &e)
				s.kept++
			}
		}
	}
	if s.kept > s.limit {
		return ErrTooMany
	}
	return nil
}

// Samples returns the samples in order of their keys, null first.
func (s *Sampler[T]) Samples(same func(a, b T) bool) []Match[T] {
	states := make([]*sampleState[T], 0, len(s.keys))
	for _, state := range s.keys {
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b *sampleState[T]) int { return a.key.Compare(b.key) })
	var out []Match[T]
	for _, state := range states {
		wanted := s.perKey
		state.choose(nil, same, func(events []*Event[T]) bool {
			out = append(out, Match[T]{Key: state.key, Events: slices.Clone(events)})
			wanted--
			return wanted > 0
		})
	}
	return out
}

// choose extends a choice by an event for the next term that is not chosen yet; it returns false
// when no more samples are wanted.
func (s *sampleState[T]) choose(chosen []*Event[T], same func(a, b T) bool, take func([]*Event[T]) bool) bool {
	if len(chosen) == len(s.candidates) {
		return take(chosen)
	}
	for _, e := range s.candidates[len(chosen)] {
		taken := slices.ContainsFunc(chosen, func(c *Event[T]) bool { return same(c.Ref, e.Ref) })
		if !taken && !s.choose(append(chosen, e), same, take) {
			return false
		}
	}
	return true
}
