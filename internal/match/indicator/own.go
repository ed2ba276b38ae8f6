package indicator

import (
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// owner is a document that knows the fields of its own index.
type owner interface {
	Own(f mapping.Field) (mapping.Field, bool)
}

// ownTerm returns [termOf] of a document's value. A field that indices map differently is compared
// as text: then the text follows the type in the document's own index, however the document writes
// the value.
func ownTerm(d condition.Document, f mapping.Field, v mapping.Value, g grain) term {
	o, ok := d.(owner)
	if !ok || f.Type.Family() != mapping.FamilyString {
		return termOf(f, v, g)
	}
	own, mapped := o.Own(f)
	if !mapped || own.Type.Family() == mapping.FamilyString || own.Type.Family() == mapping.FamilyUnknown {
		return termOf(f, v, g)
	}
	return term(own.Key(v))
}
