package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tocsin/internal/alert"
)

// Store is a store of alerts.
type Store interface {
	// GetAll returns the alerts with these ids, with their revisions.
	GetAll(ctx context.Context, ids []string) (map[string]alert.Document, error)
	// Update is [alert.Instances.Update].
	Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error)
}

// Settler is a store whose reads may be behind its writes: Settle makes them equal.
type Settler interface {
	Settle(ctx context.Context) error
}

// Result counts alerts by what became of them.
type Result struct {
	// Changed were changed, Unchanged were as wanted.
	Changed, Unchanged int
	// Missing no longer exist, Failed could not be written.
	Missing, Failed int
}

const (
	// atOnce is the number of alerts that are held at a time.
	atOnce = 250
	// maxTries is the number of attempts to change an alert that others change at the same time.
	maxTries = 8
)

// errContended: an alert has changed between each reading and the write after it.
var errContended = errors.New("others keep changing it")

// Apply changes the alerts with these ids. An alert that somebody changes at the same time is read again, so that neither change is
// lost. The error joins those of alerts that failed; the result is right in any case.
func Apply(ctx context.Context, s Store, ids []string, a Action) (Result, error) {
	var out Result
	var errs []error
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for part := range slices.Chunk(ids, atOnce) {
		left := part
		for try := 0; len(left) > 0; try++ {
			if try == maxTries {
				out.Failed += len(left)
				for _, id := range left {
					errs = append(errs, fmt.Errorf("alert %s: %w", id, errContended))
				}
				break
			}
			if settler, ok := s.(Settler); ok && try > 0 {
				if err := settler.Settle(ctx); err != nil {
					errs = append(errs, err)
				}
			}
			var err error
			if left, err = out.once(ctx, s, left, a); err != nil {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				return out, errors.Join(errs...)
			}
		}
	}
	return out, errors.Join(errs...)
}

// once changes alerts, and returns the ids of those that others changed at the same time.
func (r *Result) once(ctx context.Context, s Store, ids []string, a Action) (again []string, err error) {
	docs, err := s.GetAll(ctx, ids)
	if err != nil {
		r.Failed += len(ids)
		return nil, err //nolint:wrapcheck // it names the operation
	}
	var changed []alert.Document
	for _, id := range ids {
		doc, there := docs[id]
		if !there {
			r.Missing++
			continue
		}
		if doc.Set = a.Changes(doc); doc.Set == nil {
			r.Unchanged++
			continue
		}
		changed = append(changed, doc)
	}
	if len(changed) == 0 {
		return nil, nil
	}
	written, err := s.Update(ctx, changed)
	if err != nil {
		r.Failed += len(changed)
		return nil, err //nolint:wrapcheck // it names the operation
	}
	var errs []error
	for _, w := range written {
		switch w.Outcome {
		case alert.Replaced:
			r.Changed++
		case alert.Stale:
			again = append(again, w.ID)
		default:
			r.Failed++
			errs = append(errs, fmt.Errorf("alert %s: %w", w.ID, w.Err))
		}
	}
	return again, errors.Join(errs...)
}
