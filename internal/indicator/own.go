package indicator

import (
	"tocsin/internal/condition"
	"tocsin/internal/mapping"
)

// owner is a document that knows how its index maps fields.
type owner interface {
	Own(f mapping.Field) (mapping.Field, bool)
}

// ownTerm is [termOf] of a value of a document. A field that indices map differently is compared as text:
// then a value's text is that of its own type, however the document writes it.
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
