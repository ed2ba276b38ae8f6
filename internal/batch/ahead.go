package batch

import (
	"bytes"
	"context"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

// Ahead are all hits of requests over long windows. The same requests over parts of these windows are
// answered from it ([Answers.From]): where many slots are run one after the other, the events are
// read once. It is safe for concurrent use; nil is one without hits.
type Ahead struct{ byKey map[requestKey]*stretch }

// stretch is what one request has found.
type stretch struct {
	request search.Request
	hits    []event.Event
	times   *times
}

// maxAhead bounds the memory of what is kept besides the answers, in bytes, over all requests: hits that
// are searched for ahead, and the times of all.
const maxAhead = 24 << 20

// NewAhead keeps the hits of requests: those that answers have, and of the others those that fit.
// Requests that fail, want no source, or have hits whose times cannot be read are left out.
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

// collect returns all hits of a request, unless they fail or do not fit.
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
			e.Source = bytes.Clone(e.Source) // which may be a part of a page with much else
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

// windowless identifies requests that differ in their windows only.
func windowless(r search.Request) requestKey {
	r.Time.Window = window.Window{}
	return key(r)
}

// Covers reports whether a request will be answered from what was read.
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

// answer is that of a request over a part of a stretch; nil when it has none.
func (a *Ahead) answer(r search.Request) *answer {
	s := a.of(r)
	if s == nil {
		return nil
	}
	start := time.Now()
	within, err := condition.Bind(r.Time.Condition(), r.FieldTypes)
	if err != nil {
		return nil // which the search will say
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
