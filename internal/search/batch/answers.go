package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// Answers answers some searches from memory, after they were made together, and forwards other
// searches to the backend. It is safe for concurrent use.
type Answers struct {
	events search.Events
	byKey  map[requestKey]*answer
	ahead  *Ahead
}

var _ search.Events = (*Answers)(nil)

// answer is the answer of one request.
type answer struct {
	// hits are all hits, in order.
	hits []event.Event
	// whole means that hits is complete; otherwise it is the first page.
	whole bool
	// took is this search's share of the total time.
	took time.Duration
	// why is why the request could not be answered together with others; "" when it was.
	why string
	// err is the answer of a request that must not be made: its condition crashes.
	err error
}

// refuse records why a request is not answered. A request that has crashed has failed: it is not
// made again.
func (a *answer) refuse(err error) {
	a.why = err.Error()
	if errors.Is(err, failure.ErrCrash) {
		a.err = err
	}
}

// None returns answers to nothing.
func None(events search.Events) *Answers { return &Answers{events: events} }

// With returns the answers of both; where both have one, a complete answer wins.
func (a *Answers) With(b *Answers) *Answers {
	all := &Answers{events: a.events, byKey: map[requestKey]*answer{}}
	maps.Copy(all.byKey, b.byKey)
	for id, known := range a.byKey {
		if other := all.byKey[id]; other == nil || !other.whole {
			all.byKey[id] = known
		}
	}
	return all
}

// From returns the same answers, plus answers over parts of windows that were read ahead.
func (a *Answers) From(ahead *Ahead) *Answers {
	if ahead == nil {
		return a
	}
	return &Answers{events: a.events, byKey: a.byKey, ahead: ahead}
}

// of returns the answer of a request, nil when there is none.
func (a *Answers) of(r search.Request) *answer {
	known := a.byKey[key(r)]
	if known == nil || !known.whole {
		if part := a.ahead.answer(r); part != nil {
			return part
		}
	}
	return known
}

// requestKey identifies a request by everything that its answer depends on: the text of its
// condition, which may be long and is not copied, and the rest.
type requestKey struct{ text, rest string }

func key(r search.Request) requestKey {
	b := make([]byte, 0, 256)
	for _, p := range r.Patterns {
		b = append(append(b, p...), 0)
	}
	b = append(b, '\n')
	b = append(append(b, r.Time.Field...), 0)
	b = append(append(b, r.Time.Fallback...), 0)
	for _, t := range []time.Time{r.Time.Window.From, r.Time.Window.To} {
		b = append(strconv.AppendInt(b, t.Unix(), 10), '.')
		b = append(strconv.AppendInt(b, int64(t.Nanosecond()), 10), ' ')
	}
	for _, name := range append([]string{r.OrderBy, r.Tiebreaker}, r.Fields...) {
		b = append(strconv.AppendQuote(b, name), ' ')
	}
	b = strconv.AppendBool(b, r.Descending)
	b = append(b, ' ')
	b = strconv.AppendBool(b, r.OmitSource)
	return requestKey{r.Key(), string(b)}
}

// Why returns why a request could not be answered together with others; "" when it was.
func (a *Answers) Why(r search.Request) string {
	known := a.byKey[key(r)]
	if known == nil {
		return "it was not requested"
	}
	return known.why
}

// Knows reports whether all hits of a request are known.
func (a *Answers) Knows(r search.Request) bool {
	known := a.byKey[key(r)]
	return known != nil && known.whole || a.ahead.Covers(r)
}

// Unwrap returns the backend's events.
func (a *Answers) Unwrap() search.Events { return a.events }

// Resolve asks the backend.
func (a *Answers) Resolve(ctx context.Context, patterns, fields []string) (search.Target, error) {
	return a.events.Resolve(ctx, patterns, fields) //nolint:wrapcheck // the error names the patterns
}

// Search answers from memory, or searches the backend.
func (a *Answers) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	known := a.of(r)
	if known != nil && known.err != nil {
		return search.Result{}, known.err
	}
	if known == nil || known.why != "" || !known.whole {
		return a.events.Search(ctx, r, visit) //nolint:wrapcheck // the error names the search
	}
	result := search.Result{Total: int64(len(known.hits)), Took: known.took}
	for hits := known.hits; len(hits) > 0; {
		if err := ctx.Err(); err != nil {
			return result, fmt.Errorf("search the hits that were read: %w", err)
		}
		n := min(r.Size(), len(hits))
		result.Pages++
		more, err := visit(typed(r, hits[:n]))
		if err != nil || !more {
			return result, err
		}
		hits = hits[n:]
	}
	return result, nil
}

// typed returns hits with the field types of the request: the same hits may have answered a request
// that knows other fields.
func typed(r search.Request, hits []event.Event) []event.Event {
	out := slices.Clone(hits)
	for i := range out {
		out[i].Types = r.TypesOf(out[i].Index)
	}
	return out
}

// refusal gives an error the kind Internal: no fallback can answer the request.
func refusal(op string, err error) error {
	return &failure.Error{Kind: failure.Internal, Op: op, Err: err}
}
