package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Field is what a mapping says of one field.
type Field struct {
	// Name is the full dotted name that queries use.
	Name string
	Type Type
	// Path is where the values stand in a document when that is not Name: the target of an alias,
	// the parent of a multi-field.
	Path string
	// Exact names the one keyword sub-field of an analysed text field, which queries for whole
	// values use in its place; "" when there is none or more than one.
	Exact string
	// IgnoreAbove is the length in UTF-16 units over which a keyword is not indexed; 0: no limit.
	IgnoreAbove int
	// Longest is the length of the longest value that IgnoreAbove left out, where the limit is no mapping's
	// but what a mapping would have by itself; 0: none is known.
	Longest int
	// LeftOut makes the values those that the index leaves out, for their length or their form, in place of
	// those that it has; no mapping says so. Elasticsearch remembers in _ignored that there are some.
	LeftOut bool
	// Normalizer names the keyword's normalizer; "lowercase" is built in, others are not known here.
	Normalizer string
	// NullValue stands in for an explicit null; nil: a null is a missing value.
	NullValue any
	// Constant is the value of a constant_keyword that every document has.
	Constant *string
	// Format lists the date formats, separated by "||"; "" is Elasticsearch's default.
	Format string
	// ScalingFactor is what the values of a scaled_float are rounded to one part of; 0: not rounded.
	ScalingFactor float64
	// Keyed is set on a key of a flattened field: its values stand at the key only, while those of
	// the flattened field itself are all values below it.
	Keyed bool
	// Nested names the nested object that the values stand in: a condition on the whole document
	// does not see them. "" when it does.
	Nested string
	// Members are the names of the mapped fields at any depth below an object, which exists is
	// true of when one of them has a value; nil where they are not known.
	Members []string
	// Opaque says why the indexed values cannot be told from a document, as of a runtime field; ""
	// when the mapping gives no such reason. See [Field.InMemory].
	Opaque string
	// Copied are the places of further values, which the mapping copies to the field.
	Copied []string
	// DocValuesOnly is set on a keyword without an index: ignoring case means more than ASCII there.
	DocValuesOnly bool
	// Unsourced says why the indexed values do not all stand in a document's source, as of a field that
	// _source leaves out; "" when they do. A search that is asked for the field hands them out: from the
	// doc values where DocValued is set, as the sources have nothing of them.
	Unsourced string
	DocValued bool
	// Conflict lists the types of a field that is mapped differently in different indices, each
	// with one of its indices: "keyword in [a]".
	Conflict []string
}

// Source returns where the field's values stand in a document.
func (f Field) Source() string {
	if f.Path != "" {
		return f.Path
	}
	return f.Name
}

// Ignored returns the name by which _ignored knows the field, which is not that of an alias.
func (f Field) Ignored() string {
	if f.Path != "" && !strings.HasPrefix(f.Name, f.Path+".") {
		return f.Path
	}
	return f.Name
}

// ErrOpaque is wrapped by the errors of [Field.InMemory].
var ErrOpaque = errors.New("indexed values cannot be told from a document")

// InMemory returns nil when [Field.Index] makes of a document's values what Elasticsearch indexes
// for the field. Otherwise the error says why it does not, and only a search can test the field.
func (f Field) InMemory() error {
	if reason := cmp.Or(f.opaque(), f.Unsourced); reason != "" {
		return fmt.Errorf("%s: %w", reason, ErrOpaque)
	}
	return nil
}

// InMemory is [Field.InMemory] of a name in every index; nil for one that is not mapped.
func InMemory(fields Fields, name string) error {
	for _, way := range Ways(fields, []string{name}) {
		if f, mapped := way.Fields.Field(name); mapped {
			if err := f.InMemory(); err != nil {
				return err
			}
		}
	}
	return nil
}

// DocValued returns those of some names whose values only the doc values of some index have.
func DocValued(fields Fields, names ...string) []string {
	if fields == nil {
		return nil
	}
	var out []string
	for _, name := range names {
		for _, way := range Ways(fields, []string{name}) {
			if f, mapped := way.Fields.Field(name); mapped && f.DocValued {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

func (f Field) opaque() string {
	family := f.Type.Family()
	switch {
	case f.Opaque != "":
		return f.Opaque
	case len(f.Conflict) > 0:
		return fmt.Sprintf("it is [%s], and %s", f.Type, strings.Join(f.Conflict, ", "))
	case family == FamilyOther, f.Type == UnsignedLong:
		return fmt.Sprintf("values of type [%s] are not read", f.Type)
	case family == FamilyString && f.Normalizer != "" && f.Normalizer != lowercase:
		return fmt.Sprintf("what normalizer [%s] does is not known", f.Normalizer)
	case family == FamilyDate && !knownFormats(f.Format):
		return fmt.Sprintf("date format [%s] is not read", f.Format)
	}
	return ""
}

// InNested is the reason for [Field.Opaque] where all that is known of a field is that it stands in
// a nested object.
func InNested(path string) string { return "it is in the nested object [" + path + "]" }

// Within returns the field as a condition on the objects at a nested path sees it: what stands in
// them is visible there.
func (f Field) Within(path string) Field {
	if f.Nested == path {
		f.Nested = ""
	}
	if f.Opaque == InNested(path) {
		f.Opaque = ""
	}
	return f
}
