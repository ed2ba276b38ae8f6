package search

import "tocsin/internal/condition"

// InMemory returns nil when the request can be answered from the documents alone: its condition can be
// matched, and its hits put in order. The error says what only a search can do.
func (r Request) InMemory() error {
	if err := condition.Check(r.Filter(), r.FieldTypes); err != nil {
		return err //nolint:wrapcheck // it names the field
	}
	_, err := NewOrdering(r)
	return err
}
