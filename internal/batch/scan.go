package batch

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/invariants"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

// ScanOptions bound a scan. The zero value is usable.
type ScanOptions struct {
	// Slices is the number of parts that are read and matched at the same time; 0 means one for each
	// processor.
	Slices int
	// MaxBytes bounds the memory of the hits that are kept until their search asks for them; 0 means
	// [DefaultMaxBytes]. Searches that find more than fits are made one by one.
	MaxBytes int64
	// Sets, when not nil, remembers what was compiled from one scan to the next.
	Sets *Sets
}

// DefaultMaxBytes leaves a service of 256 MiB room for everything else.
const DefaultMaxBytes = 48 << 20

// Scanned is the account of a scan.
type Scanned struct {
	// Events were read, Hits found in them, over all requests that were Answered.
	Events, Hits int64
	Answered     int
	// Took is the time from first to last, Matching the part of it in which no page was waited for,
	// summed over the slices.
	Took, Matching time.Duration
}

// Scan answers requests by one read of the events of all of them. A request is left to a search of
// its own, and [Answers.Why] says so, where its condition cannot be evaluated in memory or its hits
// do not fit. An error is for a read that failed, in whole or in part: nothing is answered then.
func Scan(ctx context.Context, events search.Events, requests []search.Request, o ScanOptions) (*Answers, Scanned, error) {
	if o.Slices <= 0 {
		o.Slices = runtime.GOMAXPROCS(0)
	}
	if o.Sets == nil {
		o.Sets = new(Sets)
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	start := time.Now()
	answers := &Answers{events: events, byKey: map[string]*answer{}}
	s := scan{answers: answers, budget: newBudget(o.MaxBytes)}
	if err := s.admit(ctx, events, requests, o.Sets); err != nil {
		return answers, Scanned{}, err
	}
	if len(s.members) == 0 {
		return answers, Scanned{}, nil
	}
	stats, err := s.read(ctx, events, o.Slices)
	stats.Took = time.Since(start)
	if err != nil {
		clear(answers.byKey)
		return answers, stats, err
	}
	s.settle(&stats)
	return answers, stats, nil
}

// scan is a Scan under way.
type scan struct {
	answers *Answers
	members []*member
	union   search.Request
	// known tells the indices that were there when the members were told what they cover.
	known   func(index string) bool
	matched *matched
	budget  *budget
}

// member is a request that takes part.
type member struct {
	request search.Request
	answer  *answer
	covers  func(index string) bool
	// within tests the window. It changes from round to round, so it is not part of the set.
	within   *condition.Matcher
	ordering search.Ordering
}

// admit takes the requests that can be answered from memory.
func (s *scan) admit(ctx context.Context, events search.Events, requests []search.Request, sets *Sets) error {
	located := map[string]func(string) bool{}
	windows := windows{}
	var able []*member
	for _, r := range requests {
		id := key(r)
		if s.answers.byKey[id] != nil {
			continue
		}
		m := &member{request: r, answer: &answer{}}
		s.answers.byKey[id] = m.answer
		if err := m.bind(windows); err != nil {
			m.answer.why = err.Error()
			continue
		}
		var err error
		if m.covers, err = locate(ctx, events, r.Patterns, located); err != nil {
			return err
		}
		able = append(able, m)
	}
	s.matched, s.members = sets.of(able)
	if len(s.members) == 0 {
		return nil
	}
	s.union = Union(s.requests())
	var err error
	s.known, err = locate(ctx, events, s.union.Patterns, located)
	return err
}

// bind compiles what decides besides the condition.
func (m *member) bind(w windows) (err error) {
	if m.within, err = w.of(m.request); err != nil {
		return err
	}
	m.ordering, err = search.NewOrdering(m.request)
	return err //nolint:wrapcheck // it names the field
}

// windows are the compiled ones of a scan: most of its requests share a few.
type windows map[search.TimeRange][]compiledWindow

type compiledWindow struct {
	fields mapping.Fields
	within *condition.Matcher
}

func (w windows) of(r search.Request) (*condition.Matcher, error) {
	for _, known := range w[r.Time] {
		if mapping.Same(known.fields, r.FieldTypes) {
			return known.within, nil
		}
	}
	within, err := condition.Compile(r.Time.Condition(), r.FieldTypes)
	if err == nil {
		w[r.Time] = append(w[r.Time], compiledWindow{r.FieldTypes, within})
	}
	return within, err //nolint:wrapcheck // it names the field
}

// locate asks once for each list of patterns.
func locate(ctx context.Context, events search.Events, patterns []string, known map[string]func(string) bool) (func(string) bool, error) {
	id := fmt.Sprintf("%q", patterns)
	if test := known[id]; test != nil {
		return test, nil
	}
	locator, ok := events.(search.Locator)
	if !ok {
		return nil, refusal("scan", fmt.Errorf("%T cannot say where its events are", events))
	}
	test, err := locator.Locate(ctx, patterns)
	known[id] = test
	return test, err //nolint:wrapcheck // it names the patterns
}

// Union is the one read for requests: every event that lies in the window of any of them, of more
// indices than they ask for where one excludes what another wants.
func Union(requests []search.Request) search.Request {
	var patterns []string
	var times condition.Or
	told := map[search.TimeRange]bool{}
	for _, r := range requests {
		for _, list := range r.Patterns {
			patterns = append(patterns, strings.Split(list, ",")...)
		}
		if !told[r.Time] {
			told[r.Time] = true
			times = append(times, r.Time.Condition())
		}
	}
	slices.Sort(patterns)
	patterns = slices.DeleteFunc(patterns, func(p string) bool { return strings.HasPrefix(p, "-") })
	return search.Request{
		Patterns: slices.Compact(patterns), Where: condition.Simplify(times), PageSize: scanPage,
	}
}

// scanPage is the size of a page of the one read: one to three MiB of events. Each part of the read
// holds three of them at most, so a scan takes some 20 MiB on two processors besides [DefaultMaxBytes].
const scanPage = 2000

// requests are those that take part.
func (s *scan) requests() []search.Request {
	out := make([]search.Request, len(s.members))
	for i, m := range s.members {
		out[i] = m.request
	}
	return out
}

func (s *scan) read(ctx context.Context, events search.Events, parts int) (Scanned, error) {
	slicer, ok := events.(search.Slicer)
	if !ok {
		parts = 1
	}
	readers := make([]*reader, parts)
	visits := make([]search.Visit, parts)
	for i := range readers {
		readers[i] = newReader(s)
		visits[i] = readers[i].visit
	}
	var err error
	if ok {
		_, err = slicer.SearchSlices(ctx, s.union, visits)
	} else {
		_, err = events.Search(ctx, s.union, visits[0])
	}
	var stats Scanned
	for _, r := range readers {
		stats.Events += r.events
		stats.Matching += r.matching
	}
	return stats, err //nolint:wrapcheck // it names the search
}

// settle puts the hits of each request in order.
func (s *scan) settle(stats *Scanned) {
	found := s.budget.take()
	for i, m := range s.members {
		if s.budget.spilled(i) {
			m.answer.why = "its hits do not fit the memory of a scan"
			continue
		}
		hits := found[i]
		slices.SortStableFunc(hits, func(a, b placed) int { return m.ordering.Compare(a.place, b.place) })
		m.answer.hits = make([]event.Event, len(hits))
		for j, h := range hits {
			m.answer.hits[j] = *h.event
		}
		m.answer.whole = true
		m.answer.took = stats.Took / time.Duration(len(s.members))
		stats.Answered++
		stats.Hits += int64(len(hits))
	}
}

// reader matches the events of one part of the read.
type reader struct {
	scan     *scan
	events   int64
	matching time.Duration
	matcher  *condition.Matching
	view     *event.View
	// of is the set that matcher is for: a better arranged one may come while events are read.
	of *condition.Set
	// covering are the members that cover an index, by its name; nil: none does.
	covering map[string]condition.Scope
}

func newReader(s *scan) *reader {
	return &reader{scan: s, view: s.matched.selection.NewView(), covering: map[string]condition.Scope{}}
}

// visit matches a page. It runs in a goroutine of the read, where a crash would end everything; as an
// error it ends the scan, and its requests are searched for.
func (r *reader) visit(page []event.Event) (more bool, err error) {
	start := time.Now()
	defer func() {
		r.matching += time.Since(start)
		if v := recover(); v != nil {
			more, err = false, failure.Crash("match events", v)
		}
	}()
	if set := r.scan.matched.arranged(r.view, page); set != r.of {
		r.of, r.matcher = set, set.NewMatching()
	}
	for i := range page {
		r.events++
		if err := r.match(&page[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *reader) match(e *event.Event) error {
	scope := r.covered(e.Index)
	switch {
	case scope != nil:
	case r.scan.known(e.Index):
		return nil // excluded by those that ask for its like
	default:
		return refusal("read events", fmt.Errorf("index [%s] was made while they were read", e.Index))
	}
	if err := r.view.ReadEvent(e); err != nil {
		return refusal("read events", err)
	}
	var kept *event.Event
	found := r.matcher.Match(r.view, scope)
	if invariants.Enabled {
		r.matcher.Recheck(func() (condition.Document, error) { return e.Document() }, scope)
	}
	for _, i := range found {
		m := r.scan.members[i]
		if !m.within.Match(r.view) {
			continue
		}
		if kept == nil {
			copied := *e
			copied.Source = bytes.Clone(e.Source) // which may be a part of a page
			kept = &copied
		}
		r.scan.budget.add(int(i), placed{m.ordering.Of(r.view), kept})
	}
	return nil
}

func (r *reader) covered(index string) condition.Scope {
	scope, known := r.covering[index]
	if !known {
		some := false
		scope = condition.NewScope(len(r.scan.members), func(i int) bool {
			covers := r.scan.members[i].covers(index)
			some = some || covers
			return covers
		})
		if !some {
			scope = nil
		}
		r.covering[strings.Clone(index)] = scope
	}
	return scope
}
