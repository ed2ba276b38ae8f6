// From a rule to its alert, 7 of 9: one read of the new events answers many searches. Next: internal/run/pipeline/pipeline.go.

package batch

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// ScanOptions are the settings of a scan. The zero value is usable.
type ScanOptions struct {
	// Slices is the number of parts that are read and matched concurrently; 0 means one for each
	// processor.
	Slices int
	// MaxBytes bounds the memory of the hits that are kept until their search asks for them; 0
	// means [DefaultMaxBytes]. Searches with more hits than fit are made individually.
	MaxBytes int64
	// Sets, when not nil, keeps compiled conditions from one scan to the next.
	Sets *Sets
}

// DefaultMaxBytes leaves enough memory for everything else in a service of 256 MiB.
const DefaultMaxBytes = 48 << 20

// Scanned is the report of a scan.
type Scanned struct {
	// Events is the number of events read, Hits the number of hits over all requests that were
	// Answered.
	Events, Hits int64
	Answered     int
	// Took is the total time, Matching the part of it that was not spent waiting for pages, summed
	// over the slices.
	Took, Matching time.Duration
}

// Scan answers requests by one read of the events of all of them. If a condition cannot be
// evaluated in memory or its hits do not fit, the request is left to a separate search, and
// [Answers.Why] says so. An error means that the read failed, in whole or in part: then nothing is
// answered.
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
	answers := &Answers{events: events, byKey: map[requestKey]*answer{}}
	s := scan{answers: answers, budget: newBudget(o.MaxBytes)}
	if err := s.admit(ctx, events, requests, o.Sets); err != nil {
		return answers, Scanned{}, err
	}
	if s.asked() == 0 {
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

// scan is the state of a Scan.
type scan struct {
	answers *Answers
	// members are the requests by their number in the set; nil for conditions of the set that this scan does not ask for.
	members []*member
	union   search.Request
	// known reports whether an index existed when the members' patterns were resolved.
	known   func(index string) bool
	matched *matched
	// within matches the windows of variants. They change from round to round, so they are not part
	// of the set.
	within []*condition.Matcher
	budget *budget
	// take, when not nil, gets the hits in place of the budget.
	take Take
	crashes
}

// member is a request in the scan.
type member struct {
	request search.Request
	answer  *answer
	covers  func(index string) bool
}

// admit selects the requests that can be answered from memory.
func (s *scan) admit(ctx context.Context, events search.Events, requests []search.Request, sets *Sets) error {
	located := map[string]func(string) bool{}
	var able []*member
	for _, r := range requests {
		id := key(r)
		if s.answers.byKey[id] != nil {
			continue
		}
		m := &member{request: r, answer: &answer{}}
		s.answers.byKey[id] = m.answer
		var err error
		if m.covers, err = locate(ctx, events, r.Patterns, located); err != nil {
			return err
		}
		able = append(able, m)
	}
	s.matched, s.members = sets.of(able)
	if s.asked() == 0 {
		return nil
	}
	windows := windows{}
	for _, v := range s.matched.variants {
		if s.members[v.member] == nil {
			s.within = append(s.within, nil)
			continue
		}
		within, err := windows.of(s.members[v.member].request.Time, v.Way.Fields)
		if err != nil {
			return refusal("scan", err) // Another window of the same fields has compiled.
		}
		s.within = append(s.within, within)
	}
	s.union = Union(s.requests())
	var err error
	s.known, err = locate(ctx, events, s.union.Patterns, located)
	return err
}

// windows holds the compiled windows of a scan: most of its requests share a few.
type windows map[search.TimeRange][]compiledWindow

type compiledWindow struct {
	fields mapping.Fields
	within *condition.Matcher
}

func (w windows) of(t search.TimeRange, fields mapping.Fields) (*condition.Matcher, error) {
	for _, known := range w[t] {
		if mapping.Same(known.fields, fields) {
			return known.within, nil
		}
	}
	within, err := condition.Compile(t.Condition(), fields)
	if err == nil {
		w[t] = append(w[t], compiledWindow{fields, within})
	}
	return within, err //nolint:wrapcheck // the error names the field
}

// locate resolves each list of patterns once.
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
	return test, err //nolint:wrapcheck // the error names the patterns
}

// Union returns one request that reads for all requests: every event in the window of any of them.
// It includes more indices than they ask for if one request excludes what another one needs.
func Union(requests []search.Request) search.Request {
	var patterns []string
	var times condition.Or
	counted := map[search.TimeRange]bool{}
	for _, r := range requests {
		for _, list := range r.Patterns {
			patterns = append(patterns, strings.Split(list, ",")...)
		}
		if !counted[r.Time] {
			counted[r.Time] = true
			times = append(times, r.Time.Condition())
		}
	}
	slices.Sort(patterns)
	patterns = slices.DeleteFunc(patterns, func(p string) bool { return strings.HasPrefix(p, "-") })
	return search.Request{
		Patterns: slices.Compact(patterns), Where: condition.Simplify(times), PageSize: scanPage,
	}
}

// scanPage is the page size of the scan's read: one to three MiB of events. Each slice holds at
// most three pages, so a scan takes some 20 MiB on two processors besides [DefaultMaxBytes].
const scanPage = 2000

// requests returns the requests in the scan.
func (s *scan) requests() []search.Request {
	var out []search.Request
	for _, m := range s.members {
		if m != nil {
			out = append(out, m.request)
		}
	}
	return out
}

// asked is the number of requests in the scan.
func (s *scan) asked() int {
	n := 0
	for _, m := range s.members {
		if m != nil {
			n++
		}
	}
	return n
}

func (s *scan) read(ctx context.Context, events search.Events, parts int) (Scanned, error) {
	viewer, views := events.(search.Viewer)
	slicer, sliced := events.(search.Slicer)
	if !views && !sliced {
		parts = 1
	}
	readers := make([]*reader, parts)
	visits, sights := make([]search.Visit, parts), make([]search.Sight, parts)
	for i := range readers {
		readers[i] = newReader(s)
		readers[i].part = i
		visits[i], sights[i] = readers[i].visit, readers[i]
	}
	var err error
	switch {
	case views:
		_, err = viewer.ViewSlices(ctx, s.union, sights)
		for _, r := range readers {
			if err == nil {
				err = r.finish()
			}
		}
	case sliced:
		_, err = slicer.SearchSlices(ctx, s.union, visits)
	default:
		_, err = events.Search(ctx, s.union, visits[0])
	}
	var stats Scanned
	for _, r := range readers {
		stats.Events += r.events
		stats.Matching += r.matching
	}
	return stats, err //nolint:wrapcheck // the error names the search
}

// identify gives an event its id where the read leaves that to the consumer.
func (s *scan) identify(e *event.Event) error {
	if e.ID != "" {
		return nil
	}
	identifier, ok := s.answers.events.(search.Identifier)
	if !ok {
		return refusal("read events", fmt.Errorf("an event of [%s] has no id", e.Index))
	}
	return identifier.Identify(e) //nolint:wrapcheck // the error names the event
}

// settle sorts the hits of each request.
func (s *scan) settle(stats *Scanned) {
	found, asked := s.budget.take(), s.asked()
	orderings := make([]search.Ordering, len(s.members))
	for _, v := range s.matched.variants {
		orderings[v.member] = v.Ordering // The sort positions of all variants of a member are comparable.
	}
	for i, m := range s.members {
		if m == nil {
			continue
		}
		if err := s.of(i); err != nil {
			m.answer.refuse(err)
			continue
		}
		if s.budget.spilled(i) {
			m.answer.why = "its hits exceed the memory of a scan"
			continue
		}
		hits := found[i]
		slices.SortStableFunc(hits, func(a, b placed) int { return orderings[i].Compare(a.place, b.place) })
		m.answer.hits = make([]event.Event, len(hits))
		for j, h := range hits {
			m.answer.hits[j] = *h.event
		}
		m.answer.whole = true
		m.answer.took = stats.Took / time.Duration(asked)
		stats.Answered++
		stats.Hits += int64(len(hits))
	}
}
