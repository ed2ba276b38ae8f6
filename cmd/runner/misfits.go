package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// misfitsEvery is how long a readiness check reuses the last check of the indices' mappings.
const misfitsEvery = 30 * time.Second

// nameMisfits logs the indices and templates that are not as Tocsin creates them. Indices that cannot be used are a usage error.
func (a *app) nameMisfits(ctx context.Context, b *backend) error {
	if b.misfits == nil {
		return nil
	}
	found, err := b.misfits(ctx)
	var unusable misfitError
	for _, m := range found {
		if m.Unusable {
			unusable = append(unusable, m)
			continue
		}
		a.global.log.Warn("an index or template differs from what Tocsin creates", "because", m.String())
	}
	if err != nil {
		a.global.log.Warn("the mappings of Tocsin's indices could not be checked", "error", err)
	}
	if len(unusable) > 0 {
		return usageError{unusable}
	}
	return nil
}

// misfitError says why alerts may be lost or duplicated.
type misfitError []elastic.Misfit

func (e misfitError) Error() string {
	texts := make([]string, len(e))
	for i, m := range e {
		texts[i] = m.String()
	}
	return strings.Join(texts, "; ")
}

// fit returns a readiness check that fails while an index or template is not as Tocsin creates it. It passes
// without the privilege to read them: that was logged at start.
func (b *backend) fit() func(context.Context) error {
	var (
		mu     sync.Mutex
		last   error
		looked time.Time
	)
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if b.misfits == nil || !looked.IsZero() && time.Since(looked) < misfitsEvery {
			return last
		}
		found, err := b.misfits(ctx)
		switch {
		case len(found) > 0:
			last = misfitError(found)
		case err != nil && failure.KindOf(err) != failure.Refused:
			return fmt.Errorf("check the mappings: %w", err)
		default:
			last = nil
		}
		looked = time.Now()
		return last
	}
}
