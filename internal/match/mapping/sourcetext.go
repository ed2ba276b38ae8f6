package mapping

import "strings"

// OfSource returns a field of the texts that a source has where the values of f stand: what is
// normalized, analysed, rounded or left out of an index is there as it was sent. It has no values of
// another place, so that those of a search's answer do not stand for it.
func (f Field) OfSource() Field {
	return Field{Name: SourceName(f.Name), Path: f.Source(), Type: SourceText}
}

// WholeSource is the field of all texts of a source, at whatever name.
func WholeSource() Field { return Field{Name: SourceName(""), Type: SourceText} }

// IsWhole reports whether the field is [WholeSource].
func (f *Field) IsWhole() bool { return f.Type == SourceText && f.Path == "" }

// SourceName is the name by which conditions mean the texts of a source at a name, "" for all of them.
func SourceName(name string) string {
	if name == "" {
		return "_source"
	}
	return "_source." + name
}

// SourcePlace returns the name whose texts are meant; false for the name of a field.
func SourcePlace(name string) (of string, ok bool) {
	if name == "_source" {
		return "", true
	}
	return strings.CutPrefix(name, "_source.")
}
