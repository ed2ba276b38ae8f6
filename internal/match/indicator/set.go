package indicator

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Entry compares a field of the event with one of the indicator.
type Entry struct {
	// Event is the event's field. Its type decides which values are equal, as in a term query on
	// it.
	Event mapping.Field
	// Indicator is the indicator's field. For a range field, a value of the event within one of the
	// ranges counts as equal.
	Indicator mapping.Field
	// Negate requires them to differ: no value of the event equals a value of the indicator. If the
	// indicator has no value, the event must have one.
	Negate bool
}

// Group is a list of entries that a single indicator must match. At least one of them is not
// negated.
type Group []Entry

// Options are the settings of a Set. The zero value has the defaults.
type Options struct {
	// Keys is the maximum number of values, or combinations of values; 0 means [DefaultKeys].
	Keys int
	// Matches is the maximum number of indicators returned for one event; 0 means [DefaultMatches].
	Matches int
}

// The defaults. A key takes some 50 bytes, and each indicator also its id and 12 bytes: with one
// value and an id of 20 characters it is 80 bytes, 400 MB at the default, and up to twice that
// while the set grows.
const (
	DefaultKeys    = 5_000_000
	DefaultMatches = 200
)

// maxCombinations bounds the keys of one indicator with many values in several fields.
const maxCombinations = 1024

// ErrFull is returned when a Set has reached its maximum number of keys.
var ErrFull = errors.New("there are more indicators than are kept")

// Document is an indicator. Values returns the values of a field. Intervals returns the ranges of a
// range field, and the values there that are not valid ranges.
type Document interface {
	condition.Document
	Intervals(f mapping.Field) (read []mapping.Interval, unread []any)
}

// Set holds the values of indicators. It is not safe for concurrent use.
type Set struct {
	groups  []group
	options Options

	heads    map[key]uint32
	postings []posting
	places   places
	// negated holds, by posting, the excluded values of each negated entry.
	negated map[uint32][]unwanted
	lost    []Lost
}

// group is a Group with what its indicators contain.
type group struct {
	match, differ []entry
}

type entry struct {
	Entry
	// at is the index of the entry in its group.
	at int
	// grains holds the grains of the indicators' values, in order of appearance.
	grains []grain
}

// key is a hash of a group's number and one term for each of its entries.
type key [16]byte

// unwanted holds an indicator's values of a negated entry; none means that it has no value.
type unwanted struct {
	none  bool
	terms []term
}

// posting is one indicator of a key; next is the index of the previous one, plus 1.
type posting struct{ place, next uint32 }

// New returns an empty Set for groups of which an event must match any.
func New(groups []Group, o Options) *Set {
	if o.Keys <= 0 {
		o.Keys = DefaultKeys
	}
	if o.Matches <= 0 {
		o.Matches = DefaultMatches
	}
	s := &Set{options: o, heads: map[key]uint32{}, negated: map[uint32][]unwanted{}}
	for _, g := range groups {
		var known group
		for i, e := range g {
			if e.Negate {
				known.differ = append(known.differ, entry{Entry: e, at: i})
			} else {
				known.match = append(known.match, entry{Entry: e, at: i})
			}
		}
		s.groups = append(s.groups, known)
	}
	return s
}

// Len returns the number of keys; without keys, no event matches.
func (s *Set) Len() int { return len(s.postings) }

// Indicators returns the number of indicators that have a key.
func (s *Set) Indicators() int { return s.places.len() }

// Add adds an indicator to the Set. It returns [ErrFull] when there is no room for it.
func (s *Set) Add(ref event.Ref, d Document) error {
	place, placed := uint32(0), false
	for i := range s.groups {
		g := &s.groups[i]
		terms, ok := s.wants(i, g, d)
		if !ok {
			continue
		}
		var differ []unwanted
		for j := range g.differ {
			e := &g.differ[j]
			terms, some := s.wantsOf(i, e, d)
			differ = append(differ, unwanted{!some, terms})
		}
		for combination := range combinations(terms) {
			if len(s.postings) >= s.options.Keys {
				return ErrFull
			}
			if !placed {
				place, placed = s.places.add(ref), true
			}
			s.add(hash(i, combination), place, differ)
		}
	}
	return nil
}

// wants returns the terms of an indicator by entry; false when it cannot match.
func (s *Set) wants(i int, g *group, d Document) ([][]term, bool) {
	count := 1
	terms := make([][]term, len(g.match))
	for j := range g.match {
		terms[j], _ = s.wantsOf(i, &g.match[j], d)
		count *= len(terms[j])
	}
	if count > maxCombinations {
		s.lose(i, -1, "")
		return nil, false
	}
	return terms, count > 0
}

// wantsOf returns the terms of the indicator's values for an entry; some reports whether it has any
// value.
func (s *Set) wantsOf(i int, e *entry, d Document) (terms []term, some bool) {
	if _, ranges := e.Indicator.Type.Element(); ranges {
		read, unread := d.Intervals(e.Indicator)
		for _, interval := range read {
			for _, w := range wantInterval(e.Indicator, interval) {
				terms = e.take(terms, w)
			}
		}
		for _, raw := range unread {
			s.lose(i, e.at, fmt.Sprint(raw))
		}
		return terms, len(read)+len(unread) > 0
	}
	values := d.Values(e.Indicator)
	for _, v := range values {
		text := textOf(e.Indicator, v)
		switch w, became := want(e.Event, text); became {
		case unfit:
			s.lose(i, e.at, text)
		case usable:
			terms = e.take(terms, w)
		case never:
		}
	}
	return terms, len(values) > 0
}

// take adds a term, and its grain to the grains by which events are looked up.
func (e *entry) take(terms []term, w wanted) []term {
	if slices.Contains(terms, w.term) {
		return terms
	}
	if !slices.Contains(e.grains, w.grain) {
		e.grains = append(e.grains, w.grain)
	}
	return append(terms, w.term)
}

func (s *Set) add(k key, place uint32, differ []unwanted) {
	head := s.heads[k]
	if head > 0 && s.postings[head-1].place == place && differ == nil {
		return
	}
	s.postings = append(s.postings, posting{place: place, next: head})
	s.heads[k] = uint32(len(s.postings))
	if differ != nil {
		s.negated[uint32(len(s.postings)-1)] = differ
	}
}

// combinations yields every choice of one term from each list. The yielded slice is reused.
func combinations(terms [][]term) func(func([]term) bool) {
	return func(yield func([]term) bool) {
		at, chosen := make([]int, len(terms)), make([]term, len(terms))
		for {
			for i, list := range terms {
				chosen[i] = list[at[i]]
			}
			if !yield(chosen) {
				return
			}
			i := len(terms) - 1
			for ; i >= 0; i-- {
				if at[i]++; at[i] < len(terms[i]) {
					break
				}
				at[i] = 0
			}
			if i < 0 {
				return
			}
		}
	}
}

// hash writes each term's length before the term, so that different combinations have different
// encodings.
func hash(group int, terms []term) key {
	var room [128]byte
	text := binary.AppendUvarint(room[:0], uint64(group))
	for _, t := range terms {
		text = binary.AppendUvarint(text, uint64(len(t)))
		text = append(text, t...)
	}
	sum := sha256.Sum256(text)
	return key(sum[:16])
}
