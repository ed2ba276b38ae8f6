// Package tally counts groups of events in memory, with the same answers as an aggregation of
// Elasticsearch.
//
// It is used where the backend cannot count, and where the results of a search have to be matched
// again. The flow: [Groups] reads the events of a request as one stream, counts each in its groups,
// and returns the groups in the order of their keys. It keeps counts and the requested samples, no
// other events.
package tally

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// DefaultLimit bounds the groups and distinct values that are kept, some hundred bytes each.
const DefaultLimit = 1_000_000

// Options are the settings of counting in memory that are not in the request.
type Options struct {
	// Admit removes the events of a page that do not match the condition; nil: all match.
	Admit func(page []event.Event) ([]event.Event, error)
	// Limit bounds the number of groups and distinct values; 0 means [DefaultLimit].
	Limit int
}

// Groups counts over any Events as [search.Grouper] does. Where events come with indexed values,
// the request's Fields must name the fields of By, Distinct and Time. When there are more groups
// and values than the limit, the first ones are counted, and the error is of kind Partial. Groups with missing values
// are not counted here.
func Groups(ctx context.Context, events search.Events, r search.GroupRequest, o Options, visit search.GroupVisit) (search.Result, error) {
	if r.Only != nil && len(r.Only) == 0 {
		return search.Result{Total: -1}, nil
	}
	if r.Missing {
		return search.Result{}, fmt.Errorf("count groups with missing values in memory: %w", search.ErrUngroupable)
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	size := r.GroupPage()
	r.PageSize = 0 // from here on the page size of events
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
		return result, err //nolint:wrapcheck // the error names the operation
	}
	if c.full {
		err = errors.Join(err, &failure.Error{
			Kind: failure.Partial, Op: "count groups in [" + strings.Join(r.Patterns, ",") + "]",
			Reason: fmt.Sprintf("there are more than %d groups and different values: later ones are not counted", o.Limit),
		})
	}
	for page := range slices.Chunk(c.groups(), size) {
		if more, visitErr := visit(page); visitErr != nil || !more {
			return result, errors.Join(visitErr, err)
		}
	}
	return result, err
}
