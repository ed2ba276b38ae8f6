package search

import (
	"context"
	"fmt"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// Prober is an Events that can find out which fields have values without reading events.
type Prober interface {
	// Present returns the fields of which an event of the request has an indexed value. If a part could not be read, the
	// error is of kind Partial, and beside the fields that are returned there may be others.
	Present(ctx context.Context, r Request, fields []string) (map[string]bool, error)
}

// Present returns the fields of which an event of the request has an indexed value, asking events as a [Prober] or else by
// reading them until every field is seen. Beside an error there may be further fields.
func Present(ctx context.Context, events Events, r Request, fields []string) (map[string]bool, error) {
	if p, ok := As[Prober](events); ok {
		return p.Present(ctx, r, fields) //nolint:wrapcheck // it names the indices
	}
	target, err := events.Resolve(ctx, r.Patterns, fields)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the indices
	}
	r.FieldTypes = target.Fields
	found := map[string]bool{}
	open := make(map[string]*condition.Bound, len(fields))
	wanted := condition.Or{}
	for _, name := range fields {
		exists := condition.Exists{Field: name}
		bound, err := condition.Bind(exists, r.FieldTypes)
		if err != nil {
			return nil, fmt.Errorf("look for values of %s: %w", name, err)
		}
		open[name], wanted = bound, append(wanted, exists)
	}
	r.Where = condition.Simplify(condition.And{r.Where, wanted})
	_, err = events.Search(ctx, r, func(page []event.Event) (bool, error) {
		for i := range page {
			d, err := page[i].Document()
			if err != nil {
				return false, err //nolint:wrapcheck // it names the event
			}
			for name, bound := range open {
				if bound.Match(page[i].Index, d) {
					found[name] = true
					delete(open, name)
				}
			}
		}
		return len(open) > 0, nil
	})
	return found, err //nolint:wrapcheck // it names the indices
}
