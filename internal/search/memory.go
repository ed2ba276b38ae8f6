package search

import (
	"fmt"
	"slices"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// InMemory returns nil if the request can be answered from documents alone: the condition can be matched, the
// hits ordered, and the requested fields read, in every index. Otherwise the error says which part needs a
// search; an error that wraps [failure.ErrCrash] is a fault of the condition.
func (r Request) InMemory() error {
	return failure.Guard("compile a condition", func() error { //nolint:wrapcheck // the error names the field
		variants, err := r.Variants()
		if err != nil {
			return err
		}
		if r.Whole != nil { // It can be matched.
			return nil
		}
		for _, v := range variants {
			if err := condition.Check(r.Asked(), v.Way.Fields); err != nil {
				return err //nolint:wrapcheck // the error names the field
			}
		}
		return nil
	})
}

// Variant is a request as answered in indices with the same mapping of its fields.
type Variant struct {
	Way      mapping.Way
	Ordering Ordering
}

// Variants returns the request's variants: one, unless indices map its fields differently. An error says
// which part, apart from the condition, only a search can answer.
func (r Request) Variants() ([]Variant, error) {
	var out []Variant
	for _, way := range r.ways() {
		own := r
		own.FieldTypes = way.Fields
		if err := condition.Check(r.Time.Condition(), way.Fields); err != nil {
			return nil, err //nolint:wrapcheck // the error names the field
		}
		ordering, err := NewOrdering(own)
		if err != nil {
			return nil, err
		}
		if err := readable(way.Fields, r.Fields); err != nil {
			return nil, err
		}
		out = append(out, Variant{way, ordering})
	}
	return out, nil
}

// readable returns nil if the values of fields can be derived from a document.
func readable(fields mapping.Fields, names []string) error {
	for _, name := range names {
		f, mapped := fields.Field(name)
		if !mapped || f.Type.Family() == mapping.FamilyText {
			continue
		}
		if element, ranges := f.Type.Element(); ranges { // a document contains ranges of that type
			f.Type = element
		}
		if err := f.InMemory(); err != nil {
			return fmt.Errorf("field [%s] of type [%s]: %w", name, f.Type, err)
		}
	}
	return nil
}

// ways returns the different ways in which indices map the request's fields.
func (r Request) ways() []mapping.Way {
	if !mapping.Apart(r.FieldTypes) {
		return mapping.Ways(r.FieldTypes, nil) // for any fields
	}
	names := slices.Concat(condition.Names(r.Asked()), condition.Names(r.Time.Condition()), r.Fields)
	for _, by := range r.Order() {
		names = append(names, by.Name)
	}
	slices.Sort(names)
	return mapping.Ways(r.FieldTypes, slices.Compact(names))
}
