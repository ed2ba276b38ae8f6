package store

import "context"

// Of returns the series of indices: what the mapping file says, else the data stream of a backing index's name, else the
// index itself.
func (e *Events) Of(_ context.Context, indices []string) (map[string]string, error) {
	out := make(map[string]string, len(indices))
	for _, index := range indices {
		out[index] = e.mapped.series(index)
	}
	return out, nil
}
