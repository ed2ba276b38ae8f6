package event

import "tocsin/internal/mapping"

// ValuesOf asks a fresh document, which has remembered nothing.
func ValuesOf(d *Document, f mapping.Field) []mapping.Value {
	return (&Document{Source: d.Source, fields: d.fields}).Values(f)
}

// DecodeObject and DecodeSlowly have to agree.
var (
	DecodeObject = decodeObject
	DecodeSlowly = decodeSlowly
)
