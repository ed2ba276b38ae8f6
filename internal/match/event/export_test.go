package event

import "tocsin/internal/match/mapping"

// ValuesOf asks a fresh document, which has remembered nothing.
func ValuesOf(d *Document, f mapping.Field) []mapping.Value {
	return (&Document{Source: d.Source, fields: d.fields, index: d.index, id: d.id}).Values(f)
}

// DecodeSlowly is what [DecodeObject] has to agree with.
var DecodeSlowly = decodeReference
