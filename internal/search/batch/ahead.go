package batch

import (
	"bytes"
	"context"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Ahead holds all hits of requests over long windows. It answers the same requests over parts of
// these windows ([Answers.From]): where many slots are run one after the other, the events are read
// once. It is safe for concurrent use; nil has no hits.
type Ahead struct{ byKey map[requestKey]*stretch }

// stretch holds the hits of one request.
type stretch struct {
	request search.Request
	hits    []event.Event
	times   *times
}

// maxAhead bounds the memory, in bytes over all requests, of what is kept besides the answers: hits
// that are read ahead, and the times of all hits.
const maxAhead = 24 << 20

// NewAhead keeps the hits of requests: hits that answers have, and hits of other requests as far as
// they fit. It leaves out requests that fail, need no source, or have hits whose times cannot be
// read.
func NewAhead(ctx context.Context, answers *Answers, requests []search.Request) *Ahead {
	a := &Ahead{byKey: map[requestKey]*stretch{}}
	left := int64(maxAhead)
	for _, r := range requests {
		if id := windowless(r); a.byKey[id] == nil && !r.OmitSource {
			if hits, ok := collect(ctx, answers, r, &left); ok {
				if times, ok := timesOf(r, hits); ok && times.size() <= left {
					left -= times.size()
					a.byKey[id] = &stretch{request: r, hits: hits, times: times}
				}
			}
		}
	}
	return a
}

// collect returns all hits of a request, or false if it fails or they do not fit.
func collect(ctx context.Context, answers *Answers, r search.Request, left *int64) ([]event.Event, bool) {
	if known := answers.byKey[key(r)]; known != nil && known.whole {
		return known.hits, true
	}
	var hits []event.Event
	size := int64(0)
	_, err := answers.Search(ctx, r, func(page []event.Event) (bool, error) {
		if size += sizeOf(page); size > *left {
			return false, nil
		}
		for _, e := range page {
			e.Source = bytes.Clone(e.Source) // the source may be a part of a large page
			hits = append(hits, e)
		}
		return true, nil
	})
	if err != nil || size > *left {
		return nil, false
	}
	*left -= size
	return hits, true
}

// windowless identifies requests that differ only in their windows.
func windowless(r search.Request) requestKey {
	r.Time.Window = window.Window{}
	return key(r)
}

// Covers reports whether a request can be answered from what was read.
func (a *Ahead) Covers(r search.Request) bool { return a.of(r) != nil }

func (a *Ahead) of(r search.Request) *stretch {
	if a == nil || r.Time.Window.From.IsZero() || r.Time.Window.To.IsZero() {
		return nil
	}
	s := a.byKey[windowless(r)]
	if s == nil || !mapping.Same(s.request.FieldTypes, r.FieldTypes) {
		return nil
	}
	if whole := s.request.Time.Window; r.Time.Window.From.Before(whole.From) || r.Time.Window.To.After(whole.To) {
		return nil
	}
	return s
}

// answer returns the answer of a request over a part of a stretch; nil when there is none.
func (a *Ahead) answer(r search.Request) *answer {
	s := a.of(r)
	if s == nil {
		return nil
	}
	start := time.Now()
	within, err := condition.Bind(r.Time.Condition(), r.FieldTypes)
	if err != nil {
		return nil // the search will report it
	}
	return &answer{hits: s.within(within), whole: true, took: time.Since(start)}
}

// within returns the hits of a window, in order.
func (s *stretch) within(w *condition.Bound) []event.Event {
	var hits []event.Event
	for i := range s.hits {
		if w.Match(s.hits[i].Index, moment{s.times, i}) {
			hits = append(hits, s.hits[i])
		}
	}
	return hits
}
