package store

import (
	"context"
	"fmt"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

var _ search.Documents = (*Events)(nil)

// Documents reads all files once to find documents by index and id.
func (e *Events) Documents(ctx context.Context, refs []event.Ref) (map[event.Ref]event.Event, error) {
	wanted := make(map[event.Ref]bool, len(refs))
	for _, r := range refs {
		wanted[r] = true
	}
	s, err := e.newScan(search.Request{Where: condition.Const(true)})
	if err != nil {
		return nil, fmt.Errorf("find documents: %w", err)
	}
	s.only = wanted
	if err := s.run(ctx); err != nil {
		return nil, fmt.Errorf("find documents: %w", err)
	}
	found := make(map[event.Ref]event.Event, len(refs))
	var result search.Result
	err = s.pages(ctx, &result, func(page []event.Event) (bool, error) {
		for _, hit := range page {
			found[hit.Ref()] = hit
		}
		return true, nil
	})
	if err == nil {
		err = s.missed
	}
	if err != nil {
		return nil, fmt.Errorf("find documents: %w", err)
	}
	return found, nil
}
