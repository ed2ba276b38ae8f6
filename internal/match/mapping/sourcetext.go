package mapping

// OfSource returns a field of the texts that a source has where the values of f stand: what is
// normalized, analysed, rounded or left out of an index is there as it was sent. It has no values of
// another place, so that those of a search's answer do not stand for it.
func (f Field) OfSource() Field { return Field{Name: f.Name, Path: f.Source(), Type: SourceText} }

// WholeSource is the field of all texts of a source, at whatever name.
func WholeSource() Field { return Field{Type: SourceText} }
