package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Field is the mapping of one field.
type Field struct {
	// Name is the full dotted name that queries use.
	Name string
	Type Type
	// Path is where the values are in a document if that is not Name: the target of an alias, the
	// parent of a multi-field.
	Path string
	// Exact names the only keyword sub-field of an analysed text field, which queries for whole
	// values use instead; "" when there is none or more than one.
	Exact string
	// IgnoreAbove is the length in UTF-16 units above which a keyword is not indexed; 0: no limit.
	IgnoreAbove int
	// Longest is the length of the longest value that IgnoreAbove left out, if the limit is the
	// default of dynamic mapping and not from a mapping; 0: none is known.
	Longest int
	// LeftOut turns the field's values into the values that the index leaves out, for their length
	// or form. It is not part of a mapping. Elasticsearch records in _ignored that there are such
	// values.
	LeftOut bool
	// Normalizer names the keyword's normalizer; "lowercase" is built in, others are not supported.
	Normalizer string
	// Analyzer says how the terms of a text are made: [Standard], the name of another analyser or of what else makes them
	// differ, or "" if that depends on more than the mapping. Only the terms of Standard are known in memory.
	Analyzer string
	// NullValue replaces an explicit null; nil: a null is a missing value.
	NullValue any
	// Constant is the value of a constant_keyword that every document has.
	Constant *string
	// Format lists the date formats, separated by "||"; "" means Elasticsearch's default.
	Format string
	// ScalingFactor: the values of a scaled_float are rounded to multiples of 1/ScalingFactor; 0:
	// not rounded.
	ScalingFactor float64
	// Keyed is set for a key of a flattened field: its values are at the key only, while the
	// flattened field itself has all values below it.
	Keyed bool
	// Nested names the nested object that contains the values: a condition on the whole document
	// does not see them. "" when it does.
	Nested string
	// Members lists the mapped fields at any depth below an object. exists is true of the object
	// when one of them has a value. nil means not known.
	Members []string
	// Opaque is why the indexed values cannot be derived from a document, for example for a runtime
	// field; "" when the mapping gives no such reason. See [Field.InMemory].
	Opaque string
	// Copied lists the places of further values, which the mapping copies to the field.
	Copied []string
	// DocValuesOnly is set for a keyword without an index: there, ignoring case covers more than
	// ASCII.
	DocValuesOnly bool
	// Unsourced is why some indexed values are missing in a document's source, for example for a
	// field that _source excludes; "" when none are. A search that requests the field returns them:
	// from the doc values if DocValued is set, as the sources have none of them.
	Unsourced string
	DocValued bool
	// Conflict lists the types of a field that is mapped differently in different indices, each
	// with one of its indices: "keyword in [a]".
	Conflict []string
}

// Source returns where the field's values are in a document.
func (f Field) Source() string {
	if f.Path != "" {
		return f.Path
	}
	return f.Name
}

// Ignored returns the field's name in _ignored; for an alias, it is the target's name.
func (f Field) Ignored() string {
	if f.Path != "" && !strings.HasPrefix(f.Name, f.Path+".") {
		return f.Path
	}
	return f.Name
}

// Standard is the analyser of text fields whose mapping and index settings name no other.
const Standard = "standard"

// Analyzed returns a field under index settings that name no analyser: its text has the terms of [Standard], unless its
// mapping says otherwise.
func (f Field) Analyzed() Field {
	if f.Type.Family() == FamilyText && f.Analyzer == "" {
		f.Analyzer = Standard
	}
	return f
}

// Analyzed returns a table with the result of [Field.Analyzed] for each field.
func (t Table) Analyzed() Table {
	out := make(Table, len(t))
	for name, f := range t {
		out[name] = f.Analyzed()
	}
	return out
}

// ErrOpaque is wrapped by the errors of [Field.InMemory].
var ErrOpaque = errors.New("indexed values cannot be derived from a document")

// InMemory returns nil when [Field.Index] derives from a document's values what Elasticsearch
// indexes for the field. Otherwise the error says why not, and only a search can test the field.
func (f Field) InMemory() error {
	if reason := cmp.Or(f.opaque(), f.Unsourced); reason != "" {
		return fmt.Errorf("%s: %w", reason, ErrOpaque)
	}
	return nil
}

// InMemory returns the result of [Field.InMemory] for a name in every index; nil if it is not
// mapped.
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

// DocValued returns the names whose values are only in doc values, in some index.
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
		return fmt.Sprintf("normalizer [%s] is not supported", f.Normalizer)
	case family == FamilyDate && !knownFormats(f.Format):
		return fmt.Sprintf("date format [%s] is not supported", f.Format)
	}
	return ""
}

// InNested returns the reason for [Field.Opaque] if all that is known of a field is that it is in a
// nested object.
func InNested(path string) string { return "it is in the nested object [" + path + "]" }

// Within returns the field as a condition on the objects at a nested path sees it: fields in the
// objects are visible there.
func (f Field) Within(path string) Field {
	if f.Nested == path {
		f.Nested = ""
	}
	if f.Opaque == InNested(path) {
		f.Opaque = ""
	}
	return f
}
