package search

import "context"

// Locator is an Events that can say in which indices the hits of patterns stand.
type Locator interface {
	// Locate returns the names that hits of the patterns carry as their index, as a test of one such
	// name. The test is good for the indices that exist now.
	Locate(ctx context.Context, patterns []string) (func(index string) bool, error)
}

// Slicer is an Events that can read one search in several parts at the same time.
type Slicer interface {
	// SearchSlices is Search in as many parts as there are visitors, each called from a goroutine of
	// its own; the order of the hits is of no account. Every hit is in exactly one part. The Result is
	// that of the whole.
	SearchSlices(ctx context.Context, r Request, visits []Visit) (Result, error)
}
