package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// resolveAliases gives every alias the properties of its target, read at the target's path.
func (t Table) resolveAliases() {
	for name, f := range t {
		if f.Type != Alias {
			continue
		}
		target, ok := t.Field(f.Path)
		if !ok {
			continue
		}
		path := target.Source()
		target.Name, target.Path = name, path
		t[name] = target
	}
}

// merge adds the fields of one index.
func (t Table) merge(index string, other Table) {
	for name, f := range other {
		have, ok := t[name]
		if ok {
			f = have.Merge(index, f)
		}
		t[name] = f
	}
}

// join adds the fields of one index to the fields of other indices, for all indices together. The first index
// decides; a finer type of the same family and date formats of any index are added. Other differences remain
// in each index's own fields.
func (t Table) join(index string, other Table) {
	for name, f := range other {
		if have, ok := t[name]; ok {
			f = have.joined(index, f)
		}
		t[name] = f
	}
}

// finer orders the types of each family by precision.
var finer = []Type{
	Byte, Short, Integer, Long, UnsignedLong, HalfFloat, Float, ScaledFloat, Double, Date, DateNanos, Object, Nested,
}

func (f Field) joined(index string, o Field) Field {
	family := f.Type.Family()
	switch {
	case family != o.Type.Family(), family == FamilyOther && f.Type != o.Type, (f.Type == Flattened) != (o.Type == Flattened):
		f.Conflict = append(slices.Clip(f.Conflict), fmt.Sprintf("%s in [%s]", o.Type, index))
	case family == FamilyDate:
		f.joinDates(o)
	case slices.Index(finer, o.Type) > slices.Index(finer, f.Type):
		f.Type = o.Type
	}
	if o.Type == ConstantKeyword && family == FamilyString {
		f.Type = ConstantKeyword
	}
	if f.Constant != nil && (o.Constant == nil || *o.Constant != *f.Constant) {
		f.Constant = nil
	}
	if o.IgnoreAbove == 0 || f.IgnoreAbove != 0 && o.IgnoreAbove > f.IgnoreAbove {
		f.IgnoreAbove = o.IgnoreAbove
	}
	if f.Exact != o.Exact {
		f.Exact = ""
	}
	f.Opaque, f.Unsourced = cmp.Or(f.Opaque, o.Opaque), cmp.Or(f.Unsourced, o.Unsourced)
	f.DocValued = f.DocValued || o.DocValued
	f.Nested = cmp.Or(f.Nested, o.Nested)
	f.DocValuesOnly = f.DocValuesOnly || o.DocValuesOnly
	f.Longest = max(f.Longest, o.Longest)
	return f
}

// dropPartialConstants clears Constant for a field that some index does not have.
func (t Table) dropPartialConstants(tables map[string]Table) {
	for name, f := range t {
		if f.Constant == nil {
			continue
		}
		for _, table := range tables {
			if _, ok := table[name]; !ok {
				f.Constant = nil
				t[name] = f
				break
			}
		}
	}
}

// Merge returns the field for documents of several indices, given that index maps it as o. Types of
// one family are compatible, and the first wins; if they derive different values from a document,
// the field is Opaque. A type of another family is a Conflict.
func (f Field) Merge(index string, o Field) Field {
	switch {
	case f.Type.Family() != o.Type.Family(), (f.Type == Nested) != (o.Type == Nested), (f.Type == Flattened) != (o.Type == Flattened):
		f.Conflict = append(slices.Clip(f.Conflict), fmt.Sprintf("%s in [%s]", o.Type, index))
	case f.Opaque != "":
	case o.Opaque != "":
		f.Opaque = o.Opaque
	default:
		if what := f.difference(o); what != "" {
			f.Opaque = fmt.Sprintf("index [%s] differs in its %s", index, what)
		}
	}
	if f.Type.Family() == FamilyDate && o.Type.Family() == FamilyDate {
		f.joinDates(o)
	}
	if f.Exact != o.Exact {
		f.Exact = ""
	}
	f.Longest = max(f.Longest, o.Longest)
	return f
}

// joinDates makes a field that reads the dates of both, in the higher precision of the two: events
// of all indices then have a time, even if conditions on it are left to searches.
func (f *Field) joinDates(o Field) {
	if a, b := f.DateFormat(), o.DateFormat(); a != b {
		f.Format = JoinFormats(a, b)
	}
	if o.Type == DateNanos {
		f.Type = DateNanos
	}
}

// JoinFormats returns the format list for documents of indices with two format lists. A text that
// both read, but differently, is read in the first way.
func JoinFormats(a, b string) string {
	for format := range strings.SplitSeq(b, "||") {
		if !slices.Contains(strings.Split(a, "||"), format) {
			a += "||" + format
		}
	}
	return a
}

// ambiguousDates are texts that formats may read differently.
var ambiguousDates = []string{"1234", "12345", "-5", "20260102", "1767236645", "1767236645000", "01/02/2026", "01-02-2026", "01.02.2026"}

// readAlike reports whether no text means different dates under two format lists.
func readAlike(a, b string) bool {
	if a == b {
		return true
	}
	for _, text := range ambiguousDates {
		x, _, errX := ParseDate(text, a)
		y, _, errY := ParseDate(text, b)
		if errX == nil && errY == nil && !x.Equal(y) {
			return false
		}
	}
	return knownFormats(a) && knownFormats(b)
}

// difference names the first property by which two mappings derive different values from a
// document.
func (f Field) difference(o Field) string {
	family := f.Type.Family()
	switch {
	case f.Source() != o.Source():
		return "path"
	case f.Type != o.Type && (family == FamilyFloat || family == FamilyDate), f.Keyed != o.Keyed:
		return "type"
	case f.IgnoreAbove != o.IgnoreAbove, f.LeftOut != o.LeftOut:
		return "ignore_above"
	case f.Normalizer != o.Normalizer:
		return "normalizer"
	case !sameNull(f.NullValue, o.NullValue):
		return "null_value"
	case (f.Constant == nil) != (o.Constant == nil), f.Constant != nil && *f.Constant != *o.Constant:
		return "value"
	case family == FamilyDate && !readAlike(f.DateFormat(), o.DateFormat()):
		return "format"
	case f.ScalingFactor != o.ScalingFactor:
		return "scaling_factor"
	case f.Nested != o.Nested:
		return "nested parent"
	case !slices.Equal(f.Copied, o.Copied):
		return "copies"
	}
	return ""
}

// sameNull compares two null_values, which need not be scalars for unsupported types.
func sameNull(a, b any) bool {
	textA, okA := ScalarText(a)
	textB, okB := ScalarText(b)
	return okA == okB && textA == textB
}

// SameValues reports whether two fields have the same indexed values in every document.
func (f Field) SameValues(o Field) bool {
	return f.Type == o.Type && f.Format == o.Format && f.difference(o) == ""
}
