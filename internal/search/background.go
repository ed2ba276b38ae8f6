package search

import "context"

// backgroundKey is the context key for background searches.
type backgroundKey struct{}

// Background marks the searches of a context as background work: searches of the catch-up and of backfills.
// The backend lets other searches go first.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// InBackground reports whether the searches of a context are background work.
func InBackground(ctx context.Context) bool {
	background, _ := ctx.Value(backgroundKey{}).(bool)
	return background
}
