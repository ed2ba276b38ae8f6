package search

import "context"

// backgroundKey is the key of a context's mark.
type backgroundKey struct{}

// Background marks a context whose searches can wait: the searches of the catch-up and of backfills. Backends give
// precedence to all others.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// InBackground reports whether searches of the context can wait.
func InBackground(ctx context.Context) bool {
	background, _ := ctx.Value(backgroundKey{}).(bool)
	return background
}
