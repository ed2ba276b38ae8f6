// Package tally counts groups of events in memory, with the answers that an aggregation of
// Elasticsearch gives.
//
// It serves where the place of the events cannot count itself, and where a condition has to be
// matched again on what a search finds. The flow: [Groups] reads the events of a request as one
// stream, tells each to its groups, and hands the groups out in the order of their keys. Nothing of
// an event is kept but its place in the counts, and the few samples that were asked for.
package tally

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/search"
)

// DefaultLimit is how many groups and different values are kept, some hundred bytes each.
const DefaultLimit = 1_000_000

// Options are what counting in memory needs besides the request.
type Options struct {
	// Admit takes away the events of a page that do not meet the condition after all; nil: all do.
	Admit func(page []event.Event) ([]event.Event, error)
	// Limit bounds the number of groups and different values kept; 0 means [DefaultLimit].
	Limit int
}

// Groups does over any Events what [search.Grouper] does. The request's Fields have to name the
// fields of By, Distinct and Time where events come with indexed values. When there are more groups
// and values than the limit, those met first are counted, and the error is of kind Partial.
func Groups(ctx context.Context, events search.Events, r search.GroupRequest, o Options, visit search.GroupVisit) (search.Result, error) {
	if r.Only != nil && len(r.Only) == 0 {
		return search.Result{Total: -1}, nil
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	size := r.GroupPage()
	r.PageSize = 0 // from here on that of events
	c := newCounter(r, o.Limit)
	found, err := events.Search(ctx, r.Request, func(page []event.Event) (bool, error) {
		if o.Admit != nil {
			var err error
			if page, err = o.Admit(page); err != nil {
				return false, err
			}
		}
		for i := range page {
			if err := c.add(&page[i]); err != nil {
				return false, err
			}
		}
		return true, ctx.Err()
	})
	result := search.Result{Total: -1, Took: found.Took, Pages: found.Pages}
	if err != nil && failure.KindOf(err) != failure.Partial {
		return result, err //nolint:wrapcheck // the searcher names what it did
	}
	if c.full {
		err = errors.Join(err, &failure.Error{
			Kind: failure.Partial, Op: "count groups in [" + strings.Join(r.Patterns, ",") + "]",
			Reason: fmt.Sprintf("there are more than %d groups and different values: those met after that are not counted", o.Limit),
		})
	}
	for page := range slices.Chunk(c.groups(), size) {
		if more, visitErr := visit(page); visitErr != nil || !more {
			return result, errors.Join(visitErr, err)
		}
	}
	return result, err
}
