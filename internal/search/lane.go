package search

import "context"

// backgroundKey is the key of a context's lane.
type backgroundKey struct{}

// Background marks a context whose searches can wait: those of slots that are caught up with, and of
// backfills. Who answers searches lets the others pass.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// InBackground reports whether searches of the context can wait.
func InBackground(ctx context.Context) bool {
	background, _ := ctx.Value(backgroundKey{}).(bool)
	return background
}
