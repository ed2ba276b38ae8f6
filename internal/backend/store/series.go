package store

import "context"

// Of returns the series of indices: from the mapping file, else the data stream in a backing
// index's name, else the index itself.
func (e *Events) Of(_ context.Context, indices []string) (map[string]string, error) {
	out := make(map[string]string, len(indices))
	for _, index := range indices {
		out[index] = e.mapped.series(index)
	}
	return out, nil
}
